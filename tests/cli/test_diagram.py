"""`saglab diagram` of a scenario, on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.supervisor.command import saglab, saglab_process

needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")


def test_without_a_file_it_is_mermaid() -> None:
    said = saglab_process("diagram", "vcpe-ping", "--skip", "2.5")
    assert said.startswith("---\ntitle: vcpe-ping without step 2.5\n---\nflowchart LR\n")
    assert "✗ destination check of vcpe: ENI_SOURCE_DEST_CHECK_RESTRICTION" in said


FILES = {
    "lab.svg": b"<svg ",
    "lab.png": b"\x89PNG",
    "lab.mmd": b"---\ntitle: vcpe-ping\n",
    "lab.dot": b"graph lab {",
}


@needs_graphviz
@pytest.mark.parametrize(("name", "start"), FILES.items(), ids=FILES.keys())
def test_the_name_of_a_file_says_the_format(name: str, start: bytes, tmp_path: Path) -> None:
    saglab("diagram", "vcpe-ping", "--output", str(tmp_path / name))
    assert (tmp_path / name).read_bytes().startswith(start)


def test_a_format_that_is_given_counts_for_more(tmp_path: Path) -> None:
    saglab("diagram", "vcpe-ping", "--format", "dot", "--theme", "dark", "--output", str(tmp_path / "lab.txt"))
    assert 'bgcolor="#12161c"' in (tmp_path / "lab.txt").read_text()


def test_the_way_of_a_packet(tmp_path: Path) -> None:
    saglab("diagram", "vcpe-ping", "--way", "app", "192.168.1.10", "--output", str(tmp_path / "way.mmd"))
    assert "  class n4 faint\n" in (tmp_path / "way.mmd").read_text()  # the internet


MISTAKES = {
    "an unknown format": (["vcpe-ping", "--output", "lab.bmp"], "lab.bmp does not say in which format; give --format svg|png"),
    "an unknown machine": (["vcpe-ping", "--way", "app", "nobody"], "no machine 'nobody' runs"),
    "an unknown step": (["vcpe-ping", "--skip", "9"], "has no step '9'"),
    "a scenario and a lab": (["vcpe-ping", "--lab", "demo"], "not both"),
    "a step without a scenario": (["--skip", "2.5"], "--skip goes with a scenario"),
    "a file that cannot be": (["vcpe-ping", "--output", "/nonexistent/lab.mmd"], "cannot write /nonexistent/lab.mmd"),
}


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes(arguments: list[str], said: str) -> None:
    assert said in saglab("diagram", *arguments, status=2)
