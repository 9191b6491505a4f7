"""No line of the document is without a test, and the page that says so is up to date."""

from __future__ import annotations

import ast

import pytest

from lab.cli import find_scenario
from tests.requirements.table import PAGE, SCENARIO, WITHOUT_TEST, Row, decisions, marked, page, proofs, rows, step_of

IDS = [row.id for row in rows()]


def test_the_lines_are_all_there_once() -> None:
    assert [f"S0-{number:03}" for number in range(1, 70)] == IDS


@pytest.mark.parametrize("id", IDS)
def test_a_line_has_a_test_or_a_reason_not_to(id: str) -> None:
    assert bool(proofs().get(id)) != (id in WITHOUT_TEST)


def test_no_marker_names_a_line_that_there_is_not() -> None:
    assert {id for id in proofs() if id.startswith("S0-")} <= set(IDS)


def test_a_contradiction_has_a_decision() -> None:
    assert [row.id for row in rows() if row.kind == "contradiction" and row.id not in decisions()] == []


def test_the_page_is_what_the_markers_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.requirements.table > docs/requirements-seed0.md"


@pytest.mark.parametrize(
    ("where", "step"),
    [
        pytest.param("Step 2.5", "2.5", id="a step"),
        pytest.param("Step 3.3.4", "3.3.4", id="a step of three levels"),
        pytest.param("Step 3.1.5", "3.1", id="a click in a step"),
        pytest.param("Step 1.3 Area", "1", id="a field"),
        pytest.param("Steps 1-4 as a whole", "", id="all of them"),
        pytest.param("Intro", "", id="none"),
    ],
)
def test_a_place_in_the_document_lies_in_a_step(where: str, step: str) -> None:
    steps = [it.number for it in find_scenario(SCENARIO).steps]
    assert step_of(Row("S0-000", where, "", "rule"), steps) == step


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("@pytest.mark.requirement('S0-001', 'S0-002')\ndef test(): ...", id="decorator"),
        pytest.param("pytestmark = pytest.mark.requirement('S0-001', 'S0-002')", id="module"),
        pytest.param("T = [pytest.param(1, marks=pytest.mark.requirement('S0-001', 'S0-002'))]", id="a case of a table"),
    ],
)
def test_every_form_of_marker_is_seen(source: str) -> None:
    assert list(marked(ast.parse(source))) == ["S0-001", "S0-002"]
