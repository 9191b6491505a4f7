"""The simulation: packets on their way from node to node."""

from __future__ import annotations

from lab.logon import AppAnswer, AppRequest, Serve
from lab.simulation.handshake import Ends
from lab.simulation.journey import Journey, Place
from lab.simulation.phones import ask_app, calls, control_ends
from lab.simulation.probe import Probe, answer
from lab.simulation.router import Router
from lab.simulation.state import State
from lab.simulation.tunnels import Crossing, Tunnels
from lab.simulation.visit import Visit
from lab.simulation.walk import Exchange, Walk
from lab.status import StatusEnd
from lab.topology import Interface, Topology


class Simulation:
    """A network and what its nodes remember of earlier packets.

    Loading costs nothing; a node is indexed when the first packet reaches it.
    """

    def __init__(self, topology: Topology) -> None:
        self._start(topology, State(), {})

    def _start(self, topology: Topology, state: State, routers: dict[str, Router]) -> None:
        self.topology = topology
        self._state = state
        self._routers = routers
        self._tunnels = Tunnels(topology, state, self)

    def with_topology(self, topology: Topology) -> Simulation:
        """The changed network, with the memory of this one. The two live on apart."""
        after = Simulation.__new__(Simulation)
        kept = {name: router for name, router in self._routers.items() if topology.by_name.get(name) is router.node}
        after._start(topology, self._state.carried(self.topology, topology), kept)
        return after

    def send(self, probe: Probe, node: str) -> Walk:
        """Walk a packet that a node sends. Raises LookupError for an unknown node."""
        return self.walk_datagram(probe, node, frozenset())

    def exchange(self, probe: Probe, node: str) -> Exchange:
        """Walk a packet, and its receiver's answer back. Raises LookupError for an unknown node."""
        request = self.send(probe, node)
        back = answer(request.packet) if request.delivered_to is not None else None
        if request.delivered_to is None or back is None:
            return Exchange(request, None)
        return Exchange(request, self.send(back, request.delivered_to.name))

    def open_tunnels(self) -> tuple[Walk, ...]:
        """Let every tunnel end try that speaks first and is not connected, as a dataplane does by itself.

        Without it a tunnel opens when the first packet needs it. Returns the walks of the datagrams.
        """
        return tuple(self._tunnels.open_all())

    def chatter(self) -> tuple[Walk, ...]:
        """How the packets fare that tunnels and phones send without being asked, now or later. Nothing remembers these walks."""
        twin = self.with_topology(self.topology)
        return (*twin._tunnels.chatter(), *calls(twin))

    def vpn_ends(self, tunnel: str) -> tuple[StatusEnd, ...]:
        """How the ends of a tunnel, or of that which a gateway's routes follow, see it, once they have tried to open it."""
        self.open_tunnels()
        return self._tunnels.vpn_ends(tunnel)

    def control_ends(self, device: str) -> tuple[StatusEnd, ...]:
        """How a device, or that which a gateway's routes follow, and its controller see its Control Status."""
        return control_ends(self.with_topology(self.topology), device)

    def ask_app(self, node: str, request: AppRequest, serve: Serve) -> AppAnswer:
        """Let the SAG app of a terminal make a request, if it reaches the controller; `serve` answers for the provider."""
        return ask_app(self.with_topology(self.topology), self.topology.by_name[node], request, serve)

    def router(self, node: str) -> Router:
        """A node's index. Raises LookupError for an unknown node."""
        if node not in self._routers:
            if node not in self.topology.by_name:
                raise LookupError(f"node {node!r} is not part of the topology, which has {len(self.topology.nodes)} nodes")
            self._routers[node] = Router(self.topology.by_name[node])
        return self._routers[node]

    def walk_datagram(self, datagram: Probe, node: str, inside: Ends) -> Walk:
        """Walk a packet that is itself the content of the tunnels in `inside`."""
        return Journey(datagram, inside, self).run(node)

    def visit(self, place: Place, packet: Probe) -> Visit:
        """A packet's stay at a place, with what the node remembers."""
        router = self.router(place.node)
        return Visit(router, place.came, packet, self._state.connections(router), place.entered)

    def across(self, visit: Visit, interface: Interface) -> Place | None:
        """Where a packet comes in that leaves through a cable; None when nobody answers for its next hop (ARP)."""
        far = self.topology.far_end.get((visit.node.name, interface.name))
        if far is None:
            return None
        router = self.router(far[0])
        came = router.interfaces[far[1]]
        answers = came.proxy_arp or visit.next_hop in router.node.addresses
        return Place(far[0], came) if answers else None

    def through(self, visit: Visit, device: Interface, inside: Ends) -> Crossing:
        """What becomes of a packet that leaves into a TUN device."""
        return self._tunnels.cross(self.router(visit.node.name), device, visit.packet, inside)
