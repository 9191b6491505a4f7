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
