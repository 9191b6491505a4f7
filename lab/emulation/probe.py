"""Single packets sent in the nodes of a running network, and what becomes of each.

Every node has raw sockets that see each ICMP and TCP packet delivered to it, put together again if it came in fragments, and a
UDP socket on each of `UDP_PORTS` that sends back what it receives. Echo requests and SYNs are answered by the kernel; nothing
listens on any TCP port, so the answer to a SYN is a reset, after which both ends are silent.

A packet is known by its protocol and its source port (for ICMP the identifier), which the caller takes fresh for each.
"""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any, Protocol

from scapy.layers.inet import ICMP, IP, TCP
from scapy.packet import Raw

from lab.emulation.machine import Machine

UDP_PORTS = (53, 443, 5000, 9000)  # our choice: those that probes use; none of them is a dataplane's

Key = tuple[str, int]  # protocol, and source port or ICMP identifier

# RFC 792, RFC 791 §3.1, RFC 768, RFC 9293 §3.1
_ICMP_HEADER, _IP_HEADER, _UDP_HEADER = 8, 20, 8
_ERRORS = frozenset({3, 11, 12})
_FRAGMENTATION_NEEDED = (3, 4)  # RFC 1191 §4: the MTU stands in the last two bytes of its header
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}
_RESET = 0x04

# Linux, include/uapi/linux/in.h
_IP_MTU_DISCOVER, _IP_TRANSPARENT, _IP_PKTINFO = 10, 19, 8
_PMTUDISC_PROBE, _PMTUDISC_OMIT = 3, 5  # always DF, never DF; both take the device's MTU and no remembered one
_PKTINFO = struct.Struct("=I4s4s")

_RECEIVE_BUFFER = 65536
_POLL = 0.02  # seconds after which a condition is looked at again even if nothing arrives


class Packet(Protocol):
    """What is to be sent; `size` is the length of the IP packet in bytes, `ttl` what it starts with."""

    @property
    def source(self) -> IPv4Address: ...
    @property
    def destination(self) -> IPv4Address: ...
    @property
    def protocol(self) -> str: ...
    @property
    def source_port(self) -> int: ...
    @property
    def destination_port(self) -> int: ...
    @property
    def icmp(self) -> tuple[int, int]: ...
    @property
    def ttl(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def dont_fragment(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class ErrorSeen:
    """An ICMP error that reached the sender. `mtu` is 0 for any but "fragmentation needed"."""

    type: int
    code: int
    mtu: int = 0


@dataclass
class Sighting:
    """What has been seen of a packet so far. `delivered_to` and `answered_at` are names of nodes."""

    packet: Packet
    delivered_to: list[str] = field(default_factory=list)
    answered_at: list[str] = field(default_factory=list)
    errors: list[ErrorSeen] = field(default_factory=list)
    refused: str = ""  # why the sender's own kernel did not take it
    unanswerable: str = ""  # why the receiver's own kernel did not take the answer


class Probing:
    """The sockets in the nodes. Call `attend` when nodes have come or gone, and `close` in the end."""

    def __init__(self) -> None:
        self._posts: dict[str, _Post] = {}
        self._selector = selectors.DefaultSelector()
        self._sightings: dict[Key, Sighting] = {}

    def attend(self, machines: Mapping[str, Machine]) -> None:
        """Have sockets in exactly these nodes."""
        for name in [name for name, post in self._posts.items() if machines.get(name) is not post.machine]:
            self._posts.pop(name).close()
        for name, machine in machines.items():
            if name not in self._posts:
                self._posts[name] = _Post(name, machine, self._selector)

    def send(self, node: str, packet: Packet) -> Sighting:
        """Send a packet from a node, which need not own the source address. What is seen of it goes into the result."""
        sighting = self._sightings[packet.protocol, packet.source_port] = Sighting(packet)
        try:
            self._posts[node].send(packet)
        except OSError as error:
            sighting.refused = error.strerror or str(error)
        return sighting

    def watch(self, until: Callable[[], bool], *, within: float) -> bool:
        """Take in what arrives until a condition holds. False when it does not within so many seconds."""
        deadline = time.monotonic() + within
        while not until():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._take_in(min(left, _POLL))
        return True

    def drain(self) -> None:
        """Take in what has arrived, without waiting for more."""
        while self._take_in(0):
            pass

    def forget(self) -> None:
        """The packets sent so far are of no more interest."""
        self._sightings.clear()
        for post in self._posts.values():
            post.hang_up()

    def close(self) -> None:
        for post in self._posts.values():
            post.close()
        self._posts.clear()
        self._selector.close()

    def _take_in(self, wait: float) -> bool:
        ready = self._selector.select(wait)
        for key, _ in ready:
            handle: Callable[[Mapping[Key, Sighting]], None] = key.data
            handle(self._sightings)
        return bool(ready)


class _Post:
    """The sockets of one node."""

    def __init__(self, name: str, machine: Machine, selector: selectors.BaseSelector) -> None:
        self.machine = machine
        self._name = name
        self._selector = selector
        self._sockets: list[socket.socket] = []
        self._senders: list[socket.socket] = []
        self._icmp = self._open(socket.SOCK_RAW, socket.IPPROTO_ICMP, self._see_icmp)
        self._tcp = self._open(socket.SOCK_RAW, socket.IPPROTO_TCP, self._see_tcp)
        for port in UDP_PORTS:
            listener = self._open(socket.SOCK_DGRAM, 0, None)
            try:
                listener.bind(("", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue  # a server of the node's own answers there
            listener.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            listener.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_OMIT)
            self._register(listener, self._answer_udp)

    def send(self, packet: Packet) -> None:
        """Raises OSError when the kernel does not take it: too big for the device, or no route."""
        if packet.protocol == "udp":
            sender = self._udp_sender(packet)
            payload = bytes(packet.size - _IP_HEADER - _UDP_HEADER)
        else:
            sender = self._raw_sender(packet)
            payload = _icmp(packet) if packet.protocol == "icmp" else _syn(packet)
        for option, value in _options(packet):
            sender.setsockopt(socket.IPPROTO_IP, option, value)
        sender.sendto(payload, (str(packet.destination), packet.destination_port if packet.protocol == "udp" else 0))

    def hang_up(self) -> None:
        """Close the sockets that single packets were sent from."""
        for sender in self._senders:
            if sender in self._selector.get_map():
                self._selector.unregister(sender)
            sender.close()
        self._senders.clear()

    def close(self) -> None:
        self.hang_up()
        for one in self._sockets:
            self._selector.unregister(one)
            one.close()

    def _open(self, kind: int, protocol: int, handle: Callable[[Any, Any], None] | None) -> socket.socket:
        with self.machine.namespace.inside():
            made = socket.socket(socket.AF_INET, kind, protocol)
        made.setblocking(False)
        if handle is not None:
            self._register(made, handle)
        return made

    def _register(self, made: socket.socket, handle: Callable[[Any, Any], None]) -> None:
        self._sockets.append(made)
        self._selector.register(made, selectors.EVENT_READ, lambda sightings: handle(made, sightings))

    def _udp_sender(self, packet: Packet) -> socket.socket:
        sender = self._sender(socket.SOCK_DGRAM, 0, packet, packet.source_port)
        self._selector.register(sender, selectors.EVENT_READ, lambda sightings: self._see_udp_answer(sender, sightings))
        return sender

    def _raw_sender(self, packet: Packet) -> socket.socket:
        number = socket.IPPROTO_ICMP if packet.protocol == "icmp" else socket.IPPROTO_TCP
        return self._sender(socket.SOCK_RAW, number, packet, 0)

    def _sender(self, kind: int, protocol: int, packet: Packet, port: int) -> socket.socket:
        with self.machine.namespace.inside():
            sender = socket.socket(socket.AF_INET, kind, protocol)
        self._senders.append(sender)
        sender.setblocking(False)
        sender.setsockopt(socket.IPPROTO_IP, _IP_TRANSPARENT, 1)  # whatever the source address
        sender.bind((str(packet.source), port))
        return sender

    def _see_icmp(self, here: socket.socket, sightings: Mapping[Key, Sighting]) -> None:
        packet = here.recv(_RECEIVE_BUFFER)
        message = packet[_header_length(packet) :]
        kind = message[0]
        if kind in _ERRORS:
            self._see_error(message, sightings)
            return
        sighting = sightings.get(("icmp", int.from_bytes(message[4:6], "big")))
        if sighting is not None:
            (sighting.delivered_to if kind == sighting.packet.icmp[0] else sighting.answered_at).append(self._name)

    def _see_error(self, message: bytes, sightings: Mapping[Key, Sighting]) -> None:
        quoted = message[_ICMP_HEADER:]
        inner = quoted[_header_length(quoted) :]
        protocol = _PROTOCOLS.get(quoted[9], "")
        sighting = sightings.get((protocol, int.from_bytes(inner[4:6] if protocol == "icmp" else inner[0:2], "big")))
        if sighting is not None:
            kind = (message[0], message[1])
            mtu = int.from_bytes(message[6:8], "big") if kind == _FRAGMENTATION_NEEDED else 0
            sighting.errors.append(ErrorSeen(*kind, mtu))

    def _see_tcp(self, here: socket.socket, sightings: Mapping[Key, Sighting]) -> None:
        packet = here.recv(_RECEIVE_BUFFER)
        segment = packet[_header_length(packet) :]
        source, destination = struct.unpack("!HH", segment[:4])
        if segment[13] & _RESET:
            if ("tcp", destination) in sightings:
                sightings["tcp", destination].answered_at.append(self._name)
        elif ("tcp", source) in sightings:
            sightings["tcp", source].delivered_to.append(self._name)

    def _answer_udp(self, here: socket.socket, sightings: Mapping[Key, Sighting]) -> None:
        """Send a datagram back from the address that it was sent to."""
        payload, ancillary, _, sender = here.recvmsg(_RECEIVE_BUFFER, socket.CMSG_SPACE(_PKTINFO.size))
        if ("udp", sender[1]) in sightings:
            sightings["udp", sender[1]].delivered_to.append(self._name)
        _, _, destination = _PKTINFO.unpack(ancillary[0][2])
        own = (socket.IPPROTO_IP, _IP_PKTINFO, _PKTINFO.pack(0, destination, bytes(4)))
        try:
            here.sendmsg([payload], [own], 0, sender)
        except OSError as error:  # no route back: nothing is sent
            if ("udp", sender[1]) in sightings:
                sightings["udp", sender[1]].unanswerable = error.strerror or str(error)

    def _see_udp_answer(self, here: socket.socket, sightings: Mapping[Key, Sighting]) -> None:
        here.recv(_RECEIVE_BUFFER)
        sighting = sightings.get(("udp", here.getsockname()[1]))
        if sighting is not None:
            sighting.answered_at.append(self._name)


def _options(packet: Packet) -> tuple[tuple[int, int], ...]:
    return (
        (socket.IP_TTL, packet.ttl),
        (_IP_MTU_DISCOVER, _PMTUDISC_PROBE if packet.dont_fragment else _PMTUDISC_OMIT),
    )


def _icmp(packet: Packet) -> bytes:
    kind, code = packet.icmp
    return _filled(ICMP(type=kind, code=code, id=packet.source_port, seq=1), packet.size - _IP_HEADER)


def _syn(packet: Packet) -> bytes:
    """A SYN, with data behind it if the size asks for it. Its checksum covers the addresses, so it is built with them."""
    segment = TCP(sport=packet.source_port, dport=packet.destination_port, flags="S", seq=1, window=65535)
    return _filled(IP(src=str(packet.source), dst=str(packet.destination)) / segment, packet.size)[_IP_HEADER:]


def _filled(headers: Any, size: int) -> bytes:
    """The headers, and zeros behind them up to a size in bytes."""
    return bytes(headers / Raw(bytes(max(0, size - len(headers)))))


def _header_length(packet: bytes) -> int:
    return 4 * (packet[0] & 0x0F)
