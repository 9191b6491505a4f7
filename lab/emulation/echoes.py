"""Many echoes at once, each from a node to an address, and which of them are answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.emulation.machine import Machine
from lab.emulation.probe import Probing
from lab.results import Echo

# Our choices, in seconds. An answer that is expected is waited for so long, another one only so long after them.
ANSWERED_WITHIN = 5.0
SETTLED_AFTER = 0.3

_SIZE = 84  # bytes of an IP packet, as ping sends it


@dataclass(frozen=True, slots=True)
class _Packet:
    """As `lab.emulation.probe.Packet`. An ICMP echo is known by its identifier, the "source port"."""

    source: IPv4Address
    destination: IPv4Address
    source_port: int
    protocol: str = "icmp"
    destination_port: int = 0
    icmp: tuple[int, int] = (8, 0)  # RFC 792
    ttl: int = 64
    size: int = _SIZE
    dont_fragment: bool = False


def send(machines: Mapping[str, Machine], echoes: Sequence[Echo], expected: Sequence[bool]) -> list[bool]:
    """Send all echoes, and say which are answered."""
    senders = {echo.node: machines[echo.node] for echo in echoes}
    probing = Probing()
    try:
        probing.attend(senders)
        packets = [_Packet(echo.source, echo.destination, number) for number, echo in enumerate(echoes, start=1)]
        seen = [probing.send(echo.node, packet) for echo, packet in zip(echoes, packets, strict=True)]
        awaited = [sighting for sighting, wanted in zip(seen, expected, strict=True) if wanted]
        probing.watch(lambda: all(sighting.answered_at for sighting in awaited), within=ANSWERED_WITHIN)
        probing.watch(lambda: False, within=SETTLED_AFTER)
        return [bool(sighting.answered_at) for sighting in seen]
    finally:
        probing.close()
