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


PACKETS = {"icmp": ((), False), "tcp": (("--protocol", "tcp", "--port", "22"), True)}

ICMP_ONLY = """
aws:
  vpcs:
    a:
      cidr_block: 10.0.0.0/16
      security_groups: {g: {ingress: [icmp from 0.0.0.0/0]}}
      instances: {app: {security_groups: [g]}, web: }
"""


@pytest.mark.parametrize(("packet", "dies"), PACKETS.values(), ids=PACKETS.keys())
def test_the_way_is_that_of_the_packet_asked_about(tmp_path: Path, packet: tuple[str, ...], dies: bool) -> None:
    file, drawn = tmp_path / "lab.yaml", tmp_path / "way.mmd"
    file.write_text(ICMP_ONLY)
    saglab("diagram", str(file), "--way", "web", "app", *packet, "--output", str(drawn))
    assert ("SG_RULES_MISMATCH" in drawn.read_text()) == dies


MISTAKES = {
    "an unknown format": (["vcpe-ping", "--output", "lab.bmp"], "lab.bmp does not say in which format; give --format svg|png"),
    "an unknown machine": (["vcpe-ping", "--way", "app", "nobody"], "no machine 'nobody' runs"),
    "an unknown step": (["vcpe-ping", "--skip", "9"], "has no step '9'"),
    "a scenario and a lab": (["vcpe-ping", "--lab", "demo"], "not both"),
    "a step without a scenario": (["--skip", "2.5"], "--skip goes with a scenario"),
    "a port without a way": (["vcpe-ping", "--protocol", "tcp", "--port", "22"], "say where it goes: --way SRC DST"),
    "a size without a way": (["vcpe-ping", "--size", "1400"], "say where it goes: --way SRC DST"),
    "a file that cannot be": (["vcpe-ping", "--output", "/nonexistent/lab.mmd"], "cannot write /nonexistent/lab.mmd"),
}


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes(arguments: list[str], said: str) -> None:
    assert said in saglab("diagram", *arguments, status=2)
