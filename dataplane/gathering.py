"""Packets from the TUN device that continue each other, made one super-packet. It performs no I/O and reads no clock.

Linux gathers what comes in together (GRO), so a flow of UDP reaches us a few packets a read; the rest waits in the device's queue
while we work. What is done once for a super-packet costs as much as eight packets do, so what waits is joined first; and while
packets come quickly but in small numbers, it pays to let more of them wait.

One packet continues another if its headers are the same but for what cutting writes anew: the lengths, the checksums, whose rest
the kernel has left to us, and the identification, which means nothing in a packet that must not be fragmented (RFC 6864 §4.1).
Only UDP is joined: of TCP, super-packets are large as they come.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from dataplane import ipv4
from dataplane.memory import zeros
from dataplane.rows import MOST_ROWS
from dataplane.superpacket import UDP_CHECKSUM, UDP_HEADER_LENGTH
from dataplane.virtio import GSO_NONE, GSO_UDP_L4, NEEDS_CHECKSUM, Offload

LARGEST_READ = 65536
"""Bytes of the largest packet, and one more."""

FEW, MANY = 4, 32
"""Packets that come at a time: from FEW on they come quickly, and MANY in a super-packet need not be more. Our choice."""

_HEADERS_LENGTH = ipv4.HEADER_LENGTH + UDP_HEADER_LENGTH
_NO_OPTIONS = ipv4.VERSION << 4 | ipv4.HEADER_LENGTH // 4
_LENGTH = struct.Struct("!2xH")  # RFC 791 §3.1
_SAME = struct.Struct("!H4xI2x12s")  # version and TOS; fragmentation, TTL and protocol; both addresses and both ports
_WHOLE = struct.Struct("!B5xH1xB")  # version and header length; fragmentation; protocol


class Read(NamedTuple):
    """What is to be sent on: a packet or super-packet, and what is left to be done with it."""

    packet: memoryview
    offload: Offload


class Gatherer:
    """Memory for what one read puts behind what was gathered before.

    What it yields is good until it is asked for more.
    """

    def __init__(self) -> None:
        self._memory = zeros(2 * LARGEST_READ)
        self._length = 0
        """Bytes gathered, at the start of the memory; 0 for none."""
        self._size = 0
        """Bytes of payload that each of the gathered packets has."""
        self._offload = Offload()
        self._packets = self._yielded = 0

    @property
    def room(self) -> memoryview:
        """Where the next read goes."""
        return self._memory[self._length : self._length + LARGEST_READ]

    def take(self, length: int, offload: Offload) -> Iterator[Read]:
        """A read put `length` bytes into `room`. Yields what is complete."""
        packet = self.room[:length]
        size = _payload_of_each(packet, offload)
        if self._length:
            if size and self._is_continued_by(packet, size):
                yield from self._join(packet, size)
                return
            yield from self.finish()
            self._memory[:length] = packet
            packet = self._memory[:length]
        if size and (length - _HEADERS_LENGTH) % size == 0:
            self._length, self._size, self._offload = length, size, offload
        else:
            yield Read(packet, offload)

    def finish(self) -> Iterator[Read]:
        """Yield what was gathered: there is nothing more to read."""
        if not self._length:
            return
        packet, offload = self._memory[: self._length], self._offload
        if self._length > _HEADERS_LENGTH + self._size:
            offload = Offload(NEEDS_CHECKSUM, GSO_UDP_L4, 0, self._size, ipv4.HEADER_LENGTH, UDP_CHECKSUM)
        self._packets += -(-(self._length - _HEADERS_LENGTH) // self._size)
        self._yielded += 1
        self._length = 0
        yield Read(packet, offload)

    def could_gather_more(self) -> bool:
        """Whether what was yielded since the last call was quick, but in small pieces."""
        packets, yielded = self._packets, self._yielded
        self._packets = self._yielded = 0
        return FEW <= packets < MANY * yielded

    def _is_continued_by(self, packet: memoryview, size: int) -> bool:
        length = self._length + len(packet) - _HEADERS_LENGTH
        return (
            size <= self._size
            and (size == self._size or len(packet) == _HEADERS_LENGTH + size)
            and length <= ipv4.MAXIMUM_LENGTH
            and length <= _HEADERS_LENGTH + MOST_ROWS * self._size
            and _SAME.unpack_from(packet) == _SAME.unpack_from(self._memory)
        )

    def _join(self, packet: memoryview, size: int) -> Iterator[Read]:
        end = self._length + len(packet) - _HEADERS_LENGTH
        self._memory[self._length : end] = packet[_HEADERS_LENGTH:]
        self._length = end
        self._memory[2:4] = end.to_bytes(2, "big")
        if size < self._size or (end - _HEADERS_LENGTH) % size:
            yield from self.finish()  # its last packet is shorter: nothing can follow


def _payload_of_each(packet: memoryview, offload: Offload) -> int:
    """Bytes of payload that each packet has, but perhaps the last; 0 for what cannot be joined."""
    payload = len(packet) - _HEADERS_LENGTH
    if payload <= 0 or offload.flags != NEEDS_CHECKSUM or offload.checksum_start != ipv4.HEADER_LENGTH:
        return 0
    if _WHOLE.unpack_from(packet) != (_NO_OPTIONS, ipv4.DONT_FRAGMENT, ipv4.PROTOCOL_UDP):
        return 0
    if _LENGTH.unpack_from(packet) != (len(packet),):
        return 0
    if offload.gso_type == GSO_NONE:
        return payload
    return min(offload.gso_size, payload) if offload.gso_type == GSO_UDP_L4 else 0
