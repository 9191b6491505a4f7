"""The benchmark's own path, for real but for a moment: packets pass it plainly, through a tunnel, and through a bad wire."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lab.impairments import parse_impairments
from testbed import saglab
from testbed.path import Path
from testbed.tuning import Tuning
from testbed.udp import Trial, offer
from testbed.usage import memory, usage
from tests.emulation.lab_process import in_lab

pytestmark = pytest.mark.emulation

RATE, SECONDS = 2e6, 0.5  # bit/s and seconds: so little that any machine carries it
SILENCE = 5.0  # seconds; a virtual processor may stand still for more than one


@dataclass(frozen=True)
class Observed:
    plain: Trial
    tunnelled: Trial
    mixed: Trial
    used: float
    memory: int
    wire: dict[str, dict[str, int]]


def observe() -> Observed:
    with Path(cores=1, tuning=Tuning.TUNED) as path:
        path.route_plainly()
        path.wait_until_it_carries()
        plain = offer(path, (1024,), RATE, SECONDS, silence=SILENCE)
    with Path(cores=1, tuning=Tuning.UNTUNED, line=parse_impairments("delay 1ms"), seed="1") as path:
        saglab.start(path)
        path.wait_until_it_carries()
        tunnelled = offer(path, (1024,), RATE, SECONDS, silence=SILENCE)
        mixed = offer(path, (64, 1400), RATE, SECONDS, silence=SILENCE)
        roots = [*path.dataplane(path.v), *path.dataplane(path.p)]
        return Observed(plain, tunnelled, mixed, usage(roots).dataplane, memory(roots), path.line_counters())


@pytest.fixture(scope="module")
def observed() -> Observed:
    return in_lab(observe)


@pytest.mark.parametrize("which", ["plain", "tunnelled", "mixed"])
def test_every_packet_is_sent_and_counted_once(observed: Observed, which: str) -> None:
    trial: Trial = getattr(observed, which)
    assert trial.sent >= 50
    assert (trial.received, trial.duplicates) == (trial.sent, 0)


def test_the_tunnel_crosses_the_wire(observed: Observed) -> None:
    assert observed.wire["forth"]["arrived"] >= observed.tunnelled.sent + observed.mixed.sent


def test_a_dataplane_has_a_cost(observed: Observed) -> None:
    assert observed.used > 0
    assert observed.memory > 1e6
