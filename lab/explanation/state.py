"""The clouds as they are, compiled; for a scenario, which step made which call, and how it would be with other steps left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lab.cloud import Cloud
from lab.compiler import compile_topology, part_around
from lab.explanation.call import Call
from lab.listener import Listener
from lab.origin import Origin
from lab.results import StepResult
from lab.scenario import Scenario
from lab.session import Lab
from lab.topology import Topology


@dataclass(frozen=True)
class State:
    """A cloud and the network that it describes. `steps` gives, for a call's number, the steps it was made in, innermost last,
    `places` where a lab file asks for it, as in Lab.places.

    `compiled` is that network, if it is known already. With `around`, resources, the network is compiled no further than packets
    between them can ever get.
    """

    cloud: Cloud
    steps: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    around: tuple[str, ...] = ()
    places: Mapping[tuple[int, str], str] = field(default_factory=dict)
    compiled: Topology | None = None

    @cached_property
    def topology(self) -> Topology:
        if self.compiled is not None:
            return self.compiled
        return compile_topology(self.cloud, part_around(self.cloud, self.around) if self.around else None)

    def step_of(self, number: int) -> str:
        """The number of the step that made a call, "" when none did."""
        return self.steps.get(number, ("",))[-1]

    def place_of(self, origin: Origin) -> str:
        """Where a lab file asks for something, "" when none does."""
        return self.places.get((origin.number, origin.resource)) or self.places.get((origin.number, ""), "")


@dataclass(frozen=True)
class Replay:
    """A scenario, its steps that were left out, and the seed by which every replay gives the same ids."""

    scenario: Scenario
    left_out: tuple[str, ...] = ()
    seed: bytes = b"explanation"
    _states: dict[frozenset[str], State] = field(default_factory=dict, repr=False, compare=False)

    def state(self, left_out: Collection[str]) -> State:
        """The clouds at the scenario's end with these steps left out. Replayed once, however often it is asked for."""
        key = frozenset(left_out)
        if key not in self._states:
            self._states[key] = self._replayed(key)
        return self._states[key]

    def _replayed(self, left_out: frozenset[str]) -> State:
        recorder = _Recorder()
        lab = Lab(self.scenario.name, skip=left_out, seed=self.seed, listener=recorder)
        recorder.lab = lab
        self.scenario.run(lab)
        return State(lab.cloud, recorder.steps, places=lab.places)

    @property
    def complete(self) -> State:
        """The clouds with nothing left out."""
        return self.state(())

    def step(self, number: str) -> StepResult:
        return next(step for step in self.scenario.steps if step.number == number)

    def calls(self, number: str) -> tuple[Call, ...]:
        """The calls that a step makes, and those of the steps inside it."""
        return tuple(
            Call.made(operation)
            for operation in self.complete.cloud.journal
            if operation.error is None and number in self.complete.steps.get(operation.number, ())
        )


class _Recorder(Listener):
    """Notes which calls were made inside which steps."""

    def __init__(self) -> None:
        self.lab: Lab | None = None
        self.steps: dict[int, tuple[str, ...]] = {}
        self._open: list[str] = []
        self._noted = 0

    def step_started(self, step: StepResult) -> None:
        self._note()
        self._open.append(step.number)

    def step_finished(self, step: StepResult) -> None:
        self._note()
        self._open.pop()

    def _note(self) -> None:
        """Put the calls made since the last time down to the steps that are open."""
        if self.lab is None:
            raise RuntimeError("a recorder needs its lab before the scenario starts")
        _, made, _ = self.lab.cloud.supply.position
        if self._open:
            self.steps.update(dict.fromkeys(range(self._noted + 1, made + 1), tuple(self._open)))
        self._noted = made
