"""From samples to the table: medians, spread, ratios to the best peer. No network."""

from __future__ import annotations

import json

import pytest

from lab.errors import MachineError
from testbed.contender import Contender
from testbed.iperf import received
from testbed.latency import parse, percentile
from testbed.measures import EVERYTHING
from testbed.results import Results, Sample, read_results
from testbed.rounds import Schedule
from testbed.table import markdown
from testbed.tuning import Tuning

TCP = {"ours": [2.0, 2.4, 2.2], "fast-peer": [0.5, 0.6, 0.4], "slow-peer": [0.3, 0.3, 0.9]}
PING = {"ours": [0.4, 0.4, 0.4], "fast-peer": [0.8, 0.8, 0.8], "slow-peer": [0.5, 0.5, 0.5]}


@pytest.fixture
def results() -> Results:
    samples = [
        Sample(name, Tuning.TUNED, number + 1, {"tcp": TCP[name][number], "ping_idle_50": PING[name][number]})
        for number in range(3)
        for name in TCP
    ]
    failed = Sample("slow-peer", Tuning.UNTUNED, 1, {}, "it has ended: no TUN")
    return Results({"processor": "one", "kernel": "Linux"}, {"fast-peer": "1.0"}, ["fast-peer", "slow-peer"], [*samples, failed])


@pytest.mark.parametrize(
    ("key", "more_is_better", "best"),
    [pytest.param("tcp", True, 0.5, id="the-most"), pytest.param("ping_idle_50", False, 0.5, id="the-least")],
)
def test_best_peer_is_the_best_median(results: Results, key: str, more_is_better: bool, best: float) -> None:
    figure = results.best_peer(Tuning.TUNED, key, more_is_better=more_is_better)
    assert figure is not None
    assert figure.median == best


def test_spread_is_half_the_range(results: Results) -> None:
    figure = results.figure(Tuning.TUNED, "ours", "tcp")
    assert figure is not None
    assert (figure.median, figure.rounds) == (2.2, 3)
    assert figure.spread == pytest.approx(0.2 / 2.2)


def test_what_was_never_measured_has_no_figure(results: Results) -> None:
    assert results.figure(Tuning.TUNED, "ours", "udp_64") is None
    assert results.best_peer(Tuning.TUNED, "udp_64", more_is_better=True) is None


def test_json_holds_everything(results: Results) -> None:
    assert read_results(json.loads(json.dumps(results.as_json()))) == results


def test_markdown_has_a_line_for_each_quantity_and_says_who_failed(results: Results) -> None:
    lines = list(markdown(results))
    assert "| | ours | fast-peer | slow-peer |" in lines
    assert "| TCP, 1 stream, Gbit/s | 2.20 ±9%<br>4.40x | 0.50 ±20% | 0.30 ±100% |" in lines
    assert "| ping, idle, p50, ms | 0.400 ±0%<br>0.80x | 0.800 ±0% | 0.500 ±0% |" in lines
    assert lines[-1].endswith("slow-peer, untuned, round 1: it has ended: no TUN")


def test_everybody_takes_turns_in_alternating_order() -> None:
    contenders = [Contender(name, "", lambda _path: None) for name in "xyz"]
    schedule = Schedule(contenders, list(Tuning), 2, 2, EVERYTHING)
    turns = [(turn.round, turn.tuning, turn.contender.name) for turn in schedule.turns()]
    assert len(turns) == len(set(turns)) == 12
    assert "".join(name for _, _, name in turns) == "xyzxyzzyxzyx"


REPORTS = {
    "one-way": ({"sum_received": {"bits_per_second": 2e9}}, 2.0),
    "both-ways": ({"sum_received": {"bits_per_second": 2e9}, "sum_received_bidir_reverse": {"bits_per_second": 1e9}}, 3.0),
}


@pytest.mark.parametrize(("end", "gigabits"), REPORTS.values(), ids=REPORTS.keys())
def test_iperf_report(end: dict[str, object], gigabits: float) -> None:
    assert received({"end": end}) == gigabits


def test_iperf_error() -> None:
    with pytest.raises(MachineError, match="iperf3: unable to connect"):
        received({"error": "unable to connect"})


def test_ping_output() -> None:
    reply = "64 bytes from 10.2.0.2: icmp_seq={} ttl=61 time={} ms\n"
    output = "PING 10.2.0.2\n" + reply.format(1, "0.123") + reply.format(3, "12") + "2 received, 33% packet loss\n"
    assert parse(output) == [0.123, 12.0]


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.99, 10), (0.9, 9), (0.0, 1), (1.0, 10)])
def test_percentile(share: float, value: float) -> None:
    assert percentile([3, 1, 2, 10, 9, 8, 7, 6, 5, 4], share) == value
