"""Against the kernel: what it makes of our super-packets, and whether we cut its as it does itself.

    we write ──► whole0 ──► kernel forwards, and cuts ──► apart0 ──► we read, packet by packet
"""

from __future__ import annotations

import ctypes
import os
import select
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from scapy.layers.inet import TCP, UDP

from dataplane import ipv4
from dataplane.bursts import Receiver
from dataplane.coalescing import Coalescer
from dataplane.cutting import cut
from dataplane.doubles import TO_POP_SPI, VCPE, inbound_sa, outbound_sa
from dataplane.linux.selftest import takes_superpackets
from dataplane.linux.tun import Tun, open_tun
from dataplane.segmentation import Segmenter
from dataplane.virtio import Offload
from tests.dataplane.superpackets import TIMESTAMPS, Flow, octets, with_own_checksums

pytestmark = pytest.mark.emulation

CLONE_NEWNET = 0x40000000
WITHIN = 60.0  # seconds; a busy machine takes its time
PROTOCOLS = (ipv4.PROTOCOL_TCP, ipv4.PROTOCOL_UDP)
MTU = 1500


@dataclass
class Kernel:
    """Forwards from a device with offloads to one without."""

    whole: Tun
    apart: Tun

    def cut(self, offload: Offload, *parts: bytes | memoryview) -> list[bytes]:
        """The packets that the kernel makes of a super-packet. It forwards them, so their TTL is lower by 1."""
        self.whole.write_superpacket(offload.pack(), parts)
        wanted = sum(map(len, parts)) - offload.header_length
        packets: list[bytes] = []
        while sum(len(packet) - offload.header_length for packet in packets) < wanted:
            packets.append(self._read())
        return packets

    def _read(self) -> bytes:
        slot = memoryview(bytearray(65536))
        ready, _, _ = select.select([self.apart], [], [], WITHIN)
        assert ready, "the kernel forwarded fewer packets than were in the super-packet"
        length, offload = self.apart.read_into(slot)
        assert offload.gso_type == 0
        return bytes(slot[:length])


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    kernel = in_own_network(_open)
    yield kernel
    kernel.whole.close()
    kernel.apart.close()


def _open() -> Kernel:
    whole, apart = (Tun(name, open_tun(name, MTU, vnet_header=True)) for name in ("whole0", "apart0"))
    if whole.offload(PROTOCOLS) != set(PROTOCOLS):
        pytest.skip("this kernel has no super-packets of UDP on TUN devices (Linux 6.2 has)")
    apart.offload(())
    for command in (
        "ip address add 10.0.0.1/16 dev whole0",
        "ip route add 192.168.0.0/16 dev apart0",
        "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.whole0.rp_filter=0",
    ):
        subprocess.run(command.split(), check=True)
    return Kernel(whole, apart)


def in_own_network(function: Callable[[], Kernel]) -> Kernel:
    """Call it in a thread with a network namespace of its own, which lives as long as the descriptors that it opens."""
    results: list[Kernel | BaseException] = []

    def run() -> None:
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "unshare")
            results.append(function())
        except BaseException as error:  # raised again below, in the thread that waits
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


FLOWS = {
    "tcp": Flow(),
    "tcp-with-options": Flow(transport={"options": TIMESTAMPS, "seq": 2**32 - 5000}),
    "tcp-identification-wraps": Flow(ip={"id": 65533, "flags": "DF"}),
    "tcp-without-df": Flow(ip={"id": 7, "flags": 0, "tos": 0x28}),
    "udp": Flow(UDP),
    "udp-without-df": Flow(UDP, ip={"id": 65530, "flags": 0}),
}
SIZES = {"even": (1348, 13480), "odd": (999, 9990), "short-last": (1000, 9501), "small": (20, 1203), "largest": (1400, 63000)}
FLAGS = {"plain": "A", "push-and-fin": "FPA", "congestion-window-reduced": "CPA"}


def ours(flow: Flow, payload: bytes, size: int, **transport: object) -> list[bytes]:
    """Our packets, as they are after one hop."""
    forwarded = Flow(flow.protocol, {**flow.ip, "ttl": 63}, flow.transport)
    return list(cut(forwarded.parsed(payload, size, **transport)))


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
@pytest.mark.parametrize(("size", "length"), SIZES.values(), ids=SIZES)
def test_we_cut_as_the_kernel_does(kernel: Kernel, flow: Flow, size: int, length: int) -> None:
    packet, offload = flow.superpacket(octets(length), size)
    head = len(packet) - length
    assert kernel.cut(offload._replace(header_length=head), bytes(packet)) == ours(flow, octets(length), size)


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_flags_go_where_the_kernel_puts_them(kernel: Kernel, flags: str) -> None:
    packet, offload = Flow().superpacket(octets(5000), 1000, flags=flags)
    assert kernel.cut(offload._replace(header_length=40), bytes(packet)) == ours(Flow(), octets(5000), 1000, flags=flags)


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
@pytest.mark.parametrize(("size", "length"), SIZES.values(), ids=SIZES)
def test_the_kernel_cuts_what_we_joined_into_what_it_was(kernel: Kernel, flow: Flow, size: int, length: int) -> None:
    superpacket = flow.parsed(octets(length), size, **({"flags": "PA"} if flow.protocol is TCP else {}))
    segmenter, receiver, sa = Segmenter(), Receiver(), inbound_sa(TO_POP_SPI)
    for batch in segmenter.seal(superpacket, outbound_sa(TO_POP_SPI)):
        receiver.room[: len(batch.payload)] = batch.payload
        (burst,) = (*receiver.take(len(batch.payload), batch.segment, VCPE, 0), *receiver.finish())
        assert not burst.open(sa)
        run = Coalescer(receiver.memory, PROTOCOLS).run(burst, 0)
        if burst.pieces == 1:
            assert run is None
            continue
        assert run is not None
        assert run.pieces == burst.pieces
        forwarded = [with_own_checksums(bytes([*packet[:8], 63, *packet[9:]])) for packet in run.packets]
        assert kernel.cut(run.offload, run.head, *run.payloads) == forwarded


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_self_test_finds_that_the_kernel_takes_superpackets(kernel: Kernel, protocol: int) -> None:
    """And nothing comes of what it is asked with."""
    assert takes_superpackets(kernel.whole, protocol)
    assert not select.select([kernel.whole, kernel.apart], [], [], 0.1)[0]


def test_the_kernel_refuses_what_it_does_not_know(kernel: Kernel) -> None:
    """So a refusal is told by an error, and the loop hands the packets over one by one."""
    packet, offload = Flow().superpacket(octets(5000), 1000)
    with pytest.raises(OSError, match=os.strerror(22)):
        kernel.whole.write_superpacket(offload._replace(gso_type=99).pack(), [bytes(packet)])
