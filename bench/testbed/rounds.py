"""Everybody takes turns: each round measures every contender once, every other round in the opposite order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from lab.errors import MachineError
from lab.impairments import Both
from testbed.contender import Contender
from testbed.measures import Plan, Values, measure
from testbed.path import Path
from testbed.results import Sample
from testbed.tuning import Tuning


@dataclass(frozen=True, slots=True)
class Turn:
    round: int
    tuning: Tuning
    contender: Contender

    def __str__(self) -> str:
        return f"round {self.round}, {self.tuning}, {self.contender.name}"


Progress = Callable[[Turn, str], None]


@dataclass(frozen=True, slots=True)
class Schedule:
    contenders: Sequence[Contender]
    tunings: Sequence[Tuning]
    rounds: int
    cores: int
    plan: Plan
    line: Both | None = None
    seed: str = ""

    def turns(self) -> Iterator[Turn]:
        for number in range(self.rounds):
            order = self.contenders if number % 2 == 0 else self.contenders[::-1]
            yield from (Turn(number + 1, tuning, contender) for tuning in self.tunings for contender in order)


def run(schedule: Schedule, progress: Progress) -> Iterator[Sample]:
    """A sample for each turn. What a contender cannot do is told in its sample, and the others go on."""
    for turn in schedule.turns():
        yield _take(turn, schedule, partial(progress, turn))


def _take(turn: Turn, schedule: Schedule, progress: Callable[[str], None]) -> Sample:
    values: Values = {}
    failure = ""
    try:
        seed = f"{schedule.seed} {turn.round}"  # the same line for everybody in a round
        with Path(cores=schedule.cores, tuning=turn.tuning, line=schedule.line, seed=seed) as path:
            progress("start")
            turn.contender.start(path)
            path.wait_until_it_carries()
            values = measure(path, schedule.plan, progress)
    except (MachineError, FileNotFoundError) as error:  # a process of a dataplane may end at any time
        failure = str(error)
    return Sample(turn.contender.name, turn.tuning, turn.round, values, failure)
