"""What the Tab key offers, asked as the shell asks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.supervisor.command import SAGLAB, saglab

LINES = {
    "verb": ("saglab stat", ["status"]),
    "option": ("saglab down --k", ["--keep"]),
    "scenario": ("saglab up vcpe-p", ["vcpe-ping"]),
    "operation": ("saglab call aws describe_v", ["describe_vpcs"]),
    "parameter": ("saglab call alibaba create_vpc --ci", ["--cidr-block"]),
    "lab that is not up": ("saglab exec --lab no-such-lab ", []),
}


@pytest.mark.parametrize(("line", "expected"), LINES.values(), ids=LINES.keys())
def test_the_tab_key_offers(line: str, expected: list[str], tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run([SAGLAB], env=os.environ | asked, check=False, timeout=60, capture_output=True)
    offered = answer.read_text().split("\n") if answer.exists() else []
    options_asked_for = line.split()[-1].startswith("-") and not line.endswith(" ")
    assert [word.strip() for word in offered if word.strip() and word.startswith("-") == options_asked_for] == expected


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_shell_is_told_whom_to_ask(shell: str) -> None:
    said = saglab("completion", shell)
    assert "_python_argcomplete" in said
    assert " saglab" in said
