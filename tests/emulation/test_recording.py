"""Capture files: what tcpdump writes is read however it is cut, and what we write scapy reads."""

from __future__ import annotations

import os
import struct
import subprocess
import time
from collections import Counter
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether
from scapy.utils import PcapNgReader, RawPcapNgReader

from lab.emulation.capture import Point
from lab.emulation.machine import Machine
from lab.emulation.pcapng import (
    CapturedPacket,
    MalformedCapture,
    PcapStream,
    enhanced_packet,
    interface_description,
    interface_statistics,
    section_header,
)
from lab.emulation.recording import Recording
from lab.errors import MachineError
from tests.emulation.lab_process import in_lab

ETHERNET, RAW = 1, 101  # LINKTYPE_ values
PACKETS = [CapturedPacket(1_700_000_000_000_000_001 + n, 100 + n, bytes([n]) * (60 + n)) for n in range(5)]


def pcap(packets: list[CapturedPacket], link_type: int = ETHERNET, magic: int = 0xA1B23C4D) -> bytes:
    """As tcpdump writes it with nanoseconds."""
    records = [
        struct.pack("=IIII", *divmod(packet.time, 10**9), len(packet.octets), packet.length) + packet.octets for packet in packets
    ]
    return struct.pack("=IHHiIII", magic, 2, 4, 0, 0, 262144, link_type) + b"".join(records)


@given(cuts=st.lists(st.integers(0, len(pcap(PACKETS))), max_size=20))
def test_a_stream_is_read_however_it_is_cut(cuts: list[int]) -> None:
    stream, whole, read = PcapStream(), pcap(PACKETS), []
    ends = [0, *sorted(cuts), len(whole)]
    for start, end in pairwise(ends):
        read += list(stream.feed(whole[start:end]))
    assert read == PACKETS
    assert stream.link_type == ETHERNET


def test_what_is_no_pcap_with_nanoseconds_is_refused() -> None:
    with pytest.raises(MalformedCapture, match="0xa1b2c3d4"):
        list(PcapStream().feed(pcap([], magic=0xA1B2C3D4)))


def test_scapy_reads_what_is_written() -> None:
    packet = Ether() / IP(dst="10.0.0.1") / ICMP()  # type: ignore[no-untyped-call]
    captured = CapturedPacket(1_700_000_000_123_456_789, 1000, bytes(packet))
    file = BytesIO(
        section_header("x")
        + interface_description("app:eth0", ETHERNET)
        + interface_description("vcpe:tun0", RAW)
        + enhanced_packet(0, captured)
        + interface_statistics(0, captured.time, 3)
    )
    (read,) = list(PcapNgReader(file))  # type: ignore[no-untyped-call]
    assert (bytes(read), read.sniffed_on, read.wirelen) == (bytes(packet), "app:eth0", 1000)
    assert int(read.time * 10**9) == captured.time


@given(lengths=st.lists(st.integers(0, 70), max_size=8))
def test_every_length_is_padded(lengths: list[int]) -> None:
    packets = [CapturedPacket(n, length, bytes(length)) for n, length in enumerate(lengths)]
    blocks = section_header("x") + interface_description("n", RAW) + b"".join(enhanced_packet(0, packet) for packet in packets)
    read = [data for data, _ in RawPcapNgReader(BytesIO(blocks))]  # type: ignore[no-untyped-call]
    assert [len(data) for data in read] == lengths


# Real ones


def pair() -> tuple[Machine, Machine]:
    """Two nodes on one link."""
    a, b = Machine("rec-a"), Machine("rec-b")
    link(a, b)
    return a, b


def link(a: Machine, b: Machine) -> None:
    a.netlink.link("add", kind="veth", ifname="eth0", peer={"ifname": "eth0", "net_ns_fd": b.namespace.fd})
    for machine, address in ((a, "10.9.0.1"), (b, "10.9.0.2")):
        index = machine.interface_index("eth0")
        machine.netlink.addr("add", index=index, address=address, prefixlen=24)
        machine.netlink.link("set", index=index, state="up")


def point(machine: Machine) -> Point:
    return Point(f"{machine.name}:eth0", tuple(machine.entry()), "eth0")


def echoes(file: Path) -> Counter[str]:
    """Of how many echo requests and replies, by point, the file has the whole until now."""
    with PcapNgReader(str(file)) as packets:  # type: ignore[no-untyped-call]
        return Counter(packet.sniffed_on for packet in packets if ICMP in packet)


ECHOES = 200
WITHIN = 60.0  # seconds; a busy machine may take its time


@pytest.mark.emulation
def test_many_points_in_one_file_and_no_packet_missed(tmp_path: Path) -> None:
    """Pings all at once, and the end right after them: each end has seen every request and every reply."""

    def capture() -> int:
        a, b = pair()
        recording = Recording(os.open(tmp_path / "x.pcapng", os.O_WRONLY | os.O_CREAT))
        recording.add([point(a), point(b)])
        a.run("ping", "-c", str(ECHOES), "-l", str(ECHOES), "-W", "1", "-q", "10.9.0.2")
        return recording.stop()

    assert in_lab(capture) == 0
    packets = [packet for packet in PcapNgReader(str(tmp_path / "x.pcapng")) if ICMP in packet]  # type: ignore[no-untyped-call]
    seen = [(packet.sniffed_on, packet[ICMP].type) for packet in packets]
    assert {key: seen.count(key) for key in set(seen)} == {(f"rec-{end}:eth0", kind): ECHOES for end in "ab" for kind in (0, 8)}
    assert [packet.time for packet in packets] == sorted(packet.time for packet in packets)


@pytest.mark.emulation
def test_an_interface_that_is_made_anew_is_captured_again(tmp_path: Path) -> None:
    """Both ends of a link go and come again, then the capture is ended; what passed before and after is in the file."""
    file = tmp_path / "x.pcapng"

    def capture() -> list[str]:
        a, b = pair()
        recording = Recording(os.open(file, os.O_WRONLY | os.O_CREAT))
        recording.add([point(a), point(b)])
        a.run("ping", "-c", "1", "-q", "10.9.0.2")
        deadline = time.monotonic() + WITHIN
        while echoes(file) != {"rec-a:eth0": 2, "rec-b:eth0": 2}:  # what tcpdump has not read when an interface goes is lost
            assert time.monotonic() < deadline, f"the first echo is not in the file: {echoes(file)}"
            time.sleep(0.05)
        told: list[str] = []
        ended, end = os.pipe()

        def tell(point: Point) -> None:
            told.append(point.name)
            if len(told) == 2:
                a.run("ping", "-c", "2", "-i", "1", "-l", "2", "-q", "10.9.0.2")
                os.write(end, b"x")

        a.netlink.link("del", index=a.interface_index("eth0"))
        link(a, b)
        recording.follow(ended, tell)
        recording.stop()
        return sorted(told)

    assert in_lab(capture) == ["rec-a:eth0", "rec-b:eth0"]
    assert echoes(file) == {"rec-a:eth0": 6, "rec-b:eth0": 6}


@pytest.mark.emulation
def test_a_capture_waits_for_no_node_that_has_ended() -> None:
    def capture() -> bool:
        a, b = pair()
        recording = Recording(os.open("/dev/null", os.O_WRONLY))
        recording.add([point(a), point(b)])
        never, _held = os.pipe()
        a.netlink.link("del", index=a.interface_index("eth0"))
        for machine in (a, b):
            machine.terminate()
        recording.follow(never, lambda _point: None)
        return recording.stop() == 0

    assert in_lab(capture)


@pytest.mark.emulation
def test_a_full_disk_is_told_of_and_blocks_nobody() -> None:
    def capture() -> str:
        place = Path("/dev/shm/small")  # noqa: S108 - the lab's own tmpfs
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(place)], check=True)
        a, b = pair()
        recording = Recording(os.open(place / "x.pcapng", os.O_WRONLY | os.O_CREAT))
        recording.add([point(a), point(b)])
        a.run("ping", "-c", "50", "-i", "0.001", "-q", "10.9.0.2")
        try:
            recording.stop()
        except MachineError as error:
            return str(error)
        return "nothing was said"

    assert in_lab(capture) == "the capture could not be written: No space left on device"


@pytest.mark.emulation
def test_an_interface_that_does_not_exist_is_named() -> None:
    def capture() -> str:
        machine = Machine("rec-c")
        recording = Recording(os.open("/dev/null", os.O_WRONLY))
        try:
            recording.add([Point("rec-c:eth7", tuple(machine.entry()), "eth7")])
        except MachineError as error:
            return str(error)
        return "nothing was said"

    said = in_lab(capture)
    assert said.startswith("tcpdump did not start at rec-c:eth7: ")
    assert "No such device" in said
