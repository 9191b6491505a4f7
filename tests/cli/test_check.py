"""`saglab init`, `check` and `schema`, and lab files where other verbs take a scenario."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.cli import main
from lab.files.first import FIRST

BROKEN = FIRST.replace("            - all from 192.168.0.0/16   # 4.3\n", "")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lab.yaml"
    path.write_text(FIRST, encoding="utf-8")
    return path


def test_init_writes_a_file_that_check_finds_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    assert Path("lab.yaml").read_text(encoding="utf-8") == FIRST
    assert main(["init", "office.yaml"]) == 0
    assert "saglab check office.yaml     judges" in Path("office.yaml").read_text(encoding="utf-8")
    assert main(["check", "lab.yaml"]) == 0
    assert "4 expectations met" in capsys.readouterr().out


def test_init_overwrites_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(file)]) == 2
    assert "is there already; name another file" in capsys.readouterr().err


def test_what_is_not_met_is_explained(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BROKEN, encoding="utf-8")
    assert main(["check", str(file)]) == 1
    told = capsys.readouterr().out
    assert "dies at aws, security group, inbound of app: ENI_SG_RULES_MISMATCH" in told
    assert "no rule allows icmp from 192.168.1.10 to 10.0.1.10 (lab.yaml:21)" in told
    assert "2 of 4 expectations not met" in told


def test_what_has_one_cause_is_explained_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the way back: answers die, and what is asked on that way."""
    file.write_text(FIRST.replace("{192.168.0.0/16: vcpe}    ", "{}    "), encoding="utf-8")
    assert main(["check", str(file)]) == 1
    told = capsys.readouterr().out
    assert told.count("dies at aws, route table: NO_ROUTE_TO_DESTINATION") == 2
    assert told.count("the answer dies at aws, route table: NO_ROUTE_TO_DESTINATION") == 1
    assert told.count("add `192.168.0.0/16: vcpe` to the route table main") == 2
    assert "3 of 4 expectations not met" in told


def test_a_way_in_another_order(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FIRST.replace("vcpe, ccn-singapore, hybrid", "ccn-singapore, vcpe, hybrid"), encoding="utf-8")
    assert main(["check", str(file)]) == 1
    assert "it does not pass vcpe behind ccn-singapore" in capsys.readouterr().out


OFFICE = """\
aws:
  vpcs:
    office:
      cidr_block: 10.0.0.0/16
      route_tables: {main: {0.0.0.0/0: internet_gateway, 192.168.0.0/16: vcpe}}
      security_groups: {default: {ingress: [all from 10.0.0.0/8, all from 192.168.0.0/16]}}
      instances: {app: , vcpe: }
alibaba:
  vpcs:
    shop:
      cidr_block: BLOCK
      security_groups: {default: {ingress: [all from 10.0.0.0/16]}}
      instances: {till: }
  smart_access_gateways: {sag: {RUNS}}
expect:
"""

# The block of the shop, what the gateway says, what is expected, what is told
HELPS = {
    "no gateway on the machine": ("192.168.0.0/16", "", "app reaches till", "launch the machine anew from the SAG vCPE image"),
    "blocks that overlap": (
        "10.0.0.0/24",
        "runs_on: vcpe",
        "till reaches app",
        "10.0.0.0/24 of shop overlaps 10.0.0.0/16 of office, so packets to 10.0.0.4 may go to either",
    ),
}


@pytest.mark.parametrize(("block", "runs", "wanted", "told"), HELPS.values(), ids=HELPS.keys())
def test_what_no_call_mends_is_told_what_helps(
    block: str, runs: str, wanted: str, told: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = OFFICE.replace("BLOCK", block).replace("RUNS", runs)
    file.write_text(f"{text}  - {wanted}\n", encoding="utf-8")
    assert main(["check", str(file)]) == 1
    assert f"what helps: {told}" in capsys.readouterr().out


def test_an_invalid_file_ends_with_2_and_every_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text("name: a b\nasw: {}\n", encoding="utf-8")
    assert main(["check", str(path)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"saglab: {path} has 2 errors:"
    assert told[1].startswith(f"{path}:1:7: 'a b' is not a name")
    assert main(["check", str(path), "--json", "-"]) == 2
    errors = json.loads(capsys.readouterr().out)["errors"]
    assert [(error["line"], error["column"]) for error in errors] == [(1, 7), (2, 1)]


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "nowhere.yaml"]) == 2
    assert "cannot read nowhere.yaml: No such file or directory" in capsys.readouterr().err


def test_a_file_that_expects_nothing_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text("aws: {vpcs: {a: {cidr_block: 10.0.0.0/16}}}", encoding="utf-8")
    assert main(["check", str(path)]) == 0
    assert "it expects nothing" in capsys.readouterr().out


def test_json_and_junit(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BROKEN, encoding="utf-8")
    junit = tmp_path / "junit.xml"
    assert main(["check", str(file), "--json", "-", "--junit", str(junit)]) == 1
    contacts = json.loads(capsys.readouterr().out)["contacts"]
    assert [contact["passed"] for contact in contacts] == [True, False, False, True]
    assert contacts[1]["foretold"]["by"]["place"] == "lab.yaml:21"
    cases = ElementTree.parse(junit).getroot().findall(".//testcase")  # noqa: S314 - our own
    failures = [case.find("failure") for case in cases]
    assert [failure is not None for failure in failures] == [False, True, True, False]
    assert failures[1] is not None
    assert "ENI_SG_RULES_MISMATCH" in (failures[1].text or "")


def test_explain_takes_a_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BROKEN, encoding="utf-8")
    assert main(["explain", str(file), "ecs", "app"]) == 1
    assert "ENI_SG_RULES_MISMATCH" in capsys.readouterr().out


def test_run_simulates_a_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--simulate", str(file)]) == 0
    assert "app reaches ecs  it does" in capsys.readouterr().out


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "saglab lab file"


def test_a_diagram_tells_what_arrives_and_must_not(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FIRST.replace("- ecs reaches app on tcp 443", "- ecs cannot reach app on tcp 443"), encoding="utf-8")
    assert main(["diagram", str(file), "--format", "dot"]) == 0
    assert "ecs cannot reach app on tcp 443: it does reach it, and must not" in capsys.readouterr().out
