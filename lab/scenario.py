"""A scenario: a module that opens with its map and has a function `run(lab)`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

from lab.errors import UsageError
from lab.results import StepResult
from lab.session import Lab
from lab.topology import Topology


@dataclass(frozen=True)
class Scenario:
    """`name` as on the command line ("vcpe-ping"); `title` is the first line of the module's docstring, `text` all of it."""

    name: str
    title: str
    text: str
    run: Callable[[Lab], None]

    @staticmethod
    def of(module: ModuleType, name: str = "") -> Scenario:
        """Read a scenario from its module. Raises UsageError when the module is none."""
        text = (module.__doc__ or "").strip()
        run = getattr(module, "run", None)
        if not text or not callable(run):
            raise UsageError(f"{module.__name__} is no scenario: it needs a docstring and a function run(lab)")
        name = name or module.__name__.rpartition(".")[2].replace("_", "-")
        return Scenario(name, text.splitlines()[0].rstrip("."), text, run)

    @cached_property
    def steps(self) -> tuple[StepResult, ...]:
        """Its steps in order, found by running it without any network."""
        lab = Lab(self.name)
        self.run(lab)
        return tuple(lab.result.steps)

    def check_steps(self, numbers: Collection[str]) -> None:
        """Raises UsageError for a number that is not that of a step."""
        known = [step.number for step in self.steps]
        for number in numbers:
            if number not in known:
                raise UsageError(f"{self.name} has no step {number!r}; it has {', '.join(known)}")

    def topology(self, skip: Collection[str], seed: bytes) -> Topology:
        """The network at its end, with these steps left out. The same seed gives the same identifiers."""
        lab = Lab(self.name, skip=skip, seed=seed)
        self.run(lab)
        return lab.compile()
