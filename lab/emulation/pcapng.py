"""Capture files: tcpdump's stream is read as it comes, and many of them are written as one pcapng. Performs no I/O.

Sources: pcap-savefile(5), and draft-ietf-opsawg-pcapng with its block and option numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_NANOSECONDS = 0xA1B23C4D  # the magic number of a pcap whose times have nanoseconds, in the writer's byte order
_FILE_HEADER = struct.Struct("=IHHiIII")
_PACKET_HEADER = struct.Struct("=IIII")

_SECTION, _INTERFACE, _STATISTICS, _PACKET = 0x0A0D0D0A, 1, 5, 6
_BYTE_ORDER, _VERSION, _LENGTH_UNKNOWN = 0x1A2B3C4D, (1, 0), -1
_END, _APPLICATION, _NAME, _RESOLUTION, _DROPPED = 0, 4, 2, 9, 5
_BILLION = 10**9


class MalformedCapture(ValueError):
    """A stream that is no pcap with nanoseconds of this machine's byte order."""


@dataclass(frozen=True, slots=True)
class CapturedPacket:
    """`time` is in nanoseconds since 1970; `length` what it was on the wire, which may be more than there is of it."""

    time: int
    length: int
    octets: bytes


class PcapStream:
    """A pcap that arrives piece by piece. `link_type` is None until the file's header is there."""

    def __init__(self) -> None:
        self.link_type: int | None = None
        self._held = b""

    def feed(self, piece: bytes) -> Iterator[CapturedPacket]:
        """The packets that are complete now. Raises MalformedCapture."""
        held, at = self._held + piece, 0
        if self.link_type is None:
            if len(held) < _FILE_HEADER.size:
                self._held = held
                return
            magic, *_, self.link_type = _FILE_HEADER.unpack_from(held)
            if magic != _NANOSECONDS:
                raise MalformedCapture(f"a pcap with nanoseconds starts with {_NANOSECONDS:#x}, not with {magic:#x}")
            at = _FILE_HEADER.size
        while len(held) - at >= _PACKET_HEADER.size:
            seconds, nanoseconds, there, length = _PACKET_HEADER.unpack_from(held, at)
            end = at + _PACKET_HEADER.size + there
            if len(held) < end:
                break
            yield CapturedPacket(seconds * _BILLION + nanoseconds, length, held[at + _PACKET_HEADER.size : end])
            at = end
        self._held = held[at:]


def section_header(application: str) -> bytes:
    """What a file begins with."""
    body = struct.pack("=IHHq", _BYTE_ORDER, *_VERSION, _LENGTH_UNKNOWN)
    return _block(_SECTION, body + _option(_APPLICATION, application.encode()) + _option(_END, b""))


def interface_description(name: str, link_type: int) -> bytes:
    """The next interface; the first one has number 0. Times of its packets are in nanoseconds."""
    options = _option(_NAME, name.encode()) + _option(_RESOLUTION, bytes([9])) + _option(_END, b"")
    return _block(_INTERFACE, struct.pack("=HHI", link_type, 0, 0) + options)


def enhanced_packet(interface: int, packet: CapturedPacket) -> bytes:
    head = struct.pack("=IIIII", interface, *divmod(packet.time, 1 << 32), len(packet.octets), packet.length)
    return _block(_PACKET, head + _padded(packet.octets))


def interface_statistics(interface: int, time: int, dropped: int) -> bytes:
    """How many packets the capture missed at an interface."""
    head = struct.pack("=III", interface, *divmod(time, 1 << 32))
    return _block(_STATISTICS, head + _option(_DROPPED, struct.pack("=Q", dropped)) + _option(_END, b""))


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + length + body + length


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("=HH", code, len(value)) + _padded(value)


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)
