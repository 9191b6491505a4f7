"""Who reaches whom, as a person and as a program read it."""

from __future__ import annotations

import json
from io import StringIO
from xml.etree import ElementTree

import pytest
from rich.console import Console

from lab.report.machine import to_json, to_junit
from lab.report.reach import reach_table
from lab.results import ReachRecord, RunResult

NAMES = ("app", "[ecs]", "vcpe")
RIGHT = ReachRecord("4", NAMES, ((0, 1), (1, 0)), ((0, 1), (1, 0)), True)
WRONG = ReachRecord("4", NAMES, ((0, 1),), ((0, 2),), True)
UNASKED = ReachRecord("", NAMES, ((0, 1),))
IMPOSSIBLE = ReachRecord("", NAMES, (), problem="i-1 does not run")

TOLD = {
    "as expected": (
        RIGHT,
        [
            "from ╲ to app [ecs] vcpe",
            "app ✓ ·",
            "[ecs] ✓ ·",
            "vcpe · ·",
            "2 of 6 pairs, as expected",
        ],
    ),
    "not as expected": (
        WRONG,
        ["from ╲ to app [ecs] vcpe", "app · ✓", "[ecs] · ·", "vcpe · ·", "1 of 6 pairs; 2 not as expected"],
    ),
    "no network": (UNASKED, ["no echo: nothing runs"]),
    "a machine that does not run": (IMPOSSIBLE, ["no echo: i-1 does not run"]),
}


@pytest.mark.parametrize(("reach", "lines"), TOLD.values(), ids=TOLD.keys())
def test_table(reach: ReachRecord, lines: list[str]) -> None:
    console = Console(file=StringIO(), width=100, highlight=False)
    console.print(reach_table(reach))
    assert isinstance(console.file, StringIO)
    assert [" ".join(line.split()) for line in console.file.getvalue().splitlines()] == lines


def test_json() -> None:
    (said,) = json.loads(to_json(RunResult("mine", reaches=[WRONG])))["reaches"]
    assert said == {
        "step": "4",
        "passed": False,
        "machines": list(NAMES),
        "answered": {"app": ["vcpe"], "[ecs]": [], "vcpe": []},
        "expected": {"app": ["[ecs]"], "[ecs]": [], "vcpe": []},
        "problem": None,
    }


FAILURES = {
    "as expected": (RIGHT, None),
    "not as expected": (WRONG, ("2 pairs are not as expected", "app → [ecs]\napp → vcpe")),
    "no network": (UNASKED, ("nobody was asked", "app → [ecs]")),
}


@pytest.mark.parametrize(("reach", "told"), FAILURES.values(), ids=FAILURES.keys())
def test_junit(reach: ReachRecord, told: tuple[str, str] | None) -> None:
    (suite,) = ElementTree.fromstring(to_junit(RunResult("mine", reaches=[reach])))  # noqa: S314 - our own
    (case,) = suite
    failure = case.find("failure")
    assert (None if failure is None else (failure.get("message"), failure.text)) == told


PASSES = {"as expected": (RIGHT, True), "not as expected": (WRONG, False), "no network": (UNASKED, False)}


@pytest.mark.parametrize(("reach", "passes"), PASSES.values(), ids=PASSES.keys())
def test_a_run_passes_with_it_alone(reach: ReachRecord, passes: bool) -> None:
    assert RunResult("mine", reaches=[reach]).passed is passes
