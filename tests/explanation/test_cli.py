"""`saglab explain` on the command line."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

from lab.cli import main

NOBODY = 65534
CPU_SECONDS = 1.5  # of a whole command, the interpreter's start included; it takes a third of that


COMMAND = "import sys; from lab.cli import main; sys.exit(main(sys.argv[1:]))"
# Everything is loaded first: an interpreter in root's home is nobody's to read.
AS_NOBODY = f"""
import os, sys
import lab.doctor, lab.explanation, lab.report.explanation, lab.supervisor.observe, scenarios.vcpe_ping
from lab.cli import main
os.setuid({NOBODY})
sys.exit(main(sys.argv[1:]))
"""


def saglab(*arguments: str, script: str = COMMAND) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


STATUS = {
    "reaches": (["app", "ecs"], 0, "✓ reaches, and the answer comes back"),
    "does not": (["app", "ecs", "--skip", "2.5"], 1, "ENI_SOURCE_DEST_CHECK_RESTRICTION"),
    "the answer does not": (["ecs", "vcpe", "--skip", "3.1"], 1, "NO_ROUTE_TO_DESTINATION"),
    "tcp": (["app", "ecs", "--protocol", "tcp", "--port", "443"], 0, "tcp 10.0.1.10:49152 → 192.168.1.10:443"),
    "udp": (["ecs", "app", "--protocol", "udp", "--port", "53"], 0, "udp 192.168.1.10:49152 → 10.0.1.10:53"),
    "an address": (["app", "192.168.1.77"], 1, "NO_POSSIBLE_DESTINATION"),
    "too big": (["app", "ecs", "--size", "1500", "--df"], 1, "FRAGMENTATION_NEEDED"),
    "big": (["app", "ecs", "--size", "3000"], 0, "fragmented to fit 1500 bytes"),
    "too old": (["app", "ecs", "--ttl", "2"], 1, "TTL_EXCEEDED"),
    "unknown machine": (["app", "nobody"], 2, "no machine 'nobody' runs; there are: app, ecs, vcpe"),
    "unknown step": (["app", "ecs", "--skip", "9"], 2, "has no step '9'"),
    "itself": (["app", "10.0.1.10"], 2, "the same address"),
    "tcp without a port": (["app", "ecs", "--protocol", "tcp"], 2, "they need one"),
    "icmp with a port": (["app", "ecs", "--port", "80"], 2, "ICMP has no ports"),
    "no such packet": (["app", "ecs", "--ttl", "0"], 2, "ttl 0 lies outside 1 to 255"),
    "a port that is none": (["app", "ecs", "--protocol", "udp", "--port", "70000"], 2, "destination_port 70000"),
}


@pytest.mark.parametrize(("arguments", "status", "says"), STATUS.values(), ids=STATUS.keys())
def test_status_and_words(arguments: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "vcpe-ping", *arguments]) == status
    out, err = capsys.readouterr()
    assert says in (err if status == 2 else out)
    if status == 2:
        assert len(err.splitlines()) == 1
        assert out == ""


def test_unknown_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "nothing", "app", "ecs"]) == 2
    assert "no scenario 'nothing'" in capsys.readouterr().err


def test_json() -> None:
    done = saglab("explain", "vcpe-ping", "ecs", "app", "--skip", "2.5", "--skip", "4.3", "--json")
    assert done.returncode == 1
    value = json.loads(done.stdout)
    assert [fix["step"] for fix in value["fixes"]] == ["2.5", "4.3"]
    assert value["left_out"] == ["2.5", "4.3"]
    assert value["observed"] is None


def test_it_is_quick() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert saglab("explain", "vcpe-ping", "app", "ecs", "--skip", "2.5").returncode == 1
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < CPU_SECONDS


EMULATED = {
    "answered": (["app", "ecs"], 0),
    "tcp dropped at a group": (["app", "ecs", "--protocol", "tcp", "--port", "443", "--skip", "3.3.5"], 1),
    "too big": (["app", "ecs", "--size", "1500", "--df"], 1),
    "a tunnel that does not open": (["app", "ecs", "--skip", "2.3.address"], 1),
}


@pytest.mark.emulation
@pytest.mark.parametrize(("arguments", "status"), EMULATED.values(), ids=EMULATED.keys())
def test_predicted_and_observed_agree(arguments: list[str], status: int) -> None:
    done = saglab("explain", "vcpe-ping", *arguments, "--emulate", "--json")
    assert done.returncode == status, done.stdout + done.stderr
    value = json.loads(done.stdout)
    observed = value["observed"]
    assert observed["disagreements"] == []
    assert observed["answered"] is (status == 0)
    counted = {drop["reason"] for drop in observed["drops"]}
    assert value["drop"] is None or value["drop"]["code"] in counted or value["drop"]["filter"] == "the kernel"


@pytest.mark.emulation
@pytest.mark.usefixtures("nobody_may_read")
def test_emulation_needs_root() -> None:
    done = saglab("explain", "vcpe-ping", "app", "ecs", "--emulate", script=AS_NOBODY)
    assert done.returncode == 2
    assert "a lab cannot run here" in done.stderr
