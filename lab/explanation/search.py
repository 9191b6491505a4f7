"""All fixes that are needed: apply one, compile, walk again, until the packet and its answer pass.

A scenario's own steps come first: of those left out, the fewest that let the packet get as far as with none left out. From there,
API calls: of each remedy for the reason at hand the first one that gets the packet past the obstacle, and so on, going back
where a way turns out to lead nowhere. In the end every fix that is not needed is thrown away.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from lab.cloud import Cloud, CloudError
from lab.explanation.call import Call, make_all
from lab.explanation.remedies import Remedy, remedies
from lab.explanation.state import Replay, State
from lab.explanation.trial import Fate, Trial

# Our choices: more than any mistake we have seen, and few enough to answer at once.
MOST_FIXES = 12
MOST_TRIALS = 200


@dataclass(frozen=True, slots=True)
class Fix:
    """Something to do. `answers` is the code that the packet dies of without it.

    With `step`, the scenario's own step, and `calls` are what it makes.
    """

    answers: str
    calls: tuple[Call, ...]
    step: str = ""
    title: str = ""


@dataclass(frozen=True)
class Found:
    """The fixes in the order in which they are to be done, and what becomes of the packet once they are."""

    fixes: tuple[Fix, ...]
    state: State
    fate: Fate


def find_steps(replay: Replay, trial: Trial) -> Found:
    """The fewest of a scenario's left-out steps, in the document's order, that do what doing all of them does."""
    left_out = replay.left_out
    state = replay.state(left_out)
    now = trial.run(state.topology)
    if not left_out or now.passes:
        return Found((), state, now)
    best = trial.run(replay.complete.topology)
    if best.key == now.key:
        return Found((), state, now)
    needed, missing = list(left_out), {}
    for step in left_out:
        others = [other for other in needed if other != step]
        fate = trial.run(replay.state([other for other in left_out if other not in others]).topology)
        if fate.key == best.key:
            needed = others
        else:
            missing[step] = _code(fate)
    order = [step.number for step in replay.scenario.steps]
    fixes = tuple(_step_fix(replay, step, missing[step]) for step in sorted(needed, key=order.index))
    state = replay.state([step for step in left_out if step not in needed])
    return Found(fixes, state, trial.run(state.topology))


def _step_fix(replay: Replay, number: str, answers: str) -> Fix:
    return Fix(answers, replay.calls(number), number, replay.step(number).title)


def _code(fate: Fate) -> str:
    return str(fate.cause.reason) if fate.cause is not None else ""


def find_calls(state: State, trial: Trial) -> Found:
    """API calls that let the packet and its answer pass; where none are known, those that get it furthest."""
    search = _Search(trial, state)
    found = search.descend(state, trial.run(state.topology), (), {}, frozenset())
    best = found if found is not None else search.furthest
    return search.pruned(best) if best.fate.passes else best


@dataclass
class _Search:
    trial: Trial
    start: State
    furthest: Found = field(init=False)
    tried: int = 0

    def __post_init__(self) -> None:
        self.furthest = Found((), self.start, self.trial.run(self.start.topology))

    def descend(
        self, state: State, fate: Fate, fixes: tuple[Fix, ...], results: dict[str, str], seen: frozenset[Hashable]
    ) -> Found | None:
        """Go on from here until the packet passes. `results` are the ids that the fixes so far returned."""
        here = Found(fixes, state, fate)
        if fate.passes:
            return here
        if len(fixes) > len(self.furthest.fixes):
            self.furthest = here
        situation = self.trial.situation(state, fate)
        if situation is None or len(fixes) == MOST_FIXES:
            return None
        for remedy in remedies(situation):
            attempt = self._attempt(state, remedy, results)
            if attempt is None:
                continue
            after, added = attempt
            outcome = self.trial.run(after.topology)
            if outcome.key in seen | {fate.key}:
                continue
            fix = Fix(_code(fate), added.calls)
            found = self.descend(after, outcome, (*fixes, fix), added.results, seen | {fate.key})
            if found is not None:
                return found
        return None

    def _attempt(self, state: State, remedy: Remedy, results: dict[str, str]) -> tuple[State, _Added] | None:
        """The clouds after a remedy; None when a provider refuses it, or enough has been tried."""
        self.tried += 1
        if self.tried > MOST_TRIALS:
            return None
        cloud = state.cloud.fork()
        try:
            made, new = _make(cloud, remedy, results)
        except CloudError:
            return None
        return State(cloud, state.steps, self.trial.around, state.places), _Added(made, new)

    def pruned(self, found: Found) -> Found:
        """Without the fixes that turn out not to be needed, each tried in turn."""
        fixes = found.fixes
        for fix in found.fixes:
            others = tuple(other for other in fixes if other is not fix)
            if others != fixes and self._suffice(others):
                fixes = others
        if fixes == found.fixes:
            return found
        cloud = self.start.cloud.fork()
        apply_fixes(cloud, fixes)
        state = State(cloud, self.start.steps, self.trial.around, self.start.places)
        return Found(fixes, state, self.trial.run(state.topology))

    def _suffice(self, fixes: tuple[Fix, ...]) -> bool:
        cloud = self.start.cloud.fork()
        try:
            apply_fixes(cloud, fixes)
        except (CloudError, KeyError):  # one needs what another returns
            return False
        return self.trial.run(State(cloud, around=self.trial.around).topology).passes


@dataclass(frozen=True)
class _Added:
    calls: tuple[Call, ...]
    results: dict[str, str]


def _make(cloud: Cloud, remedy: Remedy, results: dict[str, str]) -> tuple[tuple[Call, ...], dict[str, str]]:
    """Make a remedy's calls, their results under names that are not taken yet. Raises CloudError."""
    known = dict(results)
    renamed = {call.result: _free(call.result, known) for call in remedy if call.result}
    calls = tuple(call.renamed(renamed).referring(results) for call in remedy)
    for call in calls:
        call.make(cloud, known)
    return calls, known


def _free(name: str, taken: Iterable[str]) -> str:
    names = [name, *(f"{name}_{number}" for number in range(2, MOST_FIXES + 2))]
    return next(candidate for candidate in names if candidate not in set(taken))


def apply_fixes(cloud: Cloud, fixes: Iterable[Fix]) -> None:
    """Make the calls of fixes, in order. Raises CloudError."""
    make_all(cloud, (call for fix in fixes for call in fix.calls))
