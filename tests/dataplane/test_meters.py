"""The file for the meters: what is in it, who begins it, what a crash in the middle of anything leaves."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import cast

import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import raw

from dataplane.assembly import build_engine
from dataplane.config import parse_config, parse_keys
from dataplane.counters import MeteredCounters
from dataplane.doubles import PEER, VCPE, Gateway, Underlay, ike_pop, ike_vcpe
from dataplane.errors import DropReason, LocalError
from dataplane.ike.policy import Lease
from dataplane.linux.outbox import Outbox
from dataplane.linux.udp import UnderlaySocket
from dataplane.meters import (
    FILE_LENGTH,
    MAGIC,
    NAME_LENGTH,
    RECORD_LENGTH,
    Meters,
    MetersError,
    Reading,
    Record,
    read_meters,
)
from dataplane.packets import Buffer, Deliver, Endpoint, Send
from tests.dataplane.test_config import GOOD, IKE_PEER

NAMES = ["cu-1", "cu-2", "c" * NAME_LENGTH]


@pytest.fixture
def memory() -> memoryview:
    return memoryview(bytearray(FILE_LENGTH))


def count(record: Record, length: int) -> None:
    counters = MeteredCounters.on(record)
    counters.received.count(length).put_down()
    for part in (length, 2 * length):
        counters.sent.count(part).put_down()
    counters.exceeded(DropReason.INBOUND_BANDWIDTH_EXCEEDED)
    counters.exceeded(DropReason.PEAK_BANDWIDTH_EXCEEDED, 4)
    assert (counters.received.bytes, counters.sent.packets, counters.drops.total()) == (length, 2, 5)


def test_what_is_counted_is_read_under_its_name(memory: memoryview) -> None:
    meters = Meters(memory)
    for length, name in enumerate(NAMES, 1):
        count(meters.record(name), length)
    assert read_meters(memory) == {name: Reading(1, length, 2, 3 * length, 1, 4) for length, name in enumerate(NAMES, 1)}


def test_next_process_goes_on_where_the_last_was_killed(memory: memoryview) -> None:
    count(Meters(memory).record("cu-1"), 2**40)
    later = Meters(memory)
    count(later.record("cu-2"), 7)
    count(later.record("cu-1"), 1)
    assert [reading.received_bytes for reading in read_meters(memory).values()] == [2**40 + 1, 7]


def test_record_that_was_never_finished_is_used_by_the_next(memory: memoryview) -> None:
    """A process was killed between the name's first byte, which comes last, and the others."""
    Meters(memory).record("cu-1")
    memory[len(MAGIC) + RECORD_LENGTH + 1 : len(MAGIC) + RECORD_LENGTH + 9] = b"u-1-long"
    count(Meters(memory).record("cu-2"), 5)
    assert {name: reading.received_bytes for name, reading in read_meters(memory).items()} == {"cu-1": 0, "cu-2": 5}


WRONG = {
    "another kind": (lambda: memoryview(bytearray(b"x" * FILE_LENGTH)), "holds something else"),
    "empty": (lambda: memoryview(bytearray()), "holds something else"),
    "cut off": (lambda: memoryview(bytearray(MAGIC + bytes(RECORD_LENGTH))), f"{len(MAGIC) + RECORD_LENGTH} bytes"),
}


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG.keys())
def test_file_that_is_none_of_ours_is_refused(make, message: str) -> None:
    content = make()
    before = bytes(content)
    with pytest.raises(MetersError, match=message):
        Meters(content)
    assert bytes(content) == before


def test_there_is_an_end_to_the_names(memory: memoryview, monkeypatch: pytest.MonkeyPatch) -> None:
    meters = Meters(memory)
    monkeypatch.setattr(meters, "_used", FILE_LENGTH - RECORD_LENGTH)
    meters.record("the last")
    with pytest.raises(MetersError, match="'one more' finds no room"):
        meters.record("one more")


# In an engine

LEASE = Lease(IPv4Address("10.0.0.7"))


def point(memory: memoryview) -> Gateway:
    gateway = ike_pop()
    gateway.negotiated.policy = replace(gateway.negotiated.policy, lease=LEASE, once=True)
    gateway.negotiated.count_in(Meters(memory).record("cu-1"))
    return gateway


def test_spent_key_stays_spent_when_the_process_is_killed(memory: memoryview) -> None:
    left, right = ike_vcpe(), point(memory)
    Underlay(left, right).tick()
    assert left.negotiated.is_connected
    again, reborn = ike_vcpe(seed="again"), point(memory)
    Underlay(again, reborn).tick()
    assert not again.negotiated.is_connected
    assert reborn.drops == {DropReason.IKE_SPENT_KEY: 1}


def test_next_key_is_good_when_the_last_is_spent(memory: memoryview) -> None:
    Underlay(ike_vcpe(), point(memory)).tick()
    left, right = ike_vcpe(psk=b"the next"), point(memory)
    policy = replace(right.negotiated.policy, psk=b"the next")
    right.negotiated.policy = replace(policy, spent=False)
    Underlay(left, right).tick()
    assert left.negotiated.is_connected


# While packets go on


class Killed(BaseException):
    """What ends a process in a system call, which is finished nevertheless."""


@dataclass
class Underneath:
    """A socket of a kernel that takes all, refuses batches or refuses all, and whose process is killed in a certain call.

    It dies in none that is refused: there, a call may be counted that was none.
    """

    refuses: str = ""
    killed_in: int = 0
    calls: int = 0
    taken: int = 0

    def send(self, payload: Buffer, endpoint: Endpoint, tos: int = 0) -> None:
        self._call(1, "all")

    def send_batch(self, parts: Sequence[Buffer], segment: int, endpoint: Endpoint, tos: int) -> None:
        self._call(len(parts), "batches")

    def _call(self, datagrams: int, kind: str) -> None:
        self.calls += 1
        refused = self.refuses in (kind, "all")
        self.taken += 0 if refused else datagrams
        if refused:
            raise OSError(errno.EIO, "")
        if self.calls == self.killed_in:
            raise Killed


LENGTHS = [700, 700, 700, 300, 500, 500]  # of datagrams; two calls, if they may go together
REFUSALS = {"takes all": ("", 2), "refuses batches": ("batches", 7), "refuses all": ("all", 7)}


@pytest.mark.parametrize(("refuses", "calls"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_the_kernel_took_is_counted_whenever_the_process_dies(memory: memoryview, refuses: str, calls: int) -> None:
    for killed_in in range(1, calls + 2):
        record = Meters(memory).record(f"cu-{killed_in}")
        traffic = MeteredCounters.on(record).sent
        kernel = Underneath(refuses, killed_in)
        outbox = Outbox(cast(UnderlaySocket, kernel), lambda _send, _reason: None)
        try:
            for length in LENGTHS:
                outbox.put(Send(bytes(length), VCPE, PEER, entry=traffic.count(length)))
            outbox.flush()
        except Killed:
            pass
        assert record.read().sent_packets == kernel.taken
    assert kernel.calls == calls


def test_released_packet_is_counted_when_it_goes_on(memory: memoryview) -> None:
    left, right = ike_vcpe(), ike_pop()
    underlay = Underlay(left, right)
    underlay.tick()
    right.negotiated.count_in(Meters(memory).record("cu-1"))
    right.engine.set_bandwidth(PEER, None, 1_000_000)
    underlay.send(left, *[raw(IP(src="10.0.1.10", dst="192.168.1.10") / UDP() / bytes(1000))] * 6)
    gone = len(right.delivered)
    released = right.engine.tick(underlay.now + 1.0)
    assert [isinstance(effect, Deliver) for effect in released][-2:] == [True, True]
    for number in range(2):
        assert read_meters(memory)["cu-1"].received_packets == gone + number
        underlay.carry_out(right, [released[number - 2]])


def metered(**document: object) -> str:
    return json.dumps({**GOOD, **document, "peers": [{**IKE_PEER, "meter": "cu-1"}]})


def test_configured_meter_counts(memory: memoryview) -> None:
    config = parse_config(metered(meters="/var/lib/somewhere"))
    assert config.meters == "/var/lib/somewhere"
    keys = parse_keys(json.dumps({PEER: {"psk": "00"}}), config.peers)
    engine = build_engine(config, keys, 0.0, bytes, meters=Meters(memory))
    entry = engine.peers[PEER].counters.received.count(100)
    assert entry is not None
    entry.put_down()
    assert read_meters(memory)["cu-1"].received_bytes == 100


def test_meter_without_a_file_is_refused() -> None:
    config = parse_config(metered())
    with pytest.raises(LocalError, match="there is no file to count in; set meters"):
        build_engine(config, parse_keys(json.dumps({PEER: {"psk": "00"}}), config.peers), 0.0, bytes)
