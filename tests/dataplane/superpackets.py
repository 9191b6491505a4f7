"""Packets and super-packets for tests of the fast path."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.packet import Packet, raw

from dataplane.ipv4 import checksum
from dataplane.superpacket import TCP_CHECKSUM, UDP_CHECKSUM, SuperPacket, parse_superpacket
from dataplane.virtio import GSO_TCPV4, GSO_UDP_L4, NEEDS_CHECKSUM, Offload

APP, ECS = "10.0.1.10", "192.168.1.10"
TIMESTAMPS = [("NOP", None), ("NOP", None), ("Timestamp", (12345, 67890))]


def octets(length: int, seed: int = 0) -> bytes:
    """Any bytes, the same in every run."""
    return bytes((seed + index * 7 + index // 251) % 256 for index in range(length))


@dataclass(frozen=True)
class Flow:
    """Headers of one flow's packets: fields as scapy names them, beside the addresses."""

    protocol: type[Packet] = TCP
    ip: dict[str, Any] = field(default_factory=lambda: {"id": 100, "flags": "DF"})
    transport: dict[str, Any] = field(default_factory=dict)
    source: str = APP
    destination: str = ECS

    def packet(self, payload: bytes, **transport: Any) -> bytes:
        """A whole packet, with the right checksums."""
        defaults = {"sport": 1000, "dport": 2000} | ({"flags": "A"} if self.protocol is TCP else {})
        header = self.protocol(**{**defaults, **self.transport, **transport})
        return raw(IP(src=self.source, dst=self.destination, **self.ip) / header / payload)

    @property
    def gso_type(self) -> int:
        return GSO_TCPV4 if self.protocol is TCP else GSO_UDP_L4

    def superpacket(self, payload: bytes, size: int, **transport: Any) -> tuple[bytearray, Offload]:
        """As the kernel gives it: the transport's checksum is the sum of the pseudo-header alone."""
        packet = bytearray(self.packet(payload, **transport))
        start, place = (packet[0] & 15) * 4, TCP_CHECKSUM if self.protocol is TCP else UDP_CHECKSUM
        pseudo = packet[12:20] + bytes([0, packet[9]]) + (len(packet) - start).to_bytes(2, "big")
        packet[start + place : start + place + 2] = (0xFFFF - checksum(pseudo)).to_bytes(2, "big")
        return packet, Offload(NEEDS_CHECKSUM, self.gso_type, 0, size, start, place)

    def parsed(self, payload: bytes, size: int, **transport: Any) -> SuperPacket:
        packet, offload = self.superpacket(payload, size, **transport)
        return parse_superpacket(memoryview(packet), offload)


def with_own_checksums(packet: bytes) -> bytes:
    """The packet with its lengths and checksums made anew, as plainly as the RFCs say it: nothing of the dataplane helps."""
    own = bytearray(packet)
    start, is_udp = (own[0] & 15) * 4, own[9] == socket.IPPROTO_UDP
    length = (len(own) - start).to_bytes(2, "big")
    own[2:4], own[10:12] = len(own).to_bytes(2, "big"), bytes(2)
    own[10:12] = rfc1071(own[:start])
    if is_udp:
        own[start + 4 : start + 6] = length
    place = slice(start + 6, start + 8) if is_udp else slice(start + 16, start + 18)
    own[place] = bytes(2)
    found = rfc1071(own[12:20] + bytes([0, own[9]]) + length + own[start:])
    own[place] = b"\xff\xff" if is_udp and not any(found) else found  # of UDP, 0 would say that there is none
    return bytes(own)


def rfc1071(octets: bytes) -> bytes:
    """The Internet checksum: the complement of the sum of all words, each carry added to it."""
    padded = octets + bytes(len(octets) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return (total ^ 0xFFFF).to_bytes(2, "big")
