"""Tours: where they stop, what they show there, and the recorded one."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from lab.cli import find_scenario
from lab.cli import tour as command
from lab.drawing import paint
from lab.report.map import text_map
from lab.teaching.tour import Stop, Tour
from tests.supervisor.command import saglab

RECORDED = Path(__file__).parents[2] / "docs" / "tour.txt"


@cache
def tour(scenario: str = "vcpe-ping") -> Tour:
    return Tour.of(find_scenario(scenario))


def stop(number: str) -> Stop:
    return next(each for each in tour().stops if each.number == number)


def test_a_tour_stops_before_the_first_step_and_after_each() -> None:
    steps = [step.number for step in tour().scenario.steps]
    with_parts = {step.inside for step in tour().scenario.steps}
    numbers = [each.number for each in tour().stops if each.number]
    assert numbers == ["0", *(step for step in steps if step not in with_parts)]


def test_every_call_is_told_once() -> None:
    replayed = tour().stops[-1].state.cloud.journal
    assert sum(len(each.calls) for each in tour().stops) == len(list(replayed))


# How far each ping gets after a step: answered, or the code that it, or its answer, dies of; None while an end does not run.
FATES = {
    "1": ["NO_ROUTE_TO_DESTINATION", "NO_ROUTE_TO_DESTINATION", None],
    "3.3.4": ["NO_ROUTE_TO_DESTINATION", "ENI_SG_RULES_MISMATCH", "ECS_SG_RULES_MISMATCH"],
    "4.2": ["", "ENI_SG_RULES_MISMATCH", ""],
    "4.4": ["", "", ""],
}


@pytest.mark.parametrize(("number", "codes"), FATES.items(), ids=FATES.keys())
def test_how_far_pings_get(number: str, codes: list[str | None]) -> None:
    found = []
    for fate in tour().fates(stop(number)):
        death = fate.explanation.death if fate.explanation is not None else None
        found.append(None if fate.explanation is None else (death.cause or death).code if death is not None else "")
    assert found == codes


def mapped(number: str, fresh: set[str], width: int = 110) -> str:
    state = stop(number).state
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(text_map(paint(state.cloud, state.topology), fresh))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_map_has_clouds_machines_and_what_joins_them() -> None:
    said = mapped("4.4", set())
    for words in ("AWS ap-southeast-1", "VPC alibaba 192.168.0.0/16", "app  10.0.1.10", "vcpe ══ ccn-singapore  IPsec tunnel"):
        assert words in said
    assert "hybrid ── VPC alibaba" in said


def test_what_is_new_is_marked() -> None:
    machine = next(node for node in stop("4.4").state.topology.nodes if node.label == "vcpe")
    assert "+ vcpe" in mapped("4.4", {machine.name})
    assert "+ app" not in mapped("4.4", {machine.name})


def test_the_recorded_tour_is_what_is_said() -> None:
    """To record it again: COLUMNS=100 saglab tour vcpe-ping --no-pause > docs/tour.txt"""
    assert saglab("tour", "vcpe-ping", "--no-pause") == RECORDED.read_text(encoding="utf-8")


def test_a_tour_of_people_who_log_on() -> None:
    said = saglab("tour", "app-get-started", "--no-pause")
    assert "✓ laptop → ecs  is answered" in said


def test_it_may_begin_later() -> None:
    said = saglab("tour", "vcpe-ping", "--no-pause", "--from", "4.3")
    assert "step 4.3" in said
    assert "step 4.2" not in said
    assert "the tour does not stop at '9'; it stops at 0, 1, 2.1" in saglab("tour", "vcpe-ping", "--from", "9", status=2)


def test_a_visitor_looks_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = iter(["why app ecs", f"draw {tmp_path / 'map.mmd'}", "dance", "why app nobody", "", "q"])
    monkeypatch.setattr(command.sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _prompt: next(words))
    said = saglab("tour", "vcpe-ping", "--from", "4.1")
    assert "the packet dies at aws, route table: NO_ROUTE_TO_DESTINATION" in said
    assert "flowchart LR" in (tmp_path / "map.mmd").read_text()
    assert "that is not understood" in said
    assert "no machine 'nobody' runs" in said
    assert "step 4.2" in said
    assert "step 4.3" not in said  # the visitor has quit
    assert list(words) == []
