"""What a gate, a check, a route or a tunnel said to a packet, in words for a person."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

from lab.reasons import Reason
from lab.simulation import Consultation, Ground, Hop, Probe
from lab.topology import ANY, MACHINES, EniGate, Match, Node, NodeKind, Side, Topology

_NOUNS = {
    NodeKind.HOST: "",
    NodeKind.GATEWAY: "",
    NodeKind.TERMINAL: "",
    NodeKind.ROUTER: "",
    NodeKind.VPC: "VPC ",
    NodeKind.CCN: "CCN ",
    NodeKind.CEN: "CEN ",
    NodeKind.DNS: "",
}


def packet(probe: Probe) -> str:
    """A packet in a line: "icmp echo 10.0.1.10 → 192.168.1.10, 84 bytes, ttl 64"."""
    kinds = {8: "icmp echo", 0: "icmp echo reply"}
    if probe.protocol == "icmp":
        what = kinds.get(probe.icmp[0], f"icmp type {probe.icmp[0]}")
        ends = f"{probe.source} → {probe.destination}"
    else:
        what = probe.protocol
        ends = f"{probe.source}:{probe.source_port} → {probe.destination}:{probe.destination_port}"
    whole = ", not to be fragmented" if probe.dont_fragment else ""
    return f"{what} {ends}, {probe.size} bytes, ttl {probe.ttl}{whole}"


def behind(topology: Topology, node: Node, interface: str) -> str:
    """The label of the machine behind an interface; empty where there is none."""
    far = topology.far_end.get((node.name, interface))
    other = topology.by_name[far[0]] if far else None
    return other.label if other is not None and other.kind in MACHINES else ""


def as_judged(hop: Hop) -> Probe:
    """The packet as the gates of a node see it: its destination translated already, its source not yet."""
    for nat in hop.nats:
        if hop.packet.destination == nat.public:
            return replace(hop.packet, destination=nat.private)
    return hop.packet


def verdict(asked: Consultation, probe: Probe) -> str:
    """What a gate or a check said about a packet."""
    if isinstance(asked.gate, EniGate):
        return _check(asked.gate, asked.side, probe)
    if asked.ground is Ground.CONNECTION:
        return "belongs to a connection admitted here"
    if asked.rule is not None:
        return f"{'allows' if asked.permit else 'denies'} {match(asked.rule.match)}"
    return f"no rule {'needed for' if asked.permit else 'allows'} {_asked(probe)}"


def _check(gate: EniGate, side: Side, probe: Probe) -> str:
    if not gate.check.enabled:
        return "off"
    what, address = ("source", probe.source) if side is Side.IN else ("destination", probe.destination)
    if address in gate.check.addresses:
        return f"on; {what} {address} is its own"
    return f"on; {what} {address} is not its own ({', '.join(map(str, gate.check.addresses))})"


def match(wanted: Match) -> str:
    """What a rule matches: "tcp 443 from 10.0.0.0/16"."""
    words = [wanted.protocol or "all"]
    if wanted.ports is not None:
        first, last = wanted.ports
        words.append(str(first) if first == last else f"{first}-{last}")
    if wanted.icmp is not None and wanted.icmp[0] >= 0:
        words.append(f"type {wanted.icmp[0]}")
    words += [f"from {_network(wanted.source)}"] if wanted.source != ANY else []
    words += [f"to {_network(wanted.destination)}"] if wanted.destination != ANY else []
    return " ".join(words)


def _network(network: IPv4Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _asked(probe: Probe) -> str:
    port = "" if probe.protocol == "icmp" else f" {probe.destination_port}"
    return f"{probe.protocol}{port} from {probe.source} to {probe.destination}"


def route(topology: Topology, hop: Hop) -> str:
    """Which route a node chose: "192.168.0.0/16 to vcpe"."""
    chosen = hop.route
    if chosen is None:
        return "no route"
    if chosen.drop is Reason.CEN_NO_BANDWIDTH_PLAN:
        return f"{chosen.destination} lies in a region to which nothing of a bandwidth plan was given"
    if chosen.drop is not None:
        return "no route matches" if chosen.destination == ANY else f"only {chosen.destination} matches, and leads nowhere"
    return f"{chosen.destination} to {_towards(topology, hop)}"


def _towards(topology: Topology, hop: Hop) -> str:
    chosen = hop.route
    if chosen is None or hop.interface_out is None:
        return "nowhere"
    if hop.interface_out.tunnel:
        return "the tunnel"
    far = topology.far_end.get((hop.node.name, chosen.interface))
    if far is None:
        return chosen.interface
    other = topology.by_name[far[0]]
    if other.kind is NodeKind.INTERNET:
        return "the internet"
    return f"{_NOUNS.get(other.kind, '')}{other.label}"
