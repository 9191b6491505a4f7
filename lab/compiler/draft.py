"""A Topology in the making: nodes gather interfaces, routes and gates from several resources before they are frozen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from lab.compiler.names import INTERNET, MAIN_TABLE, NOWHERE, transfer_addresses
from lab.logon import AppPhone
from lab.origin import Origin
from lab.phoning import Controller, Phone
from lab.reasons import Reason
from lab.topology import (
    ANY,
    EniGate,
    Gate,
    Interface,
    Limit,
    Link,
    Masquerade,
    NameService,
    Nat,
    Node,
    NodeKind,
    Route,
    RouteTable,
    Topology,
    Tunnel,
)


@dataclass
class NodeDraft:
    """A node that is still being written. Fields as in Node."""

    name: str
    label: str
    kind: NodeKind
    provider: str
    forwards: bool = False
    interfaces: list[Interface] = field(default_factory=list)
    tables: list[RouteTable] = field(default_factory=list)
    main: list[Route] = field(default_factory=list)
    checks: list[EniGate] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    nats: list[Nat] = field(default_factory=list)
    services: list[Tunnel] = field(default_factory=list)
    cores: int = 0
    phone: Phone | None = None
    controller: Controller | None = None
    masquerades: list[Masquerade] = field(default_factory=list)
    app: AppPhone | None = None
    name_service: NameService | None = None
    nameservers: tuple[IPv4Address, ...] = ()

    def freeze(self) -> Node:
        main = RouteTable(MAIN_TABLE, tuple(self.main), resource=self.name)
        return Node(
            name=self.name,
            label=self.label,
            kind=self.kind,
            provider=self.provider,
            resource=self.name,
            interfaces=tuple(self.interfaces),
            tables=(main, *self.tables),
            forwards=self.forwards,
            checks=tuple(self.checks),
            gates=tuple(self.gates),
            limits=tuple(self.limits),
            nats=tuple(self.nats),
            services=tuple(self.services),
            cores=self.cores,
            phone=self.phone,
            controller=self.controller,
            masquerades=tuple(self.masquerades),
            app=self.app,
            name_service=self.name_service,
            nameservers=self.nameservers,
        )


class Draft:
    """The Topology in the making."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeDraft] = {}
        self.links: list[Link] = []
        self._next_hops: dict[tuple[str, str], IPv4Address] = {}
        self.internet = self.add(NodeDraft(INTERNET, INTERNET, NodeKind.INTERNET, "", forwards=True))
        self.internet.main.append(no_route(NOWHERE))

    def add(self, node: NodeDraft) -> NodeDraft:
        self.nodes[node.name] = node
        return node

    def link(self, a: NodeDraft, interface_a: Interface, b: NodeDraft, interface_b: Interface) -> None:
        a.interfaces.append(interface_a)
        b.interfaces.append(interface_b)
        self.links.append(Link((a.name, interface_a.name), (b.name, interface_b.name)))

    def transfer(
        self, a: NodeDraft, name_a: str, b: NodeDraft, name_b: str, origin: Origin, public: IPv4Address | None = None
    ) -> None:
        """A link between two fabrics. Each end is the next hop of the other; `a` may have a public address there too."""
        end_a, end_b = transfer_addresses(origin, inside=b is not self.internet)
        own_a = (end_a,) if public is None else (IPv4Interface(public), end_a)
        self.link(a, Interface(name_a, own_a), b, Interface(name_b, (end_b,)))
        self._next_hops[a.name, name_a] = end_b.ip
        self._next_hops[b.name, name_b] = end_a.ip

    def through(self, node: NodeDraft, interface: str, destination: IPv4Network, origin: Origin) -> Route:
        """A route of a node through a transfer link."""
        return Route(destination, origin, interface, self._next_hops[node.name, interface])

    def freeze(self) -> Topology:
        return Topology(tuple(node.freeze() for node in self.nodes.values()), tuple(self.links))


def no_route(origin: Origin, reason: Reason = Reason.NO_ROUTE_TO_DESTINATION) -> Route:
    """The end of a table that forwards: what matched nothing else is counted and dropped."""
    return Route(ANY, origin, drop=reason)


def unique(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The first route for each destination: callers give the preferred one first."""
    chosen: dict[IPv4Network, Route] = {}
    for route in routes:
        chosen.setdefault(route.destination, route)
    return tuple(chosen.values())
