"""The network as it is to be: nodes, links, routes, gates. The one truth that simulation and emulation both read.

A Topology is made by the compiler from the cloud's state and is never changed; a changed network is a new Topology. Every
name in it that can reach a kernel, nft or a shell is generated. `label` is what a person reads and goes to reports only.

What a forwarding node does with a packet, in this order:

1. `Nat` of the interface it came in on (destination address);
2. the route table selected by that interface, longest prefix first; a route may be a drop (`Route.drop`);
3. TTL, and the MTU of the outgoing interface: Linux looks at both before its forward hook, so no gate counts such a packet;
4. the gates in the order of `Stage`: for each stage first the gate on the incoming interface (`Side.IN`), then the one on the
   outgoing interface (`Side.OUT`). The drop of a route counts after all other gates, at the sink; a `Limit` before that;
5. `Nat` or `Masquerade` of the outgoing interface (source address).

What belongs to a connection that was masqueraded is translated back at 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from dataplane.check import EniCheck
from dataplane.ike.identity import Identity
from dataplane.ike.policy import Lease
from lab.logon import AppPhone
from lab.origin import Origin
from lab.phoning import Controller, Phone
from lab.reasons import Reason

ANY = IPv4Network("0.0.0.0/0")


class NodeKind(StrEnum):
    HOST = "host"  # a virtual machine that runs something
    GATEWAY = "gateway"  # a virtual machine that forwards between its interface and a tunnel
    VPC = "vpc"  # the fabric of an AWS or Alibaba Cloud VPC
    INTERNET = "internet"
    CCN = "ccn"  # the point of presence of a Cloud Connect Network
    CEN = "cen"  # the transit of a Cloud Enterprise Network
    CONTROLLER = "controller"  # what the gateways' devices phone home to, and people's devices log on at
    TERMINAL = "terminal"  # somebody's own laptop or phone
    DNS = "dns"  # servers of names
    ROUTER = "router"  # a home router: several terminals behind one public address


MACHINES = (NodeKind.HOST, NodeKind.GATEWAY, NodeKind.TERMINAL)  # what somebody runs programs on


class Software(StrEnum):
    """What runs at the end of a tunnel."""

    DATAPLANE = "dataplane"  # our own
    STRONGSWAN = "strongSwan"


class Stage(IntEnum):
    """The order in which a packet meets the gates of a node."""

    SOURCE_CHECK = 1
    ACL = 2
    DESTINATION_CHECK = 3
    EGRESS = 4  # the security groups of the sender
    INGRESS = 5  # the security groups of the receiver
    EDGE = 6  # an internet gateway


class Side(StrEnum):
    IN = "in"  # packets that enter the node through the interface: sent by the machine behind it
    OUT = "out"  # packets that leave the node through the interface: received by the machine behind it


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface of a node. `name` fits 15 characters. A `tunnel` interface is a TUN device and has no link."""

    name: str
    addresses: tuple[IPv4Interface, ...] = ()
    mtu: int = 1500
    tunnel: bool = False
    proxy_arp: bool = False  # answers ARP for every address: the router side of an interface in a VPC
    resource: str = ""  # the network interface or gateway it stands for


@dataclass(frozen=True, slots=True)
class Link:
    """A cable between two interfaces, each given as (node name, interface name)."""

    a: tuple[str, str]
    b: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """A route: through `interface` (to `via`, when given), or, with a reason in `drop`, nowhere."""

    destination: IPv4Network
    origin: Origin
    interface: str = ""
    via: IPv4Address | None = None
    source: IPv4Address | None = None  # the address that the node's own packets carry by default
    drop: Reason | None = None


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A routing table of a node, used for packets that came in on one of `selected_by`.

    With `selected_by` empty it is the main table: it serves what the node itself sends, and every interface that selects no
    table of its own. A table that forwards ends in a default route, if need be one that drops.
    """

    number: int  # the kernel's number: 254 is main, others from 1000
    routes: tuple[Route, ...]
    selected_by: tuple[str, ...] = ()
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule looks at. `protocol` is "icmp", "tcp", "udp" or "" for all; `ports` a destination range, both ends included.

    For ICMP `ports` is None and `icmp` may narrow to (type, code), -1 standing for all.
    """

    source: IPv4Network = ANY
    destination: IPv4Network = ANY
    protocol: str = ""
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a gate. A rule that denies may bear a reason of its own instead of the gate's."""

    match: Match
    permit: bool
    origin: Origin
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """A filter on one side of an interface: the first rule that matches decides, `default` when none does.

    A `stateful` gate permits the packets of a connection, and the ICMP errors about it, once its first packet was permitted at
    this very interface, in whichever direction (security groups). A drop is counted under `reason`.
    """

    interface: str
    side: Side
    stage: Stage
    rules: tuple[Rule, ...]
    default: bool
    reason: Reason
    origin: Origin
    stateful: bool = False


@dataclass(frozen=True, slots=True)
class EniGate:
    """The source/destination check of the network interface behind `interface`.

    Side.IN at Stage.SOURCE_CHECK asks `check.permits_outbound(source)`, Side.OUT at Stage.DESTINATION_CHECK
    `check.permits_inbound(destination)`. The reason of a drop is ENI_SOURCE_DEST_CHECK_RESTRICTION.
    """

    interface: str
    check: EniCheck
    origin: Origin


@dataclass(frozen=True, slots=True)
class Nat:
    """One-to-one address translation at an interface: `private` inside is `public` outside."""

    interface: str
    private: IPv4Address
    public: IPv4Address
    origin: Origin


@dataclass(frozen=True, slots=True)
class Masquerade:
    """Many addresses behind one, at an interface: each connection that leaves by it bears `public` and a port of its own.

    RFC 2663 §4.1.2 (NAPT); of an ICMP query it is the identifier that is translated. Like Linux's it leaves
    alone what neither begins a connection nor belongs to one.
    """

    interface: str
    public: IPv4Address
    origin: Origin


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `rate` bit/s of IP packets pass these ways together, each from one interface to another; what is more is dropped.

    It is about time, so a simulation, which takes none, has no part in it.
    """

    ways: tuple[tuple[str, str], ...]
    rate: int
    reason: Reason
    origin: Origin


@dataclass(frozen=True, slots=True)
class PeerAuthentication:
    """How an end of a tunnel proves who it is, and the other to it: IKEv2 with a pre-shared key (RFC 7296 §2.15).

    `local` is who this end says it is, `remote` who the other has to prove it is. Each end has what its own side was configured
    with, so the two may not fit together. `origin` is what gave this end its key.
    """

    local: Identity
    remote: Identity
    key: bytes = field(repr=False)
    origin: Origin

    def fits(self, other: PeerAuthentication) -> bool:
        """Whether the other end proves to be who is expected here, and the other way round."""
        return (self.local, self.remote, self.key) == (other.remote, other.local, other.key)


@dataclass(frozen=True, slots=True)
class TunnelPeer:
    """The other end of a tunnel.

    `name` is the gateway's resource, the same at both ends. `prefixes` lie behind the peer: what is sent to it, and what it may
    send from. `endpoint`, where it takes ESP in UDP, is None until the peer has been heard; IKE begins at port 500 there. `leads`
    is the gateway whose routes follow this tunnel, and whose VPN Status is this tunnel's; empty for a device that stands by.
    """

    name: str
    prefixes: tuple[IPv4Network, ...]
    authentication: PeerAuthentication
    origin: Origin
    endpoint: tuple[IPv4Address, int] | None = None
    speaks_first: bool = False  # this end opens the conversation and keeps the NAT in front of it open
    bandwidth: int = 0  # the most that is sent to it, in bit/s of inner packets; 0 for no limit
    leads: str = ""
    lease: Lease | None = None  # the address and the DNS servers that it is given, if it asks; or that this end is to be given
    request_lease: bool = False  # this end asks it for them
    once: bool = False  # it can prove who it is a single time
    inbound_bandwidth: int = 0  # the most that is taken from it, in bit/s of inner packets; 0 for no limit
    meter: str = ""  # under which name what passes is counted beyond the life of this end, "" for nowhere


@dataclass(frozen=True, slots=True)
class TunnelFooting:
    """What an end of a tunnel stands on. With another footing it is another end, which knows of no peer yet."""

    node: str
    interface: str
    address: IPv4Address
    port: int
    endpoint: tuple[IPv4Address, int] | None
    speaks_first: bool
    authentication: PeerAuthentication


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The service of a gateway or a point of presence: a dataplane between the TUN device and the underlay.

    A drop inside the dataplane bears a code of its own, among them OUTSIDE_SELECTOR (the inner source lies outside the peer's
    prefixes) and NO_PEER_FOR_DESTINATION.
    """

    interface: str  # the TUN device
    address: IPv4Address  # of the underlay
    port: int
    peers: tuple[TunnelPeer, ...]
    origin: Origin
    check: EniCheck | None = None  # where no fabric enforces it
    software: Software = Software.DATAPLANE
    meters: str = ""  # the name of the file in which it counts what peers with a meter send and get


@dataclass(frozen=True, slots=True)
class Name:
    """What is answered to who asks for a name: all addresses that there are of it. `name` may begin with "*.". Seconds."""

    name: str
    address: IPv4Address
    ttl: int


@dataclass(frozen=True, slots=True)
class NameService:
    """Servers of names at these addresses, the active one first. They know the `zones`, and nothing of any other name."""

    addresses: tuple[IPv4Address, ...]
    zones: tuple[str, ...]
    names: tuple[Name, ...]
    origin: Origin


@dataclass(frozen=True)
class Node:
    """`cores` is how many processors the machine has; 0 where nothing is said of it. What ends its tunnels uses no more."""

    name: str
    label: str
    kind: NodeKind
    provider: str  # "aws", "alibaba" or "" for the internet
    resource: str
    interfaces: tuple[Interface, ...]
    tables: tuple[RouteTable, ...]
    forwards: bool = False
    checks: tuple[EniGate, ...] = ()
    gates: tuple[Gate, ...] = ()
    nats: tuple[Nat, ...] = ()
    services: tuple[Tunnel, ...] = ()
    cores: int = 0
    phone: Phone | None = None
    controller: Controller | None = None
    masquerades: tuple[Masquerade, ...] = ()
    app: AppPhone | None = None
    name_service: NameService | None = None
    nameservers: tuple[IPv4Address, ...] = ()  # whom it asks for names
    limits: tuple[Limit, ...] = ()

    @property
    def own_address(self) -> IPv4Address:
        """The address that a machine is known by: that of its tunnel device, such as a client's lease, or its first one."""
        addressed = sorted((one for one in self.interfaces if one.addresses), key=lambda one: not one.tunnel)
        return addressed[0].addresses[0].ip

    @cached_property
    def addresses(self) -> frozenset[IPv4Address]:
        """Every address the node itself answers to."""
        return frozenset(address.ip for interface in self.interfaces for address in interface.addresses)


@dataclass(frozen=True)
class Topology:
    nodes: tuple[Node, ...] = ()
    links: tuple[Link, ...] = ()
    by_name: Mapping[str, Node] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {node.name: node for node in self.nodes})

    @cached_property
    def far_end(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """For (node, interface), the (node, interface) at the other end of its link."""
        ends = {link.a: link.b for link in self.links}
        ends.update({link.b: link.a for link in self.links})
        return ends

    @cached_property
    def controller(self) -> Node | None:
        """The node that devices phone home to; None where there are none."""
        return next((node for node in self.nodes if node.controller is not None), None)

    @cached_property
    def footings(self) -> Mapping[str, frozenset[TunnelFooting]]:
        """What the ends of each tunnel stand on, by its name. When that changes at one end, the tunnel begins anew at all."""
        found: dict[str, set[TunnelFooting]] = {}
        for node in self.nodes:
            for service in node.services:
                for peer in service.peers:
                    found.setdefault(peer.name, set()).add(_footing(node.name, service, peer))
        return {name: frozenset(footings) for name, footings in found.items()}

    def node_of(self, resource: str) -> Node:
        """The node that stands for a resource. Raises KeyError."""
        return self._by_resource[resource]

    @cached_property
    def _by_resource(self) -> Mapping[str, Node]:
        return {node.resource: node for node in self.nodes}


def translated_otherwise(before: Node, after: Node) -> set[IPv4Address]:
    """The addresses of the translations that are there in one of the two only. Connections from and to them are forgotten."""
    one_to_one = set(before.nats) ^ set(after.nats)
    many_to_one = set(before.masquerades) ^ set(after.masquerades)
    return {address for nat in one_to_one for address in (nat.private, nat.public)} | {each.public for each in many_to_one}


def _footing(node: str, service: Tunnel, peer: TunnelPeer) -> TunnelFooting:
    where = node, service.interface, service.address, service.port
    return TunnelFooting(*where, peer.endpoint, peer.speaks_first, peer.authentication)
