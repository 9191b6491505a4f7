"""UDP throughput as RFC 2544 §26.1 has it: the highest offered rate at which next to nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle

from testbed.path import B, Path
from testbed.programs import Program
from testbed.watch import Watch

TOLERATED = 0.001  # our choice; RFC 2544 tolerates no loss at all, which a machine shared with others never gives
PRECISION = 1.05  # the search ends when the lowest rate that failed is so close to the highest that did not
FIRST_RATE = 200e6  # bit/s
LOWEST_RATE = 1e6  # bit/s: what fails at so little carries nothing
KEPT_UP = 0.97  # share of a rate that the generator must have offered

SILENCE = 0.2  # seconds
_PORTS = cycle(range(5202, 6202))
"""Another one for each trial: what comes of the one before, long after it was thought lost, is not counted."""

IMIX = (64, 64, 576, 64, 64, 576, 64, 576, 64, 64, 576, 1400)  # 7 : 4 : 1, the largest cut to the inner MTU


@dataclass(frozen=True, slots=True)
class Trial:
    """One rate, offered for a while. Rates in bit/s of IP packets; `offered` is what the generator really sent."""

    rate: float
    offered: float
    sent: int
    received: int
    duplicates: int
    reordered: int

    @property
    def loss(self) -> float:
        return 1 - self.received / self.sent

    @property
    def passed(self) -> bool:
        return self.loss < TOLERATED

    @property
    def kept_up(self) -> bool:
        return self.offered >= KEPT_UP * self.rate


class Search:
    """Finds the highest rate that passes. Performs no I/O: `rates` yields what to try, and `learn` takes what came of it."""

    def __init__(self, first: float = FIRST_RATE) -> None:
        self._first = first
        self._out_of_reach: float | None = None  # the lowest rate that lost packets, or that the generator did not reach
        self.best: Trial | None = None

    def rates(self) -> Iterator[float]:
        """The next rate, until the best one and the one that is out of reach are close together."""
        rate: float | None = self._first
        while rate is not None:
            yield rate
            rate = self._next()

    def learn(self, trial: Trial) -> None:
        if trial.passed and (self.best is None or trial.offered > self.best.offered):
            self.best = trial
        if trial is not self.best or not trial.kept_up:
            self._out_of_reach = min(trial.rate, self._out_of_reach or trial.rate)

    def _next(self) -> float | None:
        if self._out_of_reach is None:
            return self.best.rate * 2 if self.best else self._first
        if self.best is None:
            return self._out_of_reach / 2 if self._out_of_reach > LOWEST_RATE else None
        close = self._out_of_reach / self.best.offered < PRECISION
        return None if close else (self.best.offered * self._out_of_reach) ** 0.5


def highest_rate(path: Path, lengths: Sequence[int], seconds: float, watch: Watch) -> Trial | None:
    """The best trial, each of some seconds, and repeated when it was disturbed. None when every rate lost packets."""
    search = Search()
    for rate in search.rates():
        search.learn(watch.take(partial(offer, path, lengths, rate, seconds)))
    return search.best


def offer(path: Path, lengths: Sequence[int], rate: float, seconds: float, *, silence: float = SILENCE) -> Trial:
    """Send packets of these lengths in turn from a to b, `rate` bit/s of them for some seconds. Raises MachineError.

    What has not come when nothing has come for `silence` seconds is lost.
    """
    bits = 8 * sum(lengths) / len(lengths)
    packets = max(1, round(rate / bits * seconds))
    to = (B, next(_PORTS), ",".join(map(str, lengths)))
    receiver = Program(path.b, "udp_receiver", *to, packets, silence)
    receiver.line()
    sent = Program(path.a, "udp_sender", *to, rate / bits, packets).end()
    came = receiver.end()
    offered = sent["sent"] * bits / sent["seconds"]
    return Trial(rate, offered, sent["sent"], came["received"], came["duplicates"], came["reordered"])
