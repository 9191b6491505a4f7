"""A drill: what is broken, chosen by a level and a seed, and whether it is whole again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from lab.errors import UsageError
from lab.explanation import Question
from lab.teaching.faults import APP, FAULTS, VCPE, Fault
from lab.teaching.parts import Clouds, Parts

LEVELS = (1, 2, 3)
_LARGE = 1400  # bytes: less than the tunnel carries, and more than small questions
_AT_ONCE = 2  # faults of level 3
_NAME = re.compile(r"drill-([123])-(\d{1,9})")

# What works when nothing is broken, by the scenario: what the users of the network need.
QUESTIONS = {
    VCPE: (
        Question("app", "ecs"),
        Question("ecs", "app"),
        Question("app", "ecs", "tcp", 443),
        Question("app", "ecs", size=_LARGE),
    ),
    APP: (Question("laptop", "ecs"), Question("laptop", "ecs", "tcp", 443)),
}


@dataclass(frozen=True)
class Drill:
    """The same level and seed break the same."""

    level: int
    seed: int

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise UsageError(f"there is no level {self.level}; there are {', '.join(map(str, LEVELS))}")

    @staticmethod
    def named(lab: str) -> Drill:
        """The drill that a lab is for, by its name. Raises UsageError for a lab that is for none."""
        found = _NAME.fullmatch(lab)
        if found is None:
            raise UsageError(f"{lab} is no drill; `saglab drill start` begins one")
        return Drill(int(found[1]), int(found[2]))

    @property
    def name(self) -> str:
        """What its lab is called. All that is known of a drill is in it."""
        return f"drill-{self.level}-{self.seed}"

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is broken: one fault of the level, or, often on level 3, two faults of lower levels."""
        chance = Random(f"{self.level} {self.seed}")  # noqa: S311 - nothing secret, and the same each time
        candidates = [fault for fault in FAULTS if fault.level == self.level]
        if self.level < max(LEVELS) or chance.random() < 1 / _AT_ONCE**2:
            return (chance.choice(candidates),)
        pair: list[Fault] = []
        while len(pair) < _AT_ONCE:
            fault = chance.choice([each for each in FAULTS if each.level < max(LEVELS)])
            if not any(_about_the_same(fault, other) for other in pair):
                pair.append(fault)
        return tuple(pair)

    @property
    def scenario(self) -> str:
        """Whose network is broken."""
        return self.faults[0].scenario

    @property
    def questions(self) -> tuple[Question, ...]:
        return QUESTIONS[self.scenario]

    def begin(self, clouds: Clouds) -> list[str]:
        """Break what is to be broken by calls. Returns the links that are to lose large packets."""
        parts, chance = Parts(clouds), Random(self.seed)  # noqa: S311 - as above
        for fault in self.faults:
            fault.make(parts, chance)
        return [fault.link for fault in self.faults if fault.link]

    def lessons(self) -> Iterator[str]:
        """What was broken, and what there is to learn, in a sentence or two for each."""
        for fault in self.faults:
            step = f" (step {fault.step} of the document)" if fault.step else ""
            yield f"{fault.title[:1].upper()}{fault.title[1:]}{step}. {fault.lesson}"


def _about_the_same(one: Fault, other: Fault) -> bool:
    """Whether one would undo, or hide for good, what the other does: they are about one step, or have one way of being made."""
    return one is other or (one.step != "" and one.step == other.step)
