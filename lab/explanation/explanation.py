"""The answer to a question: the way there and back, what stops the packet, and everything that would let it pass."""

from __future__ import annotations

from dataclasses import dataclass

from lab.cloud import Cloud
from lab.drops import Drop
from lab.explanation.hints import hint_for
from lab.explanation.path import Death, Path
from lab.explanation.place import drop_of
from lab.explanation.question import Party, Question
from lab.explanation.search import Fix, Found, find_calls, find_steps
from lab.explanation.state import Replay, State
from lab.explanation.telling import Teller
from lab.explanation.trial import Fate, Trial, trial_of
from lab.topology import Topology


@dataclass(frozen=True)
class Explanation:
    """What becomes of a packet and its answer, and why.

    `back` is None when nothing arrived that could be answered. `fixes` are all that are needed, in their order, when `solved`;
    else those that get the packet furthest, `remaining` is what it dies of then, and `hint` says what to do about that, if
    anything is known. `problem` is set when the packet cannot be sent at all. `fate` is the walk itself, over `topology`.
    """

    question: Question
    source: Party
    destination: Party
    forward: Path | None
    back: Path | None
    fixes: tuple[Fix, ...]
    solved: bool
    remaining: Death | None
    hint: str
    problem: str
    fate: Fate
    topology: Topology

    @property
    def reaches(self) -> bool:
        """Whether the packet arrives, and its answer too."""
        return self.fate.passes

    @property
    def death(self) -> Death | None:
        """Where it ends, the packet or its answer."""
        last = self.back or self.forward
        return last.death if last is not None else None

    @property
    def drop(self) -> Drop | None:
        """The drop as a backend reports it; None when nothing is dropped, or by the kernel, which counts nothing."""
        return drop_of(self.fate.last) if self.fate.last is not None else None


def explain(cloud: Cloud | State, question: Question, *, fixes: bool = True) -> Explanation:
    """Explain what becomes of a packet between machines of the clouds as they are. Raises UsageError for an unknown machine.

    Fixes are API calls, tried on copies of the clouds. Give a State when several questions are asked of the same clouds.
    """
    state = cloud if isinstance(cloud, State) else State(cloud)
    trial = trial_of(state, question)
    here = Found((), state, trial.run(state.topology))
    found = find_calls(state, trial) if fixes and not here.fate.passes else here
    return _assemble(trial, here, found)


def explain_scenario(replay: Replay, question: Question) -> Explanation:
    """Explain what becomes of a packet at a scenario's end with steps left out. Raises UsageError for an unknown machine or step.

    Fixes are the left-out steps that matter; should these not be enough, API calls after them.
    """
    replay.scenario.check_steps(replay.left_out)
    trial = trial_of(replay.complete, question)
    state = replay.state(replay.left_out)
    here = Found((), state, trial.run(state.topology))
    if here.fate.passes:
        return _assemble(trial, here, here)
    steps = find_steps(replay, trial)
    found = steps if steps.fate.passes else find_calls(steps.state, trial)
    return _assemble(trial, here, Found((*steps.fixes, *(found.fixes if found is not steps else ())), found.state, found.fate))


def _assemble(trial: Trial, here: Found, found: Found) -> Explanation:
    exchange = here.fate.exchange
    teller = Teller(here.state)
    stuck = found.fate.last if not found.fate.passes else None
    situation = trial.situation(found.state, found.fate) if stuck is not None else None
    remaining = Teller(found.state).path(stuck).death if stuck is not None else None
    return Explanation(
        question=trial.question,
        source=trial.source,
        destination=trial.destination,
        forward=teller.path(exchange.request) if exchange is not None else None,
        back=teller.path(exchange.reply) if exchange is not None and exchange.reply is not None else None,
        fixes=found.fixes,
        solved=found.fate.passes,
        remaining=remaining,
        hint=hint_for(situation) if situation is not None else "",
        problem="" if exchange is not None else f"{trial.source.label} does not run",
        fate=here.fate,
        topology=here.state.topology,
    )
