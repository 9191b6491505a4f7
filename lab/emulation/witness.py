"""Who sees a packet pass: a socket in each of some nodes that is given a copy of whatever comes in at any interface."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.emulation.machine import Machine
from lab.emulation.probe import Packet

# Linux, include/uapi/linux/if_ether.h; RFC 791 §3.1; IANA, Assigned Internet Protocol Numbers
_ETH_P_IP = 0x0800
_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17}
_FRAGMENT_OFFSET = 0x1FFF
_ENOUGH = 64  # bytes: both headers
_TTL = 8  # where it stands in the header


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a packet is known by wherever its addresses are translated: protocol, and its ports, or ICMP's type and identifier."""

    protocol: int
    first: int
    second: int


class Witnesses:
    """Look from when they are made until they are closed."""

    def __init__(self, machines: Mapping[str, Machine], nodes: Iterable[str]) -> None:
        self._sockets = {node: _open(machines[node]) for node in nodes}

    def saw(self, packet: Packet) -> list[str]:
        """The nodes at which the packet has come in since the last call, in order, each as often as it did.

        Each node that forwards it takes one off its TTL, so those who saw it with more saw it earlier, whatever a clock says.
        """
        mark = _mark_of(packet)
        seen = [(one[_TTL], node) for node, open in self._sockets.items() for one in _all(open) if _mark_in(one) == mark]
        return [node for _, node in sorted(seen, key=lambda it: -it[0])]

    def close(self) -> None:
        for one in self._sockets.values():
            one.close()


def _open(machine: Machine) -> socket.socket:
    with machine.namespace.inside():
        made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
    made.setblocking(False)
    return made


def _all(one: socket.socket) -> Iterable[bytes]:
    """What has arrived and was not read yet, the beginning of each packet."""
    while True:
        try:
            yield one.recv(_ENOUGH)
        except BlockingIOError:
            return


def _mark_of(packet: Packet) -> _Mark:
    if packet.protocol == "icmp":
        return _Mark(_PROTOCOLS["icmp"], packet.icmp[0], packet.source_port)
    return _Mark(_PROTOCOLS[packet.protocol], packet.source_port, packet.destination_port)


def _mark_in(packet: bytes) -> _Mark | None:
    """None for a fragment behind the first, and for what is too short to be anything."""
    length = 4 * (packet[0] & 0x0F) if packet else 0
    header = packet[length : length + 8]
    if len(header) < 8 or int.from_bytes(packet[6:8], "big") & _FRAGMENT_OFFSET:
        return None
    if packet[9] == _PROTOCOLS["icmp"]:
        return _Mark(packet[9], header[0], int.from_bytes(header[4:6], "big"))
    return _Mark(packet[9], *struct.unpack("!HH", header[:4]))
