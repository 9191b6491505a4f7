"""Packets and super-packets for tests of the fast path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scapy.layers.inet import IP, TCP, UDP
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
    """The packet as scapy would have made it: lengths and checksums are its own."""
    again = IP(packet)
    del again.chksum, again.len, again.payload.chksum
    if again.haslayer(UDP):
        del again.payload.len
    return raw(again)
