"""A packet's stay in one node: everything that happens between coming in and going out, in Linux's order.

1. Out of a tunnel: the dataplane's checks (`TunnelEnd`).
2. `Nat` of the interface it came in on, then the kernel's look for martians, then connection tracking, which translates back what
   answers a masqueraded connection.
3. For the node itself: delivered. No gate, no TTL: those are for forwarded packets only.
4. The route. Without one: dropped.
5. TTL, then size against the next interface's MTU: both before the gates, because Linux does them before its `forward` hook
   (net/ipv4/ip_forward.c; measured: a gate that drops everything counts no packet that is too old or too big).
6. The gates, stage by stage, IN before OUT. A route that drops leads to the sink, which has no OUT gates and drops last.
7. `Nat` or `Masquerade` of the outgoing interface.

What the node itself sends starts at 4, and meets neither TTL nor gates. A node that does not forward drops after 3, in silence.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from lab.reasons import Reason
from lab.simulation.connections import ConnectionTable, Tracked, translated_back, translated_out
from lab.simulation.drops import Drop, DroppedError
from lab.simulation.gates import Consultation, consult, consult_check
from lab.simulation.probe import DESTINATION_UNREACHABLE, IP_HEADER, TIME_EXCEEDED, Probe
from lab.simulation.router import Router
from lab.simulation.walk import Hop, IcmpError, Passage, TunnelEnd
from lab.topology import Gate, Interface, Masquerade, Nat, Node, Route

# ICMP codes of "destination unreachable": RFC 792, RFC 1191 §4
NET_UNREACHABLE, HOST_UNREACHABLE, FRAGMENTATION_NEEDED = 0, 1, 4

ZERONET = IPv4Network("0.0.0.0/8")  # RFC 1122 §3.2.1.3
BROADCAST = IPv4Address("255.255.255.255")
FRAGMENT_UNIT = 8  # RFC 791 §3.2


class Visit:
    """`run` takes the packet through the node; afterwards `interface_out` says where it goes, None for delivered here.

    `packet` is the packet as it now is. `run` raises DroppedError; `hop` tells the story either way. `passage` is set by whoever
    carries the packet on through a tunnel.
    """

    def __init__(
        self,
        router: Router,
        came: Interface | None,
        packet: Probe,
        connections: ConnectionTable,
        entered: TunnelEnd | None = None,
    ) -> None:
        self.packet = packet
        self.interface_out: Interface | None = None
        self.passage: Passage | None = None
        self._router = router
        self._came = came
        self._arrived = packet
        self._connections = connections
        self._entered = entered
        self._route: Route | None = None
        self._gates: list[Consultation] = []
        self._nats: list[Nat] = []
        self._tracked = Tracked()
        self._note = ""

    @property
    def node(self) -> Node:
        return self._router.node

    @property
    def next_hop(self) -> IPv4Address:
        """The address that somebody on the next link has to answer for."""
        via = self._route.via if self._route is not None else None
        return self.packet.destination if via is None else via

    def run(self) -> None:
        self._leave_tunnel()
        self._translate_destination()
        self._refuse_martian()
        self._tracked = self._connections.track(self.packet)
        self._translate_back()
        if self.packet.destination in self.node.addresses:
            self._connections.confirm(self._tracked)
        elif self._came is not None and not self.node.forwards:
            raise DroppedError(Drop.NOT_FORWARDING)
        else:
            self._pass_on()

    def hop(self) -> Hop:
        """The story so far."""
        return Hop(
            node=self.node,
            packet=self._arrived,
            interface_in=self._came,
            interface_out=self.interface_out,
            route=self._route,
            gates=tuple(self._gates),
            nats=tuple(self._nats),
            entered=self._entered,
            passage=self.passage,
            note=self._note,
        )

    def unreachable(self) -> DroppedError:
        """Nobody on the link answers for the next hop."""
        return DroppedError(Drop.NEXT_HOP_UNREACHABLE, None, self._error(DESTINATION_UNREACHABLE, HOST_UNREACHABLE))

    def _leave_tunnel(self) -> None:
        """The receiving dataplane: selector, then the interface's check on what goes on into the network."""
        if self._entered is None:
            return
        service, peer = self._entered.service, self._entered.peer
        if not any(self.packet.source in prefix for prefix in peer.prefixes):
            raise DroppedError(Drop.OUTSIDE_SELECTOR, peer.origin)
        check = service.check
        if check is None or self.packet.destination in check.addresses:
            return
        if not check.permits_outbound(self.packet.source):
            raise DroppedError(Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION, service.origin)

    def _translate_destination(self) -> None:
        nat = self._came and self._router.nat_in(self._came.name, self.packet.destination)
        if nat:
            self._nats.append(nat)
            self.packet = replace(self.packet, destination=nat.private)

    def _translate_back(self) -> None:
        connection = self._tracked.connection
        if connection is not None and connection.masquerade is not None and self._tracked.answers:
            self.packet = translated_back(self.packet, connection)
            self._note_masquerade(connection.masquerade, self.packet.destination)

    def _note_masquerade(self, masquerade: Masquerade, inside: IPv4Address) -> None:
        self._nats.append(Nat(masquerade.interface, inside, masquerade.public, masquerade.origin))

    def _refuse_martian(self) -> None:
        """Linux, net/ipv4/route.c: what can not have come over a wire. A TUN device may bring the node's own address."""
        if self._came is None:
            return
        source, destination = self.packet.source, self.packet.destination
        own = source in self.node.addresses and not self._came.tunnel
        if own or source.is_multicast or source.is_loopback or source in ZERONET or source == BROADCAST:
            raise DroppedError(Drop.MARTIAN_SOURCE)
        if destination.is_multicast or destination.is_loopback or destination in ZERONET or destination == BROADCAST:
            raise DroppedError(Drop.MARTIAN_DESTINATION)

    def _pass_on(self) -> None:
        self._choose_route()
        forwarded = self._came is not None
        if forwarded:
            self._age()
        self._fit()
        if forwarded:
            self._pass_gates()
        self._sink()
        self._translate_source()
        self._connections.confirm(self._tracked)

    def _choose_route(self) -> None:
        came = self._came.name if self._came is not None else ""
        route = self._route = self._router.route(self.packet.destination, came)
        if route is None:
            error = self._error(DESTINATION_UNREACHABLE, NET_UNREACHABLE)
            raise DroppedError(Reason.NO_ROUTE_TO_DESTINATION, None, error)
        if route.drop is None:
            self.interface_out = self._router.interfaces[route.interface]

    def _age(self) -> None:
        if self.packet.ttl <= 1:
            raise DroppedError(Drop.TTL_EXCEEDED, None, self._error(TIME_EXCEEDED, 0))
        self.packet = replace(self.packet, ttl=self.packet.ttl - 1)

    def _fit(self) -> None:
        """Fragments need no further thought: connection tracking puts them together again wherever a gate looks at them."""
        if self.interface_out is None or self.packet.size <= self.interface_out.mtu:
            return
        mtu = self.interface_out.mtu
        if self.packet.dont_fragment:
            error = self._error(DESTINATION_UNREACHABLE, FRAGMENTATION_NEEDED, mtu)
            raise DroppedError(Drop.FRAGMENTATION_NEEDED, None, error)
        self._note = f"fragmented to fit {mtu} bytes"

    def _pass_gates(self) -> None:
        came = self._came.name if self._came is not None else ""
        leaves = self.interface_out.name if self.interface_out is not None else ""
        for gate, side in self._router.checkpoints(came, leaves):
            if isinstance(gate, Gate):
                asked = consult(gate, self.packet, self._tracked)
            else:
                asked = consult_check(gate, side, self.packet)
            self._gates.append(asked)
            if not asked.permit:
                raise DroppedError(asked.reason, asked.origin)

    def _sink(self) -> None:
        if self._route is not None and self._route.drop is not None:
            raise DroppedError(self._route.drop, self._route.origin)

    def _translate_source(self) -> None:
        nat = self.interface_out and self._router.nat_out(self.interface_out.name, self.packet.source)
        if nat:
            self._nats.append(nat)
            self.packet = replace(self.packet, source=nat.public)
        masquerade = self.interface_out and self._router.masquerade(self.interface_out.name)
        if masquerade:
            self._connections.masquerade(self._tracked, masquerade)
        self._masquerade()

    def _masquerade(self) -> None:
        """A connection is translated as its first packet was, wherever it leaves."""
        connection = self._tracked.connection
        if connection is not None and connection.masquerade is not None and not self._tracked.answers:
            self._note_masquerade(connection.masquerade, self.packet.source)
            self.packet = translated_out(self.packet, connection)

    def _error(self, kind: int, code: int, mtu: int = 0) -> IcmpError | None:
        """The ICMP error about a forwarded packet; the node's own sender is told by its system call instead."""
        if self._came is None or self._arrived.is_icmp_error:
            return None
        return IcmpError(kind, code, self.node, mtu)


def largest_piece(size: int, mtu: int) -> int:
    """The length in bytes of the largest fragment of a packet that goes through `mtu`."""
    if size <= mtu:
        return size
    return IP_HEADER + (mtu - IP_HEADER) // FRAGMENT_UNIT * FRAGMENT_UNIT
