"""Which machines reach which others in one network and not in another, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from lab.contact import Said
from lab.explanation import Question, explain
from lab.explanation.explanation import Explanation
from lab.explanation.path import Death, Path
from lab.explanation.state import State
from lab.reachability.kinds import Kind, kinds_of
from lab.reachability.matrix import Matrix
from lab.reachability.sameness import Portrait, changed_nodes, prefixes_to


@dataclass(frozen=True, slots=True)
class Reason:
    """Why packets are not answered in one of the two networks: where they die, of what, and which rule says so."""

    where: str
    code: str
    text: str
    by: Said


@dataclass(frozen=True, slots=True)
class Change:
    """Machines that reach others (`sources` each of `destinations`) with packets of some `kinds` in only one of the networks.

    `gained` is whether that is the second. `reason` is why it is not so in the other, and `let` the rule of the same filter that
    lets packets through where it is.
    """

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    kinds: tuple[Kind, ...]
    gained: bool
    reason: Reason | None
    let: Said | None = None

    @property
    def pairs(self) -> int:
        """How many pairs of machines change."""
        return len(self.sources) * len(self.destinations) - len(set(self.sources) & set(self.destinations))


@dataclass(frozen=True, slots=True)
class Difference:
    """`removed` and `added` are machines of one network only. `everything` are all kinds of packets that were asked about."""

    changes: tuple[Change, ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    everything: tuple[Kind, ...]

    @property
    def pairs(self) -> int:
        return sum(change.pairs for change in self.changes)


def compare(before: State, after: State) -> Difference:
    """Ask both networks who reaches whom, as far as packets may meet something that is another in the second."""
    kinds = kinds_of((before.topology, after.topology))
    return _Comparison(before, after, kinds).made()


@dataclass
class _Comparison:
    before: State
    after: State
    kinds: Sequence[Kind]
    old: Matrix = field(init=False)
    new: Matrix = field(init=False)

    def __post_init__(self) -> None:
        self.old = Matrix(self.before.topology, self.kinds)
        self.new = Matrix(self.after.topology, self.kinds)

    def made(self) -> Difference:
        both = [name for name in self.old.machines if name in self.new.machines]
        return Difference(
            tuple(self._changes(both)),
            tuple(name for name in self.old.machines if name not in self.new.machines),
            tuple(name for name in self.new.machines if name not in self.old.machines),
            tuple(self.kinds),
        )

    def _changes(self, names: Sequence[str]) -> Iterator[Change]:
        """By pairs of classes: machines that are alike in both networks."""
        classes: dict[tuple[int, int], list[str]] = defaultdict(list)
        for name in names:
            classes[self.old.classes.of[name], self.new.classes.of[name]].append(name)
        suspects = self._suspects()
        for sources in classes.values():
            for destinations in classes.values():
                if sources[0] in suspects or destinations[0] in suspects:
                    yield from self._changes_between(sources, destinations)

    def _changes_between(self, sources: Sequence[str], destinations: Sequence[str]) -> Iterator[Change]:
        source, destination = sources[0], destinations[0 if sources is not destinations else -1]
        if source == destination:
            return
        old, new = self.old.answers(source, destination), self.new.answers(source, destination)
        for gained, changed in ((False, old - new), (True, new - old)):
            if changed:
                kinds = tuple(kind for kind in self.kinds if kind in changed)
                reason, let = self._why(source, destination, kinds[0], gained=gained)
                yield Change(tuple(sources), tuple(destinations), kinds, gained, reason, let)

    def _suspects(self) -> frozenset[str]:
        """The machines to or from which packets may meet something that has changed."""
        portraits = Portrait(self.old.topology, self.old.names), Portrait(self.new.topology, self.new.names)
        changed = changed_nodes(*portraits)
        if not changed:
            return frozenset()
        prefixes = {prefix for one in (self.old, self.new) for prefix in prefixes_to(one.topology, one.names, changed)}
        found = _Prefixes(prefixes)
        return frozenset(
            name
            for one in (self.old, self.new)
            for name, node in one.machines.items()
            if name in changed or _home(one, node.name) in changed or one.address(name) in found
        )

    def _why(self, source: str, destination: str, kind: Kind, *, gained: bool) -> tuple[Reason | None, Said | None]:
        stops, lets = (self.before, self.after) if gained else (self.after, self.before)
        names = (self.old, self.new) if gained else (self.new, self.old)
        stopped, passed = (
            self._explained(state, one, source, destination, kind) for state, one in zip((stops, lets), names, strict=True)
        )
        death = stopped.death
        if death is None:
            return None, None
        root = death.cause or death
        of = f" of {root.machine}" if root.machine else ""
        what = f"{root.filter}{of}"
        reason = Reason(f"{root.label}, {what}", root.code, root.text, Said(what, root.rule, root.place))
        return reason, _counterpart(passed, stopped, root, below=death.cause is not None)

    def _explained(self, state: State, one: Matrix, source: str, destination: str, kind: Kind) -> Explanation:
        question = Question(one.machines[source].name, one.machines[destination].name, kind.protocol, kind.port)
        return explain(state, question, fixes=False)


class _Prefixes:
    """Which addresses lie in any of many prefixes."""

    def __init__(self, prefixes: set[IPv4Network]) -> None:
        self._starts: dict[int, set[int]] = defaultdict(set)
        for prefix in prefixes:
            self._starts[32 - prefix.prefixlen].add(int(prefix.network_address))

    def __contains__(self, address: IPv4Address) -> bool:
        return any(int(address) >> shift << shift in starts for shift, starts in self._starts.items())


def _home(one: Matrix, node: str) -> str:
    """The name of what a machine hangs at."""
    interface = one.topology.by_name[node].interfaces[0].name
    far = one.topology.far_end.get((node, interface))
    return one.names[far[0]] if far is not None else ""


def _counterpart(passed: Explanation, stopped: Explanation, root: Death, *, below: bool) -> Said | None:
    """What the filter that stops packets in one network says in the other, where it lets them or their answers pass.

    With `below`, the datagrams of their tunnel. Those are meant that come there from the same neighbour.
    """
    neighbour = next((_neighbour(path, -1) for path in _paths(stopped, below=below) if path.death == root), "")
    found = None
    for path in _paths(passed, below=below):
        for at, station in enumerate(path.stations):
            for line in station.consulted:
                if (station.label, line.kind, line.machine) == (root.label, root.filter, root.machine) and line.permits:
                    said = Said(f"{line.kind} of {line.machine}" if line.machine else line.kind, line.says, line.place)
                    if _neighbour(path, at) == neighbour:
                        return said
                    found = found or said
    return found


def _paths(explanation: Explanation, *, below: bool) -> Iterator[Path]:
    paths = [path for path in (explanation.forward, explanation.back) if path is not None]
    if not below:
        return iter(paths)
    return (station.underlay for path in paths for station in path.stations if station.underlay is not None)


def _neighbour(path: Path, at: int) -> str:
    """The label of what a packet came from to a station."""
    rank = at % len(path.stations)
    return path.stations[rank - 1].label if rank else ""
