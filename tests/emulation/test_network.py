"""The full network from inside: packet sizes, secrets, and what the kernel of each node is told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.emulation.sandbox import RUNTIME
from tests.emulation.lab_process import in_lab
from tests.emulation.scenario_lab import Ping, ScenarioLab, scenario_lab

pytestmark = pytest.mark.emulation

ECS = "192.168.1.10"
OVERLAY_MTU = 1438
HEADERS = 28  # IPv4 and ICMP


@dataclass(frozen=True)
class Observed:
    large: Ping
    too_big: Ping
    route: str
    fits: Ping
    drops_of_fragments: list[tuple[str, str, int]]
    drops_of_too_big: list[tuple[str, str, int]]
    secrets: int
    places_read: dict[str, int]
    leaks: list[str]
    ipv6: dict[str, str]


def _secrets(lab: ScenarioLab) -> list[bytes]:
    """Every gateway's key, as it is and as hex in both cases."""
    peers = [peer for node in lab.emulation.topology.nodes for service in node.services for peer in service.peers]
    keys = {peer.authentication.key for peer in peers}
    return [form for key in keys for form in (key, key.hex().encode(), key.hex().upper().encode())]


def _read(path: Path) -> bytes:
    """The file's bytes, or none where a process ended or has no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _texts() -> dict[str, list[Path]]:
    processes = [path for path in Path("/proc").iterdir() if path.name.isdigit() and int(path.name) != os.getpid()]
    return {
        "cmdline": [path / "cmdline" for path in processes],
        "environ": [path / "environ" for path in processes],
        "files": [path for path in RUNTIME.rglob("*") if path.is_file()],
    }


def _observe() -> Observed:
    with scenario_lab() as lab:
        large = lab.ping("app", ECS, "-M", "dont", "-s", "3000")
        drops_of_fragments = lab.drops()
        too_big = lab.ping("app", ECS, "-M", "do", "-s", str(OVERLAY_MTU - HEADERS + 1))
        drops_of_too_big = lab.drops()
        route = lab.machine("app").run("ip", "route", "get", ECS)
        fits = lab.ping("app", ECS, "-M", "do", "-s", str(OVERLAY_MTU - HEADERS))
        secrets, texts = _secrets(lab), _texts()
        leaks = [str(path) for paths in texts.values() for path in paths if any(secret in _read(path) for secret in secrets)]
        read = {kind: sum(len(_read(path)) > 0 for path in paths) for kind, paths in texts.items()}
        ipv6 = {label: lab.machine(label).run("cat", "/proc/sys/net/ipv6/conf/all/disable_ipv6") for label in ("app", "aws")}
        return Observed(large, too_big, route, fits, drops_of_fragments, drops_of_too_big, len(secrets), read, leaks, ipv6)


@pytest.fixture(scope="module")
def observed() -> Observed:
    return in_lab(_observe)


def test_a_large_packet_that_may_be_fragmented_passes(observed: Observed) -> None:
    assert observed.large.status == 0, observed.large.text
    assert "2 received" in observed.large.text
    assert observed.drops_of_fragments == []


def test_a_packet_too_big_is_answered_with_the_size_that_fits(observed: Observed) -> None:
    assert observed.too_big.status == 1
    assert f"mtu = {OVERLAY_MTU}" in observed.too_big.text or f"mtu={OVERLAY_MTU}" in observed.too_big.text


def test_the_sender_learns_the_path_mtu(observed: Observed) -> None:
    assert f"mtu {OVERLAY_MTU}" in observed.route


def test_the_largest_packet_that_fits_passes(observed: Observed) -> None:
    assert observed.fits.status == 0, observed.fits.text
    assert "2 received" in observed.fits.text


def test_no_gate_drops_the_answer_about_the_size(observed: Observed) -> None:
    assert [drop for drop in observed.drops_of_too_big if drop[1] != "PACKET_TOO_BIG"] == []


def test_no_secret_in_a_command_line_an_environment_or_a_file(observed: Observed) -> None:
    assert observed.secrets == 3  # forms of the one key that both ends share
    assert observed.places_read["cmdline"] > 8  # init, a shell for each node, two dataplanes
    assert observed.places_read["environ"] > 8
    assert observed.places_read["files"] >= 2  # the dataplanes' configurations
    assert observed.leaks == []


def test_nodes_speak_ipv4_only(observed: Observed) -> None:
    assert set(observed.ipv6.values()) == {"1\n"}
