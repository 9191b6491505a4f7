"""A packet to be walked, and the answer that its receiver gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Literal, get_args

Protocol = Literal["icmp", "tcp", "udp"]

# RFC 792, RFC 791 §3.1, RFC 9293 §3.1
ECHO_REPLY, DESTINATION_UNREACHABLE, SOURCE_QUENCH, REDIRECT, ECHO = 0, 3, 4, 5, 8
TIME_EXCEEDED, PARAMETER_PROBLEM, TIMESTAMP, TIMESTAMP_REPLY = 11, 12, 13, 14
ERRORS = frozenset({DESTINATION_UNREACHABLE, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM})
IP_HEADER = 20
LARGEST_PACKET = 65535

ANSWERS = {ECHO: ECHO_REPLY, TIMESTAMP: TIMESTAMP_REPLY}  # what a Linux kernel answers by itself
TTL = 64  # Linux, net.ipv4.ip_default_ttl
SYN_ACK_SIZE = 60  # Linux: both headers, with the options that it sends


class InvalidProbeError(ValueError):
    """A probe that no IPv4 packet can be. The message names every field at fault and its rule."""


@dataclass(frozen=True, slots=True)
class Probe:
    """An IPv4 packet. `size` is its total length in bytes; for ICMP `source_port` holds the identifier of the echo.

    A TCP probe is the SYN that opens a connection or, with `answers`, what comes back: SYN/ACK or RST.
    Raises InvalidProbeError.
    """

    source: IPv4Address
    destination: IPv4Address
    protocol: Protocol
    source_port: int = 0
    destination_port: int = 0
    icmp: tuple[int, int] = (ECHO, 0)
    ttl: int = TTL
    size: int = 84
    dont_fragment: bool = False
    answers: bool = False

    def __post_init__(self) -> None:
        errors = list(self._errors())
        if errors:
            raise InvalidProbeError("; ".join(errors))

    def _errors(self) -> Iterator[str]:
        if self.protocol not in get_args(Protocol):
            yield f"protocol {self.protocol!r} is none of icmp, tcp, udp"
        for name, value, least, most in (
            ("source_port", self.source_port, 0, 65535),
            ("destination_port", self.destination_port, 0, 65535),
            ("icmp type", self.icmp[0], 0, 255),
            ("icmp code", self.icmp[1], 0, 255),
            ("ttl", self.ttl, 1, 255),
            ("size", self.size, IP_HEADER + 8, LARGEST_PACKET),
        ):
            if not least <= value <= most:
                yield f"{name} {value} lies outside {least} to {most}"

    def __str__(self) -> str:
        kind = f"type {self.icmp[0]} code {self.icmp[1]}" if self.protocol == "icmp" else f"port {self.destination_port}"
        return f"{self.source} → {self.destination} {self.protocol} {kind} ttl {self.ttl}, {self.size} bytes"

    @property
    def is_icmp_error(self) -> bool:
        """Whether it reports an error; nothing ever reports an error about it (RFC 1122 §3.2.2)."""
        return self.protocol == "icmp" and self.icmp[0] in ERRORS


def answer(packet: Probe) -> Probe | None:
    """What the receiver of a packet sends back: an echo reply, a SYN/ACK, a UDP answer of the same size; None for nothing.

    Fresh from the receiver: with a full TTL, and free to be fragmented, like Linux's own echo replies.
    """
    back = replace(
        packet,
        source=packet.destination,
        destination=packet.source,
        source_port=packet.destination_port,
        destination_port=packet.source_port,
        ttl=TTL,
        dont_fragment=False,
    )
    if packet.protocol == "udp":
        return back
    if packet.protocol == "tcp":
        return None if packet.answers else replace(back, answers=True, size=min(packet.size, SYN_ACK_SIZE))
    reply = ANSWERS.get(packet.icmp[0])
    if reply is None:
        return None
    return replace(back, icmp=(reply, packet.icmp[1]), source_port=packet.source_port, destination_port=0)
