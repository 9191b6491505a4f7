"""The links of a lab as its user speaks of them, and what was ordered for them.

A link is `app/aws`, by the nodes at its ends, `app:eth0`, by the interface at one of them, or `wan`: where a gateway's tunnel
enters the internet. The end that is named first is where the first direction begins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lab.emulation.line.lines import Way
from lab.errors import UsageError
from lab.impairments import Order, format_impairments
from lab.supervisor.answers import LinkInfo
from lab.topology import Link, NodeKind, Topology

WAN = "wan"


@dataclass(frozen=True, slots=True)
class Found:
    """A link. `turned`: it was named from its second end."""

    link: Link
    turned: bool


@dataclass(frozen=True, slots=True)
class LinkOrders:
    """What a user has ordered: for the WAN, whichever links that is, and for single links, which goes before; None is good."""

    wan: Order | None = None
    links: Mapping[Link, Order | None] = field(default_factory=dict)

    def on(self, topology: Topology) -> Mapping[Link, Order]:
        """What each link of a network is to do."""
        wan = {found.link: _seen_from(found, self.wan) for found in wan_links(topology)} if self.wan is not None else {}
        return {link: order for link, order in {**wan, **self.links}.items() if order is not None and link in topology.links}

    def changed(self, word: str, found: Collection[Found], order: Order | None) -> LinkOrders:
        """With another order for what the word has found."""
        if word == WAN:
            here = {one.link for one in found}
            return LinkOrders(order, {link: old for link, old in self.links.items() if link not in here})
        return replace(self, links={**self.links, **{one.link: order and _seen_from(one, order) for one in found}})


def find_links(topology: Topology, names: Mapping[str, str], word: str) -> list[Found]:
    """The links that a word means; `names` is what a person calls the nodes. Raises UsageError for none, or several."""
    if word == WAN:
        found = wan_links(topology)
        if not found:
            raise UsageError("no gateway's tunnel enters the internet here, so there is no WAN")
        return found
    named = {name: node for node, name in names.items()}
    first, slash, second = word.partition("/")
    if slash:
        found = [one for one in _both_ways(topology) if _nodes(one) == (named.get(first), named.get(second))]
    else:
        node, _, interface = word.partition(":")
        found = [one for one in _both_ways(topology) if _first_end(one) == (named.get(node), interface)]
    if not found:
        raise UsageError(f"there is no link {word!r}; there are: {', '.join(sorted(link_names(topology, names).values()))}")
    if len(found) > 1:
        several = ", ".join(link_names(topology, names)[one.link] for one in found)
        raise UsageError(f"{len(found)} links are {word!r}; say which one: {several}")
    return found


def link_names(topology: Topology, names: Mapping[str, str]) -> dict[Link, str]:
    """A name for each link, by which `find_links` finds it: by its nodes where that is enough, else by its first end."""
    pairs = {link: f"{names[link.a[0]]}/{names[link.b[0]]}" for link in topology.links}
    known = list(pairs.values())
    return {link: pair if known.count(pair) == 1 else f"{names[link.a[0]]}:{link.a[1]}" for link, pair in pairs.items()}


def wan_links(topology: Topology) -> list[Found]:
    """Where the tunnels of gateways enter the internet, each seen from the gateway."""
    gateways = [node.name for node in topology.nodes if node.kind is NodeKind.GATEWAY and node.services]
    return list(dict.fromkeys(found for gateway in gateways if (found := _way_out(topology, gateway)) is not None))


def _way_out(topology: Topology, start: str) -> Found | None:
    """The last link on the shortest way from a node to the internet."""
    seen, edge = {start}, [start]
    while edge:
        node = edge.pop(0)
        for one in _both_ways(topology):
            here, there = _nodes(one)
            if here == node and there not in seen:
                if topology.by_name[there].kind is NodeKind.INTERNET:
                    return one
                seen.add(there)
                edge.append(there)
    return None


def link_infos(
    topology: Topology,
    names: Mapping[str, str],
    links: Collection[Link],
    orders: Mapping[Link, Order],
    ways: Mapping[Link, Way],
) -> list[LinkInfo]:
    """What is to be told of links."""
    known = link_names(topology, names)
    return [_info(link, known[link], names, orders.get(link), ways.get(link, Way())) for link in links]


def told_way(info: LinkInfo) -> str:
    """Who does it, for a person: the kernel, or a line with a seed, and why that was drawn."""
    if info.by != "line":
        return "by the kernel"
    return f"by a line with the seed {info.seed}" + (f", drawn because {info.why}" if info.why else "")


def _info(link: Link, name: str, names: Mapping[str, str], order: Order | None, way: Way) -> LinkInfo:
    first, second = (f"{names[node]}:{interface}" for node, interface in (link.a, link.b))
    if order is None:
        return LinkInfo(name, (first, second), "", "", "", "")
    return LinkInfo(name, (first, second), format_impairments(order.both), "line" if way.seed else "kernel", way.seed, way.why)


def _both_ways(topology: Topology) -> Iterator[Found]:
    for link in topology.links:
        yield Found(link, False)
        yield Found(link, True)


def _first_end(found: Found) -> tuple[str, str]:
    return found.link.b if found.turned else found.link.a


def _nodes(found: Found) -> tuple[str, str]:
    first, second = found.link.a[0], found.link.b[0]
    return (second, first) if found.turned else (first, second)


def _seen_from(found: Found, order: Order) -> Order:
    return order.turned() if found.turned else order
