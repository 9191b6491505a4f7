"""No line of a document is without a test, and the page that says so is up to date."""

from __future__ import annotations

import ast

import pytest

from tests.requirements.document import APP, DOCUMENTS, VCPE, Document, Row, step_in, steps_of
from tests.requirements.table import decisions, marked, page, proofs

ALL = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
LINES = [(document, row.id) for document in DOCUMENTS.values() for row in document.rows()]


@ALL
def test_the_lines_are_all_there_once(document: Document) -> None:
    assert [f"{document.key}-{number:03}" for number in range(1, document.lines + 1)] == [row.id for row in document.rows()]


@pytest.mark.parametrize(("document", "id"), LINES, ids=[id for _, id in LINES])
def test_a_line_has_a_test_or_a_reason_not_to(document: Document, id: str) -> None:
    assert bool(proofs().get(id)) != (id in document.without_test)


def test_no_marker_names_a_line_that_there_is_not() -> None:
    assert set(proofs()) <= {id for _, id in LINES}


@ALL
def test_a_contradiction_has_a_decision(document: Document) -> None:
    assert [row.id for row in document.rows() if row.kind == "contradiction" and row.id not in decisions()] == []


@ALL
def test_the_page_is_what_the_markers_say(document: Document) -> None:
    assert document.page.read_text(encoding="utf-8") == page(document), "run: python -m tests.requirements.table"


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
    assert step_in(where, steps_of("vcpe-ping")) == step


@pytest.mark.parametrize(
    ("where", "told"),
    [
        pytest.param("2 Step 4.1 Username", "app-get-started 4", id="a field of a step of chapter 2"),
        pytest.param("5.2 step 1", "app-get-started 5.2", id="what a user does"),
        pytest.param("3.4 limits", "app-roaming 3.4.1, 3.4.2, 3.4.3, 3.4.4", id="a chapter that is several steps"),
        pytest.param("6.1 step 6", "app-accounts 6.1", id="a chapter that is a step"),
        pytest.param("4.1 / 4.2", "app-enterprise-codes 4.1.1, 4.1.2, 4.1.3", id="the first of two"),
        pytest.param("1 Scenarios", "app-get-started all", id="all of it"),
    ],
)
def test_a_place_in_the_app_s_document_lies_in_a_scenario(where: str, told: str) -> None:
    assert APP.step_of(Row("S2-000", where, "", "rule")) == told


@pytest.mark.parametrize(
    ("document", "id"), [pytest.param(document, id, id=id) for document in DOCUMENTS.values() for id in document.shown]
)
def test_what_is_shown_elsewhere_is_shown_there(document: Document, id: str) -> None:
    assert id in {row.id for row in document.rows()}
    scenario = ""
    for told in document.shown[id].split(", "):
        scenario, step = told.split() if " " in told else (scenario, told)
        assert step in ("all", *steps_of(scenario))


def test_one_scenario_replays_the_whole_of_the_other_document() -> None:
    assert VCPE.step_of(Row("S0-000", "Step 2.5", "", "rule")) == "vcpe-ping 2.5"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("@pytest.mark.requirement('S0-001', 'S0-002')\ndef test(): ...", id="decorator"),
        pytest.param("pytestmark = pytest.mark.requirement('S0-001', 'S0-002')", id="module"),
        pytest.param("T = [pytest.param(1, marks=pytest.mark.requirement('S0-001', 'S0-002'))]", id="a case of a table"),
        pytest.param("@pytest.mark.requirement(*('S0-001', 'S0-002'))\ndef test(): ...", id="lines in brackets"),
    ],
)
def test_every_form_of_marker_is_seen(source: str) -> None:
    assert list(marked(ast.parse(source))) == ["S0-001", "S0-002"]
