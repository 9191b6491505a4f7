"""What was measured, of whom, in which round; medians, spread and ratios of it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from testbed.tuning import Tuning


@dataclass(frozen=True, slots=True)
class Sample:
    """One contender's values of one round. With `failure` it has none, or not all."""

    contender: str
    tuning: Tuning
    round: int
    values: Mapping[str, float]
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """The median over the rounds, and the lowest and highest value."""

    median: float
    lowest: float
    highest: float
    rounds: int

    @property
    def spread(self) -> float:
        """Half of the range, as a share of the median."""
        return (self.highest - self.lowest) / 2 / self.median if self.median else 0.0


@dataclass
class Results:
    """`peers` are the contenders that the others are compared with."""

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    peers: Sequence[str]
    samples: list[Sample] = field(default_factory=list)

    def contenders(self, tuning: Tuning) -> list[str]:
        """Who was measured, in the order of the first round."""
        return list(dict.fromkeys(sample.contender for sample in self._of(tuning)))

    def tunings(self) -> list[Tuning]:
        return list(dict.fromkeys(sample.tuning for sample in self.samples))

    def figure(self, tuning: Tuning, contender: str, key: str) -> Figure | None:
        """None when it was never measured."""
        values = [sample.values[key] for sample in self._of(tuning) if sample.contender == contender and key in sample.values]
        return Figure(statistics.median(values), min(values), max(values), len(values)) if values else None

    def best_peer(self, tuning: Tuning, key: str, *, more_is_better: bool) -> Figure | None:
        """The best median of a peer. None when no peer was measured."""
        figures = [figure for peer in self.peers if (figure := self.figure(tuning, peer, key)) is not None]
        choose = max if more_is_better else min
        return choose(figures, key=lambda figure: figure.median, default=None)

    def failures(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.failure]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def _of(self, tuning: Tuning) -> Iterable[Sample]:
        return (sample for sample in self.samples if sample.tuning is tuning)


def read_results(data: Mapping[str, Any]) -> Results:
    """What `as_json` wrote."""
    samples = [Sample(**{**sample, "tuning": Tuning(sample["tuning"])}) for sample in data["samples"]]
    return Results(data["machine"], data["versions"], data["peers"], samples)
