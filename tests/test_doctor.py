"""The doctor: what it concludes from what it reads, what it tries, and that it leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.doctor import checks, isolation, judges, kernel, machine, require_for_running, tools
from lab.doctor.isolation import CannotDo, Outcome, command, try_isolated

ROOT = Path(__file__).parent.parent

needs_root = pytest.mark.emulation


@pytest.fixture
def ordinary_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def test_the_launcher_has_the_same_commands_and_packages() -> None:
    text = (ROOT / "saglab").read_text()
    listed = re.search(r"^commands='([^']*)'", text, re.MULTILINE)
    assert listed
    assert dict(pair.split(":") for pair in listed[1].split()) == tools.PACKAGES


def test_the_launcher_has_the_same_package_for_drawings() -> None:
    listed = re.findall(r"echo (dot:\w+)", (ROOT / "saglab").read_text())
    assert set(listed) == {f"{command}:{package}" for command, package in tools.DRAWING.items()}


def test_the_launcher_has_the_same_judges_and_packages() -> None:
    script = (ROOT / "saglab").read_text().split("\nsay()")[0].split("set -eu")[1]
    for name, expected in {
        "$strongswan": judges.PACKAGES[judges.STRONGSWAN],
        "$judges": {file: package for packages in judges.PACKAGES.values() for file, package in packages.items()},
    }.items():
        listed = subprocess.run(["sh", "-c", f'{script}\necho "{name}"'], capture_output=True, text=True, check=True).stdout
        assert dict(pair.split(":") for pair in listed.split()) == expected


def test_a_missing_judge_names_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(judges.PACKAGES, judges.TSHARK, {"no-such-command": "tshark", "/nonexistent": "wireshark-common"})
    tshark = judges.judge(judges.TSHARK)
    assert (tshark.ok, tshark.required, tshark.found) == (False, False, "without tshark, wireshark-common")
    assert "./saglab test --interop" in tshark.remedy


SERVICE = {
    "off": ({}, True, "off"),
    "enabled": ({"multi-user.target.wants/strongswan-starter.service": "/lib/x"}, False, "starts with the machine"),
    "masked": (
        {"multi-user.target.wants/strongswan-starter.service": "/lib/x", "strongswan-starter.service": "/dev/null"},
        True,
        "off",
    ),
}


@pytest.mark.parametrize(("links", "ok", "found"), SERVICE.values(), ids=SERVICE.keys())
def test_strongswans_own_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, links: dict[str, str], ok: bool, found: str
) -> None:
    monkeypatch.setattr(judges, "_UNITS", tmp_path)
    monkeypatch.setattr(judges, "_PID", tmp_path / "charon.pid")
    (tmp_path / "multi-user.target.wants").mkdir()
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    service = {check.name: check for check in judges.judges()}["strongSwan's own service"]
    assert (service.ok, service.required, service.found) == (ok, False, found)


CAPABILITIES = {
    "all": ("Name:\tx\nCapEff:\t000001ffffffffff\n", 0x1FFFFFFFFFF),
    "none": ("CapInh:\tffff\nCapEff:\t0000000000000000\n", 0),
    "container": ("CapEff:\t00000000a80425fb\n", 0xA80425FB),
}


@pytest.mark.parametrize(("status", "expected"), CAPABILITIES.values(), ids=CAPABILITIES.keys())
def test_capabilities(status: str, expected: int) -> None:
    assert machine.effective_capabilities(status) == expected


def test_capabilities_of_a_text_without_them() -> None:
    with pytest.raises(ValueError, match="CapEff"):
        machine.effective_capabilities("Name:\tx\n")


def test_root_in_a_container_without_privileges_is_not_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/status").write_text("CapEff:\t00000000a80425fb\n")
    monkeypatch.setattr(machine, "_PROC", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (root,) = machine.privileges()
    assert (root.ok, root.found) == (False, "root without CAP_NET_ADMIN, CAP_SYS_ADMIN")


PROCESSORS = {
    "x86 with": ("processor : 0\nflags\t\t: fpu vme aes avx\n", True),
    "x86 without": ("processor : 0\nflags\t\t: fpu vme avx\n", False),
    "arm with": ("processor : 0\nFeatures\t: fp asimd aes pmull\n", True),
    "part of a word": ("flags\t\t: vaes\n", False),
    "says nothing": ("processor : 0\n", False),
}


@pytest.mark.parametrize(("cpuinfo", "expected"), PROCESSORS.values(), ids=PROCESSORS.keys())
def test_aes_instructions(cpuinfo: str, expected: bool) -> None:
    assert machine.has_aes(cpuinfo) is expected


def test_a_missing_command_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "search_path", lambda: "/nonexistent")
    nft = {check.name: check for check in tools.commands()}["command nft"]
    assert (nft.ok, nft.required, nft.found) == (False, True, "not found")
    assert "nftables" in nft.remedy
    assert "./saglab doctor --install" in nft.remedy


@pytest.mark.usefixtures("ordinary_user")
def test_an_ordinary_user_is_told_one_thing() -> None:
    (root,) = require_for_running()
    assert (root.name, root.ok, root.required) == ("root", False, True)
    assert "sudo" in root.remedy


@pytest.mark.usefixtures("ordinary_user")
def test_without_root_no_feature_is_tried() -> None:
    assert {(check.ok, check.found) for check in kernel.features()} == {(False, "not tried: needs root")}


def _works() -> str:
    return "works"


def _cannot() -> str:
    raise CannotDo("it is not there")


def _blunder() -> str:
    raise RuntimeError("a blunder of the probe's")


def _devices() -> str:
    return Path("/proc/self/net/dev").read_text()


PROBES: dict[str, tuple[Callable[[], str], Outcome]] = {
    "works": (_works, Outcome(True, "works")),
    "cannot": (_cannot, Outcome(False, "it is not there")),
    "command works": (lambda: command(["true"]), Outcome(True, "works")),
    "command fails in silence": (lambda: command(["false"]), Outcome(False, "false ended with status 1")),
    "command complains": (
        lambda: command(["cat", "/nonexistent"]),
        Outcome(False, "cat: /nonexistent: No such file or directory"),
    ),
    "command is missing": (lambda: command(["no-such"]), Outcome(False, "not tried: the command no-such is missing")),
    "probe blunders": (_blunder, Outcome(False, "the probe ended with status 1")),
    "probe is killed": (lambda: str(os.kill(os.getpid(), 9)), Outcome(False, "the probe ended with status -9")),
    "alone in its network": (lambda: "".join(re.findall(r"^ *(\w+):", _devices(), re.M)), Outcome(True, "lo")),
}


@needs_root
@pytest.mark.parametrize(("probe", "outcome"), PROBES.values(), ids=PROBES.keys())
def test_outcome(probe: Callable[[], str], outcome: Outcome) -> None:
    assert try_isolated([probe]) == [outcome]


@needs_root
def test_a_slow_command_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_PATIENCE", 0.1)
    assert try_isolated([lambda: command(["sleep", "60"])]) == [Outcome(False, "sleep did not answer within 0 s")]


MISSING = {
    "no TUN": (kernel, "_TUN", "/dev/net/nothing", "TUN device", "/dev/net/nothing: No such file or directory", "modprobe tun"),
    "no nftables": (
        isolation,
        "search_path",
        lambda: "/nonexistent",
        "nftables, nat, ct",
        "not tried: the command nft is missing",
        "nf_tables",
    ),
}


@needs_root
@pytest.mark.parametrize(("where", "name", "value", "check", "found", "remedy"), MISSING.values(), ids=MISSING.keys())
def test_what_is_missing_has_a_remedy(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, value: object, check: str, found: str, remedy: str
) -> None:
    monkeypatch.setattr(where, name, value)
    answer = {one.name: one for one in require_for_running()}[check]
    assert (answer.ok, answer.required, answer.found) == (False, True, found)
    assert remedy in answer.remedy


@needs_root
def test_a_machine_that_runs_labs_has_what_is_required() -> None:
    required = require_for_running()
    assert [f"{check.name}: {check.found}" for check in required if not check.ok] == []
    assert {check.name for check in required} == {check.name for check in checks() if check.required}
    assert {"root", "TUN device", "nftables, nat, ct", "network namespaces", "command mnexec"} <= {c.name for c in required}


def traces() -> list[str]:
    """What a careless probe would leave on the host: links, rules, nftables, mounts."""
    listings = (["ip", "-o", "link"], ["ip", "rule"], ["nft", "list", "tables"], ["tc", "qdisc"], ["cat", "/proc/mounts"])
    return [subprocess.run(words, capture_output=True, text=True, check=True).stdout for words in listings]


@needs_root
def test_nothing_is_left_behind() -> None:
    before = traces()
    names = [check.name for check in checks()]
    assert traces() == before
    assert len(names) == len(set(names))
