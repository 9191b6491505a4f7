"""The lab files that the documentation shows are right, and what they expect is met."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.files import LabFile
from lab.files.source import Source
from lab.listener import Listener
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend

ROOT = Path(__file__).parent.parent.parent
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/lab-files.md"])
def test_what_is_shown_is_met(page: str) -> None:
    text = "".join(FENCE.findall((ROOT / page).read_text(encoding="utf-8")))
    file = LabFile.of(Source("shown.yaml", text))
    result = run_scenario(file.scenario, skip=(), backend=SimulationBackend(), listener=Listener())
    assert result.contacts
    assert [f"{record.what}: {record.complaints}" for record in result.contacts if not record.passed] == []


def test_ten_lines_make_a_lab() -> None:
    (text,) = FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(text.splitlines()) <= 10
