"""The gates of a node as one nftables ruleset. Pure: a Node in, text out.

A packet that is forwarded meets, in the forward hook, the chains of each stage in turn: those of the interface it came in
on, then those of the interface it leaves by, then the limits of bandwidth. Last comes the sink, which counts what the routes send
nowhere. Each gate has a named counter; nothing is dropped without being counted. Only generated identifiers stand in the text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from lab.drops import FILTER_OF, Filter, Place
from lab.reasons import Reason
from lab.topology import ANY, EniGate, Gate, Limit, Masquerade, Match, Nat, Node, RouteTable, Side, Stage

TABLE = "saglab"
SINK = "sink"  # the device that routes without a destination lead to

# How long an interface remembers an admitted connection after its last packet: our choice, long enough for a quiet shell.
_ADMITTED_FOR = "30m"
_MOST_ADMITTED = 1 << 20

_SIDE_KEY = {Side.IN: "iifname", Side.OUT: "oifname"}
_SIDE_INDEX = {Side.IN: "iif", Side.OUT: "oif"}


@dataclass(frozen=True, slots=True)
class Ruleset:
    """`text` for `nft -f -`; `counters` by name. Loading the text replaces the rules and keeps the counters."""

    text: str
    counters: dict[str, Place]


@dataclass
class _Draft:
    counters: dict[str, Place] = field(default_factory=dict)
    chains: list[str] = field(default_factory=list)
    jumps: dict[tuple[Stage, Side], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def counter(self, name: str, place: Place) -> str:
        self.counters[name] = place
        return f'counter name "{name}" drop'

    def chain(self, stage: Stage, side: Side, interface: str, lines: Iterable[str]) -> None:
        name = _identifier(stage.name.lower(), side, interface)
        self.chains.append(_chain(name, lines))
        self.jumps[stage, side][interface] = name


def render(node: Node) -> Ruleset:
    """The ruleset of a forwarding node."""
    draft = _Draft()
    for check in node.checks:
        _source_check(draft, check)
        _destination_check(draft, check)
    for gate in node.gates:
        _gate(draft, gate)
    limits, sink = [_limit(draft, limit) for limit in node.limits], list(_sink(draft, node.tables))
    forward = ["type filter hook forward priority filter; policy accept;", *_dispatch(draft), *limits, *sink]
    chains = [*_admissions(), *draft.chains, _chain("forward", forward), *_nat(node.nats, node.masquerades)]
    return Ruleset(_document(draft.counters, chains), draft.counters)


def _source_check(draft: _Draft, gate: EniGate) -> None:
    """The source half of the source/destination check: what the interface sends (EniCheck.permits_outbound)."""
    drop = _check_counter(draft, Filter.SOURCE_CHECK, gate)
    draft.chain(Stage.SOURCE_CHECK, Side.IN, gate.interface, _check_lines(gate, "saddr", drop))


def _destination_check(draft: _Draft, gate: EniGate) -> None:
    """The destination half of the source/destination check: what the interface receives (EniCheck.permits_inbound)."""
    drop = _check_counter(draft, Filter.DESTINATION_CHECK, gate)
    draft.chain(Stage.DESTINATION_CHECK, Side.OUT, gate.interface, _check_lines(gate, "daddr", drop))


def _check_counter(draft: _Draft, half: Filter, gate: EniGate) -> str:
    place = Place(half, Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION, gate.origin, gate.interface)
    return draft.counter(_identifier(half.name.lower(), gate.interface), place)


def _check_lines(gate: EniGate, field_name: str, drop: str) -> list[str]:
    if not gate.check.enabled:
        return []
    return [f"ip {field_name} != {{ {', '.join(map(str, gate.check.addresses))} }} {drop}"]


def _gate(draft: _Draft, gate: Gate) -> None:
    """Rules in order, the first match decides. A stateful gate knows a connection by (conntrack id, this interface)."""
    name = _identifier(gate.stage.name.lower(), gate.side, gate.interface)
    drop = draft.counter(name, Place(FILTER_OF[gate.stage], gate.reason, gate.origin, gate.interface))
    draft.chain(gate.stage, gate.side, gate.interface, _gate_lines(draft, gate, name, drop))


def _gate_lines(draft: _Draft, gate: Gate, name: str, drop: str) -> Iterator[str]:
    key = f"ct id . {_SIDE_INDEX[gate.side]}"
    permit = f"goto admit_{gate.side}" if gate.stateful else "return"
    if gate.stateful:
        yield f"ct state established,related {key} @admitted update @admitted {{ {key} }} return"
    for rule in gate.rules:
        verdict = permit if rule.permit else drop
        if rule.reason and not rule.permit:
            place = Place(FILTER_OF[gate.stage], rule.reason, rule.origin, gate.interface)
            verdict = draft.counter(_identifier(name, rule.reason.lower()), place)
        yield f"{_match(rule.match)} {verdict}".strip()
    yield permit if gate.default else drop


def _match(match: Match) -> str:
    words = []
    if match.source != ANY:
        words.append(f"ip saddr {match.source}")
    if match.destination != ANY:
        words.append(f"ip daddr {match.destination}")
    if match.protocol and match.ports:
        first, last = match.ports
        words.append(f"{match.protocol} dport {first}" + (f"-{last}" if last != first else ""))
    elif match.protocol:
        words.append(f"meta l4proto {match.protocol}")
    if match.icmp:
        words += [f"icmp {name} {value}" for name, value in zip(("type", "code"), match.icmp, strict=True) if value >= 0]
    return " ".join(words)


def _limit(draft: _Draft, limit: Limit) -> str:
    """What passes is counted over all ways together; a super-packet counts for its bytes.

    After a rest a second's worth may pass at once: Linux has no smaller bucket (net/netfilter/nft_limit.c).
    """
    first_in, first_out = limit.ways[0]
    drop = draft.counter(_identifier("limit", first_in, first_out), Place(Filter.BANDWIDTH, limit.reason, limit.origin, first_in))
    ways = ", ".join(f'"{interface_in}" . "{interface_out}"' for interface_in, interface_out in limit.ways)
    return f"iifname . oifname {{ {ways} }} limit rate over {limit.rate // 8} bytes/second burst 0 bytes {drop}"


def _sink(draft: _Draft, tables: Iterable[RouteTable]) -> Iterator[str]:
    """Count and drop what a route sends nowhere, longest prefix first, as the routing table chose it.

    The main table serves every interface that selects no other, so its lines come last and name no interface.
    """
    for table in sorted(tables, key=lambda table: not table.selected_by):
        interfaces = ", ".join(f'"{name}"' for name in table.selected_by)
        where_from = f"iifname {{ {interfaces} }} " if interfaces else ""
        for route in sorted(table.routes, key=lambda route: -route.destination.prefixlen):
            if route.drop is None:
                continue
            name = _identifier("sink", str(table.number), str(route.destination).replace("/", "_"))
            drop = draft.counter(name, Place(Filter.ROUTE, route.drop, route.origin, table.resource))
            where_to = _match(Match(destination=route.destination))
            yield f'oifname "{SINK}" {where_from}{where_to} {drop}'


def _admissions() -> Iterator[str]:
    """Remember an admitted connection, then go on with the next stage.

    In a chain of its own: a packet that conntrack calls invalid has no id, and would leave a rule before its verdict.
    """
    for side, index in _SIDE_INDEX.items():
        yield _chain(f"admit_{side}", [f"add @admitted {{ ct id . {index} }}"])


def _dispatch(draft: _Draft) -> Iterator[str]:
    for stage in Stage:
        for side in Side:
            jumps = draft.jumps.get((stage, side))
            if jumps:
                entries = ", ".join(f'"{interface}" : jump {chain}' for interface, chain in jumps.items())
                yield f"{_SIDE_KEY[side]} vmap {{ {entries} }}"


def _nat(nats: tuple[Nat, ...], masquerades: tuple[Masquerade, ...]) -> Iterator[str]:
    """Translation at the edge, one to one (the destination of what comes in, the source of what goes out) and many to one.

    By conntrack, which also translates what an ICMP error quotes. A packet that conntrack calls invalid, such as an echo reply
    that nobody asked for, it leaves alone; an internet gateway translates every packet, so those are rewritten one by one.
    """
    by_interface: dict[str, list[Nat]] = defaultdict(list)
    for nat in nats:
        by_interface[nat.interface].append(nat)
    hiding = [f'oifname "{masquerade.interface}" snat ip to {masquerade.public}' for masquerade in masquerades]
    lines: dict[str, list[str]] = {"dnat": [], "snat": hiding, "dset": [], "sset": []}
    for name, group in by_interface.items():
        inbound = f"ip daddr map {{ {_pairs((n.public, n.private) for n in group)} }}"
        outbound = f"ip saddr map {{ {_pairs((n.private, n.public) for n in group)} }}"
        lines["dnat"].append(f'iifname "{name}" dnat ip to {inbound}')
        lines["snat"].append(f'oifname "{name}" snat ip to {outbound}')
        lines["dset"].append(f'iifname "{name}" ct state invalid ip daddr set {inbound}')
        lines["sset"].append(f'oifname "{name}" ct state invalid ip saddr set {outbound}')
    yield _chain("prerouting", ["type nat hook prerouting priority dstnat; policy accept;", *lines["dnat"]])
    yield _chain("postrouting", ["type nat hook postrouting priority srcnat; policy accept;", *lines["snat"]])
    yield _chain("prerouting_invalid", ["type filter hook prerouting priority mangle; policy accept;", *lines["dset"]])
    yield _chain("postrouting_invalid", ["type filter hook postrouting priority mangle; policy accept;", *lines["sset"]])


def _pairs(pairs: Iterable[tuple[IPv4Address, IPv4Address]]) -> str:
    return ", ".join(f"{key} : {value}" for key, value in pairs)


def _document(counters: Iterable[str], chains: Iterable[str]) -> str:
    """One transaction: make sure the table is there, empty it of rules, fill it. Counters and admitted pairs stay."""
    declared = "\n".join(f"\tcounter {name} {{ }}" for name in counters)
    admitted = f"\tset admitted {{ typeof ct id . iif; flags dynamic,timeout; timeout {_ADMITTED_FOR}; size {_MOST_ADMITTED}; }}"
    return f"table inet {TABLE} {{\n{admitted}\n{declared}\n}}\nflush table inet {TABLE}\ntable inet {TABLE} {{\n" + (
        "\n".join(chains) + "\n}\n"
    )


def _chain(name: str, lines: Iterable[str]) -> str:
    return f"\tchain {name} {{\n" + "".join(f"\t\t{line}\n" for line in lines) + "\t}"


def _identifier(*parts: str) -> str:
    """A name nft accepts, made of generated parts only."""
    return "_".join(part for part in parts if part).replace("-", "_")
