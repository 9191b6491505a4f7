"""A network that is in no document: thirty expectations, two of which are false, found and explained by both backends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.supervisor.command import saglab, saglab_process

FILE = str(Path(__file__).parent.parent.parent / "examples" / "three-offices" / "lab.yaml")

FALSE = ["till reaches db on tcp 3306", "desk cannot reach vault on tcp 22"]


def contacts(file: Path) -> list[dict[str, Any]]:
    return list(json.loads(file.read_text(encoding="utf-8"))["contacts"])


def not_met(records: list[dict[str, Any]]) -> list[str]:
    return [record["expected"] for record in records if not record["passed"]]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    file = tmp_path_factory.mktemp("checked") / "run.json"
    saglab("check", FILE, "--json", str(file), status=1)
    return contacts(file)


def test_check_names_the_two(checked: list[dict[str, Any]]) -> None:
    assert len(checked) == 30
    assert not_met(checked) == FALSE


def test_the_missing_rule_is_named_with_its_place_and_its_remedy(checked: list[dict[str, Any]]) -> None:
    (told,) = (record["foretold"] for record in checked if record["expected"] == FALSE[0])
    assert told["code"] == "ECS_SG_RULES_MISMATCH"
    assert told["by"] == {
        "what": "security group, inbound of db",
        "says": "no rule allows tcp 3306 from 10.2.0.10 to 172.16.0.10",
        "place": f"lab.yaml:{line_of('databases:')}",
    }
    assert told["solved"]
    (fix,) = told["fixes"]
    assert fix == f"add `tcp 3306 from 10.2.0.0/16` to the ingress of the security group databases ({told['by']['place']})"


def test_the_rule_that_lets_it_through_is_named_with_its_place(checked: list[dict[str, Any]]) -> None:
    (told,) = (record["foretold"] for record in checked if record["expected"] == FALSE[1])
    place = f"lab.yaml:{line_of('- {protocol: all, from: 10.0.0.0/8, priority: 40}')}"
    assert told["let"][-1] == {"what": "security group, inbound of vault", "says": "allows all from 10.0.0.0/8", "place": place}


@pytest.mark.emulation
def test_run_agrees(checked: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    said = saglab_process("run", FILE, "--json", str(file), status=1)
    emulated = contacts(file)
    assert not_met(emulated) == FALSE
    assert [record["differences"] for record in emulated] == [[]] * 30
    assert [record["seen"]["answered"] for record in emulated] == [record["foretold"]["answered"] for record in checked]
    assert f"lab.yaml:{line_of('till reaches db')}: till reaches db on tcp 3306" in said


def line_of(text: str) -> int:
    lines = Path(FILE).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)
