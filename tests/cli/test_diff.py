"""`saglab diff`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.cli import main
from lab.files.first import FIRST


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.yaml").write_text(FIRST, encoding="utf-8")
    Path("new.yaml").write_text(FIRST.replace("            - all from 192.168.0.0/16   # 4.3\n", ""), encoding="utf-8")


@pytest.mark.usefixtures("files")
def test_what_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "old.yaml", "new.yaml"]) == 1
    told = capsys.readouterr().out
    assert "- alibaba/ecs no longer reaches aws/app" in told
    assert "now: no rule allows icmp from 192.168.1.10 to 10.0.1.10 (new.yaml:21)" in told
    assert "before: allows all from 192.168.0.0/16 (old.yaml:25)" in told
    assert "1 pair lost, 0 pairs gained" in told


@pytest.mark.usefixtures("files")
def test_what_is_gained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "new.yaml", "old.yaml"]) == 1
    assert "+ alibaba/ecs now reaches aws/app" in capsys.readouterr().out


@pytest.mark.usefixtures("files")
def test_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "old.yaml", "old.yaml"]) == 0
    assert "every machine of both reaches whom it reached before" in capsys.readouterr().out


@pytest.mark.usefixtures("files")
def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "old.yaml", "new.yaml", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["pairs"] == 1
    assert told["changes"][0]["kinds"] == ["icmp", "tcp 22", "tcp", "udp"]
    assert told["changes"][0]["reason"]["code"] == "ENI_SG_RULES_MISMATCH"


def test_a_scenario_with_the_file_that_describes_it(files: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "vcpe-ping", "old.yaml"]) == 0


PORTS = FIRST.replace("            - tcp 22 from 10.0.0.0/16\n", "            - tcp 8000-8100 from 10.0.0.0/16\n")


def test_ports_are_told_as_ranges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = tmp_path / "old.yaml", tmp_path / "new.yaml"
    files[0].write_text(PORTS, encoding="utf-8")
    files[1].write_text(PORTS.replace("8000-8100", "8000-8050"), encoding="utf-8")
    assert main(["diff", *map(str, files)]) == 1
    assert "- aws/vcpe no longer reaches aws/app on tcp 8051-8100" in capsys.readouterr().out


def test_one_story_for_one_line_and_that_is_the_line_which_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The vCPE's subnet lost its way to the internet, and so its tunnel; every pair dies of that."""
    files = tmp_path / "old.yaml", tmp_path / "new.yaml"
    files[0].write_text(FIRST, encoding="utf-8")
    files[1].write_text(FIRST.replace("public: {0.0.0.0/0: internet_gateway}", "public: {}"), encoding="utf-8")
    assert main(["diff", *map(str, files)]) == 1
    told = capsys.readouterr().out
    assert told.count("no longer reaches") == 4
    assert told.count("dies at") == 1
    assert "the first dies at aws, route table: NO_ROUTE_TO_DESTINATION, the route table has no route to the destination" in told
    line = FIRST.splitlines().index("        public: {0.0.0.0/0: internet_gateway}") + 1
    assert f"before: 0.0.0.0/0 to the internet (old.yaml:{line})" in told
