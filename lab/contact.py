"""Who reaches whom: what is expected of a packet, what is foretold of it by walking it in memory, and what is seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.drops import Drop


@dataclass(frozen=True, slots=True)
class Waypoint:
    """Something that a packet is to pass, by the name that a person knows, and the nodes that this may be."""

    name: str
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Contact:
    """What is expected: that a packet arrives and its answer comes back, or, without `reaches`, that this does not happen.

    `source` is a machine's id, `destination` too, or an address. `because` is the code that it must die of, `through` what it
    must pass on its way there, in this order, `within` the longest round trip in seconds. `place` is where a file says so.
    """

    source: str
    destination: str
    protocol: str = "icmp"
    port: int | None = None
    reaches: bool = True
    because: str = ""
    through: tuple[Waypoint, ...] = ()
    within: float | None = None
    size: int | None = None
    dont_fragment: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Something on the way that decided: `what` ("security group, inbound of app") `says` what, and where a file asks for it."""

    what: str
    says: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Foretold:
    """What becomes of the packet by the simulation. `way` has the labels of nodes passed, `missed` the waypoints that are not.

    When it dies, or, with `answer_died`, its answer does: `code` and its `text`, `where`, and what stopped it, `by`; `drop` is
    what a backend counts of it. `let` is what let it pass. `fixes` would let it pass, all of them together, if `solved`; else
    `then` is where it dies with them, and `hint` says what to do about that. `problem` is why nothing is sent.
    """

    answered: bool
    way: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    code: str = ""
    text: str = ""
    where: str = ""
    answer_died: bool = False
    by: Said | None = None
    let: tuple[Said, ...] = ()
    fixes: tuple[str, ...] = ()
    solved: bool = False
    then: str = ""
    hint: str = ""
    drop: Drop | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of the packet where it was really sent. `missed` are the waypoints that did not see it.

    `rtt_ms` is the round trip in milliseconds, None when no answer came.
    """

    answered: bool
    rtt_ms: float | None = None
    missed: tuple[str, ...] = ()
    drops: tuple[Drop, ...] = ()


@dataclass
class ContactRecord:
    """An expectation and what came of it. `source` and `destination` are names. Nothing is foretold where no network runs."""

    step: str
    source: str
    destination: str
    wanted: Contact
    foretold: Foretold | None = None
    seen: Seen | None = None
    differences: list[str] = field(default_factory=list)

    @property
    def what(self) -> str:
        """The expectation as a sentence: "app reaches ecs on tcp 443"."""
        wanted = self.wanted
        on = f" on {wanted.protocol} {wanted.port}" if wanted.port is not None else ""
        size = f" with {wanted.size} bytes" if wanted.size is not None else ""
        return f"{self.source} {'reaches' if wanted.reaches else 'cannot reach'} {self.destination}{on}{size}"

    @property
    def complaints(self) -> list[str]:
        """What is not as expected; what was seen counts, and where nothing is sent, what is foretold."""
        if self.foretold is None:
            return ["not asked: nothing runs"]
        answered = self.foretold.answered if self.seen is None else self.seen.answered
        found = []
        if answered != self.wanted.reaches:
            found.append(self._unreached() if self.wanted.reaches else "it does reach it, and must not")
        elif answered:
            missed = self.foretold.missed if self.seen is None else self.seen.missed
            found += [f"it does not pass {self._misses(missed)}"] if missed else []
            found += self._late()
        elif self.wanted.because and self.wanted.because != self.foretold.code:
            found.append(f"it dies of {self.foretold.code or 'nothing known'}, not of {self.wanted.because}")
        return found

    def _misses(self, missed: Sequence[str]) -> str:
        """The waypoints with those that they are to come behind: what was missed may have been passed too early."""
        names = [waypoint.name for waypoint in self.wanted.through]
        return ", ".join(f"{name} behind {names[at - 1]}" if at else name for at, name in enumerate(names) if name in missed)

    def _unreached(self) -> str:
        return self.foretold.problem if self.foretold is not None and self.foretold.problem else "it does not"

    def _late(self) -> list[str]:
        took, within = self.seen.rtt_ms if self.seen is not None else None, self.wanted.within
        if took is None or within is None or took <= within * 1000:
            return []
        return [f"the answer took {took:.1f} ms, and was to come within {within * 1000:g} ms"]

    @property
    def passed(self) -> bool:
        """Whether it is as expected, and simulation and emulation agree on it."""
        return not self.complaints and not self.differences


def missed(passed: Sequence[str], through: Sequence[Waypoint]) -> tuple[str, ...]:
    """The waypoints that are not among the nodes passed, or not behind those before them."""
    found, at = [], 0
    for waypoint in through:
        place = next((place for place in range(at, len(passed)) if passed[place] in waypoint.nodes), None)
        if place is None:
            found.append(waypoint.name)
        else:
            at = place + 1
    return tuple(found)


def differences(foretold: Foretold, seen: Seen) -> list[str]:
    """Sentences on what was seen otherwise than foretold; none when both agree."""
    found = []
    if foretold.answered != seen.answered:
        found.append(f"simulated: {_answered(foretold.answered)}; emulated: {_answered(seen.answered)}")
    elif foretold.answered and foretold.missed != seen.missed:
        found.append(f"simulated: it misses {_listed(foretold.missed)}; emulated: {_listed(seen.missed)}")
    elif foretold.drop is not None and not any(_same_place(foretold.drop, drop) for drop in seen.drops):
        counted = ", ".join(str(drop.place.reason) for drop in seen.drops) or "nothing"
        found.append(f"simulated: dropped for {foretold.code}, {foretold.where}; emulated: counted was {counted}")
    return found


def _same_place(one: Drop, other: Drop) -> bool:
    return (one.node, one.place) == (other.node, other.place)


def _answered(answered: bool) -> str:
    return "an answer comes back" if answered else "no answer comes back"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"
