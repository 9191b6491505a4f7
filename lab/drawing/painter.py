"""From a network to its picture: what is a box, what a figure, what stands left of what.

A picture reads as the documents' own: the customer's networks at the left, Alibaba Cloud's at the right, the internet between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lab.cloud import Cloud
from lab.drawing.marks import AskTunnel, End, Marks, marks_of
from lab.drawing.picture import Box, Figure, Line, LineKind, Look, Picture, Trouble
from lab.drawing.whereabouts import Whereabouts, whereabouts
from lab.simulation import Walk
from lab.topology import MACHINES, Link, Node, NodeKind, Topology

_CLOUDS = {"aws": "AWS", "alibaba": "Alibaba Cloud", "ens": "Alibaba Cloud, edge nodes"}
_NOTES = {
    NodeKind.GATEWAY: "gateway",
    NodeKind.CCN: "CCN point of presence",
    NodeKind.CEN: "CEN",
    NodeKind.CONTROLLER: "gateways phone home",
    NodeKind.DNS: "answers for names",
}
# From left to right; what is not listed stands at the far left, where hosts stand whose network no CEN has been given.
_ORDER = (
    *(NodeKind.HOST, NodeKind.TERMINAL, NodeKind.VPC, NodeKind.ROUTER, NodeKind.GATEWAY, NodeKind.INTERNET),
    *(NodeKind.CONTROLLER, NodeKind.CCN, NodeKind.CEN),
)


def paint(
    cloud: Cloud,
    topology: Topology,
    walks: Sequence[Walk] = (),
    *,
    title: str = "",
    way: bool = False,
    ask: AskTunnel | None = None,
    unwanted: Sequence[str] = (),
) -> Picture:
    """The picture of a network. Where one of `walks` ended early is marked; with `way`, also what they came by.

    `unwanted` are sentences on packets that arrive and must not, which break nothing that could be marked.
    How tunnels are comes from `ask` where a network runs, and is simulated where none does.
    """
    picture = _Painter(cloud, topology, marks_of(topology, walks, ask), way).picture(title)
    return replace(picture, faults=(*picture.faults, *unwanted))


class _Painter:
    def __init__(self, cloud: Cloud, topology: Topology, marks: Marks, way: bool) -> None:
        self._topology = topology
        self._marks = marks
        self._way = way
        self._where = whereabouts(cloud)
        self._right = _at_the_right(topology)

    def picture(self, title: str) -> Picture:
        figures = tuple(self._figure(node) for node in self._topology.nodes)
        lines = (*(self._cable(link) for link in self._topology.links), *self._tunnels())
        return Picture(title, tuple(self._boxes()), figures, lines, self._marks.faults)

    # Boxes

    def _boxes(self) -> Iterator[Box]:
        """Clouds, regions where a cloud has several, and VPCs: each once, the outer before the inner."""
        seen: set[str] = set()
        for node in self._topology.nodes:
            for box in self._around(node):
                if box.id not in seen:
                    seen.add(box.id)
                    yield box

    def _around(self, node: Node) -> list[Box]:
        """The boxes around a node, from the outside in."""
        home = self._home(node) or node
        place = self._where.get(home.name)
        cloud = place.cloud if place is not None else node.provider
        if not cloud or node.kind is NodeKind.CONTROLLER:
            return []
        regional = self._is_regional(cloud)
        found = [Box(cloud, _CLOUDS.get(cloud, cloud), "" if regional else self._regions(cloud), cloud)]
        if place is None or place.cidr is None:
            return found
        if regional:
            found.append(Box(f"{cloud} {place.region}", place.region, "", cloud, cloud))
        found.append(Box(f"in {home.name}", _vpc_title(home, place), str(place.cidr), "vpc", found[-1].id))
        return found

    def _regions(self, cloud: str) -> str:
        return ", ".join(sorted({place.region for place in self._where.values() if place.cloud == cloud and place.region}))

    def _is_regional(self, cloud: str) -> bool:
        """Whether a cloud's regions are boxes of their own: where there are several."""
        return "," in self._regions(cloud)

    def _home(self, node: Node) -> Node | None:
        """The VPC that a machine stands in; for anything else itself."""
        if node.kind not in MACHINES:
            return node
        for interface in node.interfaces:
            far = self._topology.far_end.get((node.name, interface.name))
            other = self._topology.by_name[far[0]] if far is not None else None
            if other is not None and other.kind is NodeKind.VPC:
                return other
        return None

    # Figures

    def _figure(self, node: Node) -> Figure:
        troubles = tuple(dict.fromkeys(self._marks.nodes.get(node.name, ())))
        around = self._around(node)
        return Figure(
            id=node.name,
            title="router" if node.kind is NodeKind.VPC else node.label,
            lines=tuple(self._about(node)) if node.kind is not NodeKind.VPC else (),
            kind=node.kind,
            inside=around[-1].id if around else "",
            look=self._look(troubles, node.name in self._marks.nodes_passed),
            troubles=troubles,
        )

    def _about(self, node: Node) -> Iterator[str]:
        """What a node is, and its addresses that a customer knows: no transfer networks."""
        if node.kind in _NOTES:
            yield _NOTES[node.kind]
        place = self._where.get(node.name)
        if node.kind is NodeKind.CCN and place is not None and self._is_regional(place.cloud):
            yield place.region
        if node.kind in (NodeKind.INTERNET, NodeKind.CEN):
            return
        known = node.interfaces[:1] if node.kind is NodeKind.CCN else node.interfaces
        yield from (f"{end.addresses[0].ip}{' in the tunnel' if end.tunnel else ''}" for end in known if end.addresses)
        home = self._home(node)
        for nat in home.nats if home is not None else ():
            if nat.private in node.addresses:
                yield f"{nat.public} outside"

    # Lines

    def _cable(self, link: Link) -> Line:
        ends = sorted((link.a, link.b), key=self._place)
        troubles = tuple(dict.fromkeys(trouble for end in ends for trouble in self._marks.links.get(end, ())))
        look = self._look(troubles, any(end in self._marks.ends for end in ends))
        return Line(ends[0][0], ends[1][0], look=look, troubles=troubles)

    def _place(self, end: End) -> int:
        """How far right a node stands."""
        node = self._topology.by_name[end[0]]
        place = _ORDER.index(node.kind) if node.kind in _ORDER else -1
        if node.name in self._right:
            return 2 * len(_ORDER) - place
        return place

    def _tunnels(self) -> Iterator[Line]:
        ends: dict[str, list[tuple[bool, str]]] = {}
        for node in self._topology.nodes:
            for service in node.services:
                for peer in service.peers:
                    ends.setdefault(peer.name, []).append((not peer.speaks_first, node.name))
        for name, found in ends.items():
            if len(found) == 2:
                (_, first), (_, second) = sorted(found)
                troubles = tuple(dict.fromkeys(self._marks.tunnels.get(name, ())))
                look = self._look(troubles, name in self._marks.tunnels_passed)
                yield Line(first, second, LineKind.TUNNEL, "IPsec tunnel", look, troubles)

    def _look(self, troubles: Sequence[Trouble], passed: bool) -> Look:
        if troubles:
            return Look.BROKEN
        if not self._way:
            return Look.PLAIN
        return Look.PASSED if passed else Look.FAINT


def _vpc_title(vpc: Node, place: Whereabouts) -> str:
    noun = "Network" if place.cloud == "ens" else "VPC"
    return f"{noun} {vpc.label}" if vpc.label != vpc.name else noun


def _at_the_right(topology: Topology) -> frozenset[str]:
    """The VPCs that a customer's hosts are reached in: Alibaba Cloud's without a gateway in them, and the machines there."""
    found: set[str] = set()
    for node in topology.nodes:
        if node.kind is NodeKind.VPC and node.provider == "alibaba":
            behind = list(_neighbours(topology, node))
            if not any(other.kind is NodeKind.GATEWAY for other in behind):
                found |= {node.name, *(other.name for other in behind if other.kind in MACHINES)}
    return frozenset(found)


def _neighbours(topology: Topology, node: Node) -> Iterable[Node]:
    for interface in node.interfaces:
        far = topology.far_end.get((node.name, interface.name))
        if far is not None:
            yield topology.by_name[far[0]]
