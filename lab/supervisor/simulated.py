"""The simulation as a scenario's backend: nothing is built, every packet is walked over the Topology in memory.

Drops bear the places that the emulation counts them at. What a kernel drops uncounted (TTL, size) shows only as an echo
that was not answered, and so it is with the emulation. Tunnels open when the first packet needs them, or their VPN Status is
asked for, so a tunnel that cannot open shows in that status and in the drops of the pings alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address

from dataplane.meters import Reading
from lab.contact import Contact
from lab.drops import Drop, Place
from lab.explanation.place import drop_of
from lab.logon import AppAnswer, AppRequest, Serve
from lab.results import Echo, PingResult
from lab.simulation import Exchange, Probe, Simulation, Walk
from lab.simulation.names import look_up
from lab.status import StatusEnd
from lab.topology import Topology


class SimulationBackend:
    """Implements `lab.backend.Backend`. A changed network keeps what its nodes remember of their connections."""

    def __init__(self) -> None:
        self._simulation = Simulation(Topology())
        self._drops: Counter[tuple[str, Place]] = Counter()
        self._pings = 0
        self._news: list[tuple[str, bool]] = []

    def apply(self, topology: Topology) -> None:
        self._simulation = self._simulation.with_topology(topology)

    def ping(self, node: str, source: IPv4Address, destination: IPv4Address, *, count: int) -> PingResult:
        """Each ping has an identifier of its own, shared by its echoes. Nothing takes time, so there is no round trip to tell."""
        self._pings += 1
        return PingResult(count, sum(self._echo(Echo(node, source, destination)) for _ in range(count)), None)

    def echo(self, echoes: Sequence[Echo], expected: Sequence[bool]) -> list[bool]:
        """Nothing takes time, so nothing is waited for."""
        answers = []
        for echo in echoes:
            self._pings += 1
            answers.append(self._echo(echo))
        return answers

    def flow(self, echo: Echo, protocol: str, *, rate: float, seconds: float) -> None:
        """Nothing takes time, so there is nothing to measure."""

    def contact(self, wanted: Contact, foretold: Exchange) -> None:
        """What is foretold is all there is."""

    def _echo(self, echo: Echo) -> bool:
        probe = Probe(echo.source, echo.destination, "icmp", source_port=self._pings % (1 << 16))
        exchange = self._simulation.exchange(probe, echo.node)
        self._count(exchange.request)
        if exchange.reply is not None:
            self._count(exchange.reply)
        return exchange.answered

    def _count(self, walk: Walk) -> None:
        drop = drop_of(walk)
        if drop is not None:
            self._drops[drop.node, drop.place] += drop.packets

    def vpn_ends(self, tunnel: str, *, within: float) -> tuple[StatusEnd, ...]:
        return self._simulation.vpn_ends(tunnel)

    def control_ends(self, device: str, *, within: float) -> tuple[StatusEnd, ...]:
        return self._simulation.control_ends(device)

    def look_up(self, node: str, name: str) -> tuple[IPv4Address, ...]:
        return look_up(self._simulation, node, name)

    def meters(self) -> dict[str, Reading]:
        """What is walked has no meter."""
        return {}

    def fail(self, node: str) -> None:
        """What fails is there again at once, since nothing takes time."""
        phone = self._simulation.topology.by_name[node].phone
        if phone is not None:
            self._news += [(phone.serial_number, False), (phone.serial_number, True)]

    def ask_apps(self, requests: Mapping[str, AppRequest], serve: Serve) -> dict[str, AppAnswer]:
        return {node: self._simulation.ask_app(node, request, serve) for node, request in requests.items()}

    def device_news(self) -> list[tuple[str, bool]]:
        news, self._news = self._news, []
        return news

    def new_drops(self, *, lost: int = 0) -> list[Drop]:
        """Nothing takes time, so nothing is waited for."""
        drops = [Drop(node, place, packets) for (node, place), packets in self._drops.items()]
        self._drops.clear()
        return drops
