"""Hand-written topologies: a chain of routers, a fabric with three machines, and two clouds joined by a tunnel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from dataplane.check import EniCheck
from dataplane.ike.identity import fqdn, key_id
from lab.origin import Origin
from lab.reasons import Reason
from lab.simulation import Probe
from lab.topology import (
    EniGate,
    Gate,
    Interface,
    Link,
    Masquerade,
    Match,
    Nat,
    Node,
    NodeKind,
    PeerAuthentication,
    Route,
    RouteTable,
    Rule,
    Side,
    Stage,
    Topology,
    Tunnel,
    TunnelPeer,
)

MAIN = 254


def origin(resource: str) -> Origin:
    return Origin(resource, f"test.make_{resource}")


def route(destination: str, interface: str = "", via: str = "", drop: Reason | None = None) -> Route:
    next_hop = IPv4Address(via) if via else None
    return Route(IPv4Network(destination), origin(f"route-{destination}"), interface, next_hop, drop=drop)


def nowhere(reason: Reason = Reason.NO_ROUTE_TO_DESTINATION) -> Route:
    return route("0.0.0.0/0", drop=reason)


def echo(source: str, destination: str, identifier: int = 1) -> Probe:
    return Probe(IPv4Address(source), IPv4Address(destination), "icmp", identifier)


def echo_reply(source: str, destination: str, identifier: int = 1) -> Probe:
    return Probe(IPv4Address(source), IPv4Address(destination), "icmp", identifier, icmp=(0, 0))


def tcp(source: str, destination: str, port: int = 443) -> Probe:
    return Probe(IPv4Address(source), IPv4Address(destination), "tcp", 40000, port)


def udp(source: str, destination: str, port: int = 53) -> Probe:
    return Probe(IPv4Address(source), IPv4Address(destination), "udp", 40000, port)


@dataclass
class Plan:
    """A node in the making."""

    name: str
    forwards: bool = False
    kind: NodeKind = NodeKind.HOST
    interfaces: list[Interface] = field(default_factory=list)
    main: list[Route] = field(default_factory=list)
    tables: list[RouteTable] = field(default_factory=list)
    checks: list[EniGate] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    nats: list[Nat] = field(default_factory=list)
    services: list[Tunnel] = field(default_factory=list)
    masquerades: list[Masquerade] = field(default_factory=list)

    def interface(self, name: str, *addresses: str, mtu: int = 1500, proxy_arp: bool = False, tunnel: bool = False) -> None:
        own = tuple(IPv4Interface(address) for address in addresses)
        self.interfaces.append(Interface(name, own, mtu, tunnel, proxy_arp, f"{self.name}-{name}"))

    def node(self) -> Node:
        return Node(
            self.name,
            self.name,
            self.kind,
            "",
            self.name,
            tuple(self.interfaces),
            (RouteTable(MAIN, tuple(self.main)), *self.tables),
            self.forwards,
            tuple(self.checks),
            tuple(self.gates),
            tuple(self.nats),
            tuple(self.services),
            masquerades=tuple(self.masquerades),
        )


def link(a: str, b: str) -> Link:
    """A cable, each end given as "node.interface"."""
    (node_a, interface_a), (node_b, interface_b) = a.split("."), b.split(".")
    return Link((node_a, interface_a), (node_b, interface_b))


def topology(plans: Iterable[Plan], links: Iterable[Link]) -> Topology:
    return Topology(tuple(plan.node() for plan in plans), tuple(links))


def rules(networks: Iterable[str], side: Side, protocol: str = "") -> tuple[Rule, ...]:
    """Permit what comes from (Side.OUT: the receiver's view) or goes to (Side.IN) each of the networks."""
    matches = [
        Match(source=IPv4Network(text), protocol=protocol)
        if side is Side.OUT
        else Match(destination=IPv4Network(text), protocol=protocol)
        for text in networks
    ]
    return tuple(Rule(match, True, origin(f"rule-{number}")) for number, match in enumerate(matches))


def group(interface: str, ingress: Sequence[str], egress: Sequence[str] = ("0.0.0.0/0",)) -> tuple[Gate, Gate]:
    """The two stateful gates of a security group."""
    reason, owner = Reason.ENI_SG_RULES_MISMATCH, origin(f"sg-{interface}")
    return (
        Gate(interface, Side.IN, Stage.EGRESS, rules(egress, Side.IN), False, reason, owner, stateful=True),
        Gate(interface, Side.OUT, Stage.INGRESS, rules(ingress, Side.OUT), False, reason, owner, stateful=True),
    )


def acl(interface: str, side: Side, *networks: str) -> Gate:
    """A stateless list that permits what comes from the networks."""
    permitted = rules(networks, Side.OUT)
    return Gate(interface, side, Stage.ACL, permitted, False, Reason.SUBNET_ACL_RESTRICTION, origin(f"acl-{interface}"))


def udp_only(interface: str, side: Side, port: int) -> Gate:
    """A stateless list that permits datagrams to one port and nothing else."""
    permitted = (Rule(Match(protocol="udp", ports=(port, port)), True, origin(f"udp-{port}")),)
    return Gate(interface, side, Stage.ACL, permitted, False, Reason.SUBNET_ACL_RESTRICTION, origin(f"acl-{interface}"))


def chain(length: int, mtus: Sequence[int] = ()) -> Topology:
    """Hosts a and b with `length` routers r1, r2, … between; `mtus` are those of the length + 1 links, 1500 when missing.

    Link number n has the addresses 10.0.n.1 (nearer to a) and 10.0.n.2. All of a's traffic goes right, all of b's left.
    """
    names = ["a", *(f"r{number + 1}" for number in range(length)), "b"]
    plans = [Plan(name, forwards=name not in "ab", kind=NodeKind.HOST) for name in names]
    links = []
    for number in range(length + 1):
        left, right = plans[number], plans[number + 1]
        mtu = mtus[number] if number < len(mtus) else 1500
        left.interface("right", f"10.0.{number}.1/24", mtu=mtu)
        right.interface("left", f"10.0.{number}.2/24", mtu=mtu)
        links.append(link(f"{left.name}.right", f"{right.name}.left"))
        left.main.append(route(f"10.0.{number}.0/24", "right"))
        right.main.append(route(f"10.0.{number}.0/24", "left"))
        left.main.append(route(f"10.0.{length}.2/32", "right", f"10.0.{number}.2"))
        right.main.append(route("10.0.0.1/32", "left", f"10.0.{number}.1"))
    return topology(plans, links)


MACHINES = {"a": "10.0.1.10", "b": "10.0.1.20", "c": "10.0.2.30"}


@dataclass(frozen=True)
class Fabric:
    """A VPC with the machines a, b (one subnet) and c (another), each behind an interface named like it.

    `ingress` and `egress` are the networks that a machine's group admits, "0.0.0.0/0" where nothing is said. `checked` names the
    interfaces with the source/destination check on, `routes` are more specific than the machines' own.
    """

    ingress: tuple[tuple[str, tuple[str, ...]], ...] = ()
    egress: tuple[tuple[str, tuple[str, ...]], ...] = ()
    checked: tuple[str, ...] = ("a", "b", "c")
    routes: tuple[Route, ...] = ()
    acls: tuple[Gate, ...] = ()

    def topology(self) -> Topology:
        fabric = Plan("vpc", forwards=True, kind=NodeKind.VPC)
        plans, links = [fabric], []
        for name, address in MACHINES.items():
            plans.append(self._machine(name, address))
            links.append(link(f"{name}.eth0", f"vpc.{name}"))
            router = str(IPv4Interface(f"{address}/24").network[1])
            fabric.interface(name, f"{router}/32", proxy_arp=True)
            fabric.checks.append(EniGate(name, EniCheck((IPv4Address(address),), name in self.checked), origin(f"check-{name}")))
            everything = ("0.0.0.0/0",)
            ingress, egress = dict(self.ingress).get(name, everything), dict(self.egress).get(name, everything)
            fabric.gates += group(name, ingress, egress)
        fabric.gates += self.acls
        inside = [route(f"{address}/32", name) for name, address in MACHINES.items()]
        unknown = route("10.0.0.0/16", drop=Reason.NO_POSSIBLE_DESTINATION)
        table = (*self.routes, *inside, unknown, nowhere())
        fabric.tables.append(RouteTable(1001, table, tuple(MACHINES)))
        fabric.main += inside
        return topology(plans, links)

    @staticmethod
    def _machine(name: str, address: str) -> Plan:
        machine = Plan(name)
        machine.interface("eth0", f"{address}/24")
        network = IPv4Interface(f"{address}/24").network
        machine.main += [route(str(network), "eth0"), route("0.0.0.0/0", "eth0", str(network[1]))]
        return machine


APP, VCPE, ECS = "10.0.1.10", "10.0.2.10", "192.168.1.10"
PUBLIC, PRESENCE = "203.0.113.10", "198.51.100.10"
TUNNEL_MTU = 1438


@dataclass(frozen=True)
class Hybrid:
    """Two clouds and a tunnel between them; complete by default, each field may spoil something.

        app ── vpc ── vcpe          vpc ── (igw) ── internet ── ccn ── cloud ── ecs
                        ╚═══════════════ tunnel ═══════════════╝
    """

    source_dest_check: bool = False
    tunnel_check: EniCheck | None = None
    elastic_ip: bool = True
    vcpe_ingress: tuple[str, ...] = ("10.0.0.0/16",)
    vcpe_egress: tuple[str, ...] = ("0.0.0.0/0",)
    app_ingress: tuple[str, ...] = ("192.168.0.0/16",)
    ecs_ingress: tuple[str, ...] = ("10.0.0.0/16",)
    behind_vcpe: tuple[str, ...] = ("10.0.0.0/16",)
    behind_ccn: tuple[str, ...] = ("192.168.0.0/16",)
    cloud_route: bool = True
    into_tunnel: tuple[str, ...] = ("192.168.0.0/16",)
    speaks_first: bool = True
    endpoint: str = PRESENCE
    serial_number: str = "sag1"
    key: str = "key"
    presence_name: str = "pop.example"
    presence_serial: str = "sag1"
    presence_port: int = 4500
    presence_peer: str = "sag-1"
    internet_mtu: int = 1500
    internet_acl: tuple[Gate, ...] = ()
    services: bool = True

    def topology(self) -> Topology:
        plans = [self._app(), self._vpc(), self._vcpe(), self._internet(), self._ccn(), self._cloud(), self._ecs()]
        ends = ["app.eth0 vpc.app", "vcpe.eth0 vpc.vcpe", "vpc.igw internet.vpc", "ccn.wan internet.ccn"]
        ends += ["ccn.cloud cloud.ccn", "ecs.eth0 cloud.ecs"]
        return topology(plans, [link(*pair.split()) for pair in ends])

    @staticmethod
    def _app() -> Plan:
        app = Plan("app")
        app.interface("eth0", f"{APP}/24")
        app.main += [route("0.0.0.0/0", "eth0", "10.0.1.1")]
        return app

    def _vpc(self) -> Plan:
        vpc = Plan("vpc", forwards=True, kind=NodeKind.VPC)
        vpc.interface("app", "10.0.1.1/32", proxy_arp=True)
        vpc.interface("vcpe", "10.0.2.1/32", proxy_arp=True)
        vpc.interface("igw", "100.64.0.1/30")
        vpc.gates += [*group("app", self.app_ingress), *group("vcpe", self.vcpe_ingress, self.vcpe_egress)]
        vpc.checks += [EniGate("app", EniCheck((IPv4Address(APP),)), origin("check-app"))]
        vpc.checks += [EniGate("vcpe", EniCheck((IPv4Address(VCPE),), self.source_dest_check), origin("check-vcpe"))]
        inside = [route(f"{APP}/32", "app"), route(f"{VCPE}/32", "vcpe")]
        learned = [route("192.168.0.0/16", "vcpe", VCPE)] if self.cloud_route else []
        unknown = route("10.0.0.0/16", drop=Reason.NO_POSSIBLE_DESTINATION)
        out = (*inside, *learned, unknown, route("0.0.0.0/0", "igw", "100.64.0.2"))
        vpc.tables += [RouteTable(1001, out, ("app", "vcpe"))]
        ingress = (*inside, nowhere(Reason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS))
        vpc.tables += [RouteTable(1002, ingress, ("igw",))]
        self._edge(vpc)
        return vpc

    def _edge(self, vpc: Plan) -> None:
        private = Rule(
            Match(destination=IPv4Network("192.168.0.0/16")),
            False,
            origin("igw"),
            Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS,
        )
        public: tuple[Rule, ...] = ()
        if self.elastic_ip:
            vpc.nats.append(Nat("igw", IPv4Address(VCPE), IPv4Address(PUBLIC), origin("eip")))
            public = (Rule(Match(source=IPv4Network(VCPE)), True, origin("eip")),)
        reason = Reason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS
        vpc.gates.append(Gate("igw", Side.OUT, Stage.EDGE, (private, *public), False, reason, origin("igw")))

    def _vcpe(self) -> Plan:
        vcpe = Plan("vcpe", forwards=True, kind=NodeKind.GATEWAY)
        vcpe.interface("eth0", f"{VCPE}/24")
        vcpe.interface("tun0", mtu=TUNNEL_MTU, tunnel=True)
        tunnel = [route(prefix, "tun0") for prefix in self.into_tunnel]
        vcpe.main += [*tunnel, route("0.0.0.0/0", "eth0", "10.0.2.1")]
        vcpe.tables += [RouteTable(1003, (*tunnel, nowhere()), ("eth0",))]
        vcpe.tables += [RouteTable(1004, (route("10.0.0.0/16", "eth0", "10.0.2.1"), nowhere()), ("tun0",))]
        endpoint = (IPv4Address(self.endpoint), 4500) if self.speaks_first else None
        proof = PeerAuthentication(key_id(self.serial_number), fqdn(self.presence_name), self.key.encode(), origin("user-data"))
        peer = TunnelPeer("sag-1", _networks(self.behind_ccn), proof, origin("peer-ccn"), endpoint, self.speaks_first)
        if self.services:
            vcpe.services.append(Tunnel("tun0", IPv4Address(VCPE), 4500, (peer,), origin("vcpe"), self.tunnel_check))
        return vcpe

    def _internet(self) -> Plan:
        internet = Plan("internet", forwards=True, kind=NodeKind.INTERNET)
        internet.interface("vpc", "100.64.0.2/30")
        internet.interface("ccn", "100.64.0.6/30", mtu=self.internet_mtu)
        internet.main += [route(f"{PRESENCE}/32", "ccn", "100.64.0.5"), route(f"{PUBLIC}/32", "vpc", "100.64.0.1"), nowhere()]
        internet.gates += self.internet_acl
        return internet

    def _ccn(self) -> Plan:
        ccn = Plan("ccn", forwards=True, kind=NodeKind.CCN)
        ccn.interface("wan", f"{PRESENCE}/32", "100.64.0.5/30", mtu=self.internet_mtu)
        ccn.interface("cloud", "100.64.0.9/30")
        ccn.interface("tun0", mtu=TUNNEL_MTU, tunnel=True)
        routes = [route("10.0.0.0/16", "tun0"), route("192.168.0.0/16", "cloud", "100.64.0.10")]
        ccn.main += [*routes, route("0.0.0.0/0", "wan", "100.64.0.6")]
        ccn.tables += [RouteTable(1005, (*routes, nowhere()), ("tun0", "cloud")), RouteTable(1006, (nowhere(),), ("wan",))]
        proof = PeerAuthentication(fqdn("pop.example"), key_id(self.presence_serial), b"key", origin("sag-1"))
        peer = TunnelPeer(self.presence_peer, _networks(self.behind_vcpe), proof, origin("peer-vcpe"))
        if self.services:
            ccn.services.append(Tunnel("tun0", IPv4Address(PRESENCE), self.presence_port, (peer,), origin("ccn")))
        return ccn

    def _cloud(self) -> Plan:
        cloud = Plan("cloud", forwards=True, kind=NodeKind.VPC)
        cloud.interface("ccn", "100.64.0.10/30")
        cloud.interface("ecs", "192.168.1.1/32", proxy_arp=True)
        routes = (route(f"{ECS}/32", "ecs"), route("10.0.0.0/16", "ccn", "100.64.0.9"), nowhere())
        cloud.tables += [RouteTable(1007, routes, ("ecs", "ccn"))]
        cloud.gates += group("ecs", self.ecs_ingress)
        return cloud

    @staticmethod
    def _ecs() -> Plan:
        ecs = Plan("ecs")
        ecs.interface("eth0", f"{ECS}/24")
        ecs.main += [route("0.0.0.0/0", "eth0", "192.168.1.1")]
        return ecs


def _networks(texts: Iterable[str]) -> tuple[IPv4Network, ...]:
    return tuple(IPv4Network(text) for text in texts)

AT_HOME = {"laptop": "192.168.178.20", "phone": "192.168.178.21"}
HOME, SERVER = "203.0.113.50", "203.0.113.80"


def home() -> Topology:
    """Two machines behind a home router with one public address, and one on the internet.

        laptop ─┐
                router (masquerade) ── internet ── server
        phone ──┘
    """
    router = Plan("router", forwards=True, kind=NodeKind.ROUTER)
    router.interface("wan", f"{HOME}/32", "100.64.0.1/30")
    plans, links = [router], ["router.wan internet.router", "server.eth0 internet.server"]
    for name, address in AT_HOME.items():
        machine = Plan(name, kind=NodeKind.TERMINAL)
        machine.interface("eth0", f"{address}/24")
        machine.main += [route("192.168.178.0/24", "eth0"), route("0.0.0.0/0", "eth0", "192.168.178.1")]
        router.interface(name, "192.168.178.1/32", proxy_arp=True)
        router.main.append(route(f"{address}/32", name))
        plans.append(machine)
        links.append(f"{name}.eth0 router.{name}")
    router.main += [route("192.168.178.0/24", drop=Reason.NO_ROUTE_TO_DESTINATION), route("0.0.0.0/0", "wan", "100.64.0.2")]
    router.masquerades.append(Masquerade("wan", IPv4Address(HOME), origin("router")))
    internet = Plan("internet", forwards=True, kind=NodeKind.INTERNET)
    internet.interface("router", "100.64.0.2/30")
    internet.interface("server", "100.64.0.5/30")
    internet.main += [route(f"{HOME}/32", "router", "100.64.0.1"), route(f"{SERVER}/32", "server", "100.64.0.6"), nowhere()]
    server = Plan("server")
    server.interface("eth0", f"{SERVER}/32", "100.64.0.6/30")
    server.main += [route("0.0.0.0/0", "eth0", "100.64.0.5")]
    return topology([*plans, internet, server], [link(*pair.split()) for pair in links])
