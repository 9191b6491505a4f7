"""The search for a state in which the two backends disagree: random states one after another on one running network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky

from lab.agreement.asks import Ask, asks, questions
from lab.agreement.call import Call, make_all
from lab.agreement.comparison import Disagreement
from lab.agreement.landmarks import Landmark
from lab.agreement.outcome import Tally
from lab.agreement.pair import Pair
from lab.agreement.script import write_script
from lab.agreement.states import states
from lab.agreement.world import make_world
from lab.compiler import compile_topology
from lab.topology import Topology

SHRINKING = 15.0  # seconds that Hypothesis is given, our choice; what is left is then tried without each call in turn


@dataclass
class Findings:
    """What a search came to. `failure` is empty, or what was found and the script that shows it.

    `unrepeated` tells of differences that showed once and never again, neither on a new network nor after the same two states: a
    matter of time, and so no less a mistake.
    """

    states: int = 0
    probes: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)
    failure: str = ""
    unrepeated: list[str] = field(default_factory=list)

    def add(self, other: Findings) -> None:
        """Join what another search found that ran at the same time."""
        self.states += other.states
        self.probes += other.probes
        self.seconds = max(self.seconds, other.seconds)
        self.tally.add(other.tally)
        self.unrepeated += other.unrepeated
        self.failure = self.failure or other.failure
        if self.unrepeated:
            self.failure = self.failure or "differences that showed once, and never again:\n" + "\n".join(self.unrepeated)


class Disagreed(AssertionError):
    """Simulation and emulation say different things of a state."""


def search(number: int, probes: int, start: int, *, landmarks: Sequence[Landmark] = ()) -> Findings:
    """Try so many random states with so many packets each, and stop at the first in which the backends disagree, made small.

    `start` seeds the choice. The `landmarks` come first. Call it inside the sandbox.
    """
    return _Search(probes).run(number, start, landmarks)


class _Search:
    def __init__(self, probes: int) -> None:
        self._probes = probes
        self._findings = Findings()
        self._smallest: tuple[list[Call], list[Ask], list[Disagreement]] | None = None
        self._before: list[Call] = []
        self._deadline = float("inf")
        self._shows_anew = False  # whether the smallest so far shows on a new network too

    def run(self, number: int, start: int, landmarks: Sequence[Landmark]) -> Findings:
        started = time.monotonic()
        self._pair = Pair(compile_topology(make_world().cloud))
        try:
            for landmark in landmarks:
                self._examine(list(landmark.calls), [landmark.ask])
            self._explore(number, start)
        except (Disagreed, Flaky):
            if self._shows_anew:
                self._reduce()
            self._findings.failure = self._told()
        finally:
            self._pair.close()
        self._findings.seconds = time.monotonic() - started
        return self._findings

    def _explore(self, number: int, start: int) -> None:
        @seed(start)
        @settings(
            max_examples=number,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            print_blob=False,
        )
        @given(states(least=1), asks(self._probes))
        def examine(calls: list[Call], wanted: list[Ask]) -> None:
            self._examine(calls, wanted)

        if number:
            examine()

    def _examine(self, calls: list[Call], wanted: list[Ask]) -> None:
        if time.monotonic() > self._deadline:
            return
        topology = compile_topology(make_all(calls, make_world().cloud))
        before, self._before = self._before, calls
        self._pair.apply(topology)
        answers = self._pair.ask(questions(topology, wanted))
        disagreements = [*self._pair.disagreements, *answers.disagreements]
        if self._smallest is None:
            self._findings.states += 1
            self._findings.probes += len(wanted)
            self._findings.tally.add(answers.tally)
        if disagreements:
            self._confirm(topology, calls, wanted, disagreements, before)

    def _repeats(self, topology: Topology, wanted: list[Ask], before: list[Call]) -> bool:
        """Whether the backends disagree again when the same state follows the same one."""
        again = Pair(compile_topology(make_all(before, make_world().cloud)))
        try:
            again.apply(topology)
            return bool([*again.disagreements, *again.ask(questions(topology, wanted)).disagreements])
        finally:
            again.close()

    def _confirm(
        self, topology: Topology, calls: list[Call], wanted: list[Ask], disagreements: list[Disagreement], before: list[Call]
    ) -> None:
        """Ask again on a network that is new: what only shows on the running one has to do with the state before."""
        anew = Pair(topology)
        try:
            confirmed = [*anew.disagreements, *anew.ask(questions(topology, wanted)).disagreements]
            culprits = [ask for ask in wanted if anew.ask(questions(topology, [ask])).disagreements]
        finally:
            anew.close()
        if not confirmed and not self._repeats(topology, wanted, before):
            self._findings.unrepeated.append("\n".join(map(str, disagreements)))
            self._pair.close()
            self._pair = Pair(topology)  # both with the same memory again
            return
        wanted = culprits or wanted
        shows_anew = bool(confirmed)
        if not shows_anew:
            about = f"only after another state, made by {before}"
            confirmed = [Disagreement(f"{one.about} ({about})", one.simulated, one.emulated) for one in disagreements]
        if self._smallest is None:
            self._deadline = time.monotonic() + SHRINKING
        if self._smallest is None or len(calls) + len(wanted) <= len(self._smallest[0]) + len(self._smallest[1]):
            self._smallest = calls, wanted, confirmed
            self._shows_anew = shows_anew
        raise Disagreed

    def _reduce(self) -> None:
        """Leave out every call without which the backends still disagree, on the network that is running."""
        assert self._smallest is not None  # noqa: S101 - it is set where Disagreed is raised
        calls, wanted, disagreements = self._smallest
        for call in list(calls):
            fewer = [other for other in calls if other is not call]
            topology = compile_topology(make_all(fewer, make_world().cloud))
            self._pair.apply(topology)
            found = [*self._pair.disagreements, *self._pair.ask(questions(topology, wanted)).disagreements]
            if found:
                calls, disagreements = fewer, found
        self._smallest = calls, wanted, disagreements

    def _told(self) -> str:
        assert self._smallest is not None  # noqa: S101 - it is set where Disagreed is raised
        calls, wanted, disagreements = self._smallest
        return "\n".join([*map(str, disagreements), "", write_script(calls, wanted)])
