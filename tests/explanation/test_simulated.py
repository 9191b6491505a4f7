"""Scenarios run on the simulation: the same drops at the same places, without root and without Linux."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.cli import find_scenario, main
from lab.drops import Filter
from lab.listener import Listener
from lab.results import Dies, Outcome, Refused, RunResult, StepResult
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend

SCENARIO = find_scenario("vcpe-ping")
STEPS = [step for step in SCENARIO.steps if step.number != "4.4"]


def simulate(skip: list[str]) -> RunResult:
    return run_scenario(SCENARIO, skip=skip, backend=SimulationBackend(), listener=Listener())


@pytest.mark.requirement("S0-003", "S0-004", "S0-042", "S0-044", "S0-068", "S0-069")
def test_with_nothing_left_out_every_echo_is_answered() -> None:
    result = simulate([])
    assert result.passed
    assert [(ping.result.sent, ping.result.received, ping.result.rtt_ms) for ping in result.pings] == [(4, 4, None)] * 3
    assert result.drops == []


@pytest.mark.requirement("S0-037", "S0-039", "S0-040", "S0-041", "S0-044", "S0-051", "S0-054", "S0-060", "S0-063", "S0-067")
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.number)
def test_a_step_left_out_does_what_it_declares(step: StepResult) -> None:
    result = simulate([step.number])
    without = step.without
    died = {(ping.source, ping.destination, str(blame.drop.place.reason)) for ping in result.pings for blame in ping.drops}
    refused = {(other.number, refusal.code) for other in result.steps for refusal in other.refusals}
    assert died == {(e.source, e.destination, str(e.reason)) for e in without if isinstance(e, Dies)}
    assert refused == {(e.step, e.code) for e in without if isinstance(e, Refused)}
    assert all(blame.steps == (step.number,) for ping in result.pings for blame in ping.drops)  # type: ignore[attr-defined]
    assert all(blame.drop.packets == 4 for blame in result.drops)
    assert not result.stray


PLACES = {
    "2.5": ("ecs", "aws", Filter.SOURCE_CHECK, "vcpe"),
    "2.4.aws": ("app", "aws", Filter.INGRESS, "vcpe"),
    "3.1": ("app", "ccn-singapore", Filter.TUNNEL, ""),
    "3.2": ("app", "vcpe", Filter.ROUTE, ""),
    "2.3.address": ("app", "vcpe", Filter.TUNNEL, ""),
    "3.3.5": ("app", "alibaba", Filter.INGRESS, "ecs"),
}


@pytest.mark.parametrize("step", PLACES)
def test_a_drop_is_put_at_the_filter_that_did_it(step: str) -> None:
    source, node, kind, machine = PLACES[step]
    result = simulate([step])
    blame = next(blame for ping in result.pings if ping.source == source for blame in ping.drops)
    assert (blame.node_label, blame.drop.place.filter, blame.machine) == (node, kind, machine)
    assert blame.drop.place.where


def test_a_step_whose_input_is_missing_is_not_possible() -> None:
    outcomes = {step.number: step.outcome for step in simulate(["3.2"]).steps}
    assert outcomes["3.3"] is Outcome.NOT_POSSIBLE
    assert outcomes["4.2"] is Outcome.DONE


# The command line

ROOT = Path(__file__).parent.parent.parent
WITHOUT_LINUX = """
import sys
for name in {blocked}:
    sys.modules[name] = None
from lab.cli import main
{before}
sys.exit(main(sys.argv[1:]))
"""
# Once as root, so that every module is loaded: an interpreter in root's home is nobody's to read.
BECOME_NOBODY = """
import os
main(sys.argv[1:])
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
"""
BLOCKED = ["mininet", "pyroute2", "scapy", "lab.emulation", "dataplane.linux", "dataplane.__main__", "fcntl", "resource"]


def saglab(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a process in which whatever needs Linux cannot be imported."""
    script = WITHOUT_LINUX.format(blocked=BLOCKED, before=before)
    return subprocess.run([sys.executable, "-c", script, *arguments], cwd="/", capture_output=True, text=True, check=False)


def test_it_says_that_it_is_a_simulation() -> None:
    done = saglab("run", "vcpe-ping", "--simulate")
    assert done.returncode == 0, done.stderr
    assert "A simulation: packets are walked in memory, nothing is sent." in done.stdout.splitlines()[1]
    assert done.stdout.splitlines()[-1].startswith("passed in ")


def test_it_reports_like_any_run(tmp_path: Path) -> None:
    done = saglab("run", "vcpe-ping", "--simulate", "--skip", "2.5", "--json", "-", "--junit", str(tmp_path / "junit.xml"))
    assert done.returncode == 1
    assert [drop["step"] for drop in json.loads(done.stdout)["drops"]] == ["2.5", "2.5"]
    assert "step 2.5 is missing" in done.stderr
    assert "<failure" in (tmp_path / "junit.xml").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="whoever is not root cannot become somebody else")
@pytest.mark.usefixtures("nobody_may_read")
def test_it_needs_no_root() -> None:
    done = saglab("run", "vcpe-ping", "--simulate", before=BECOME_NOBODY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("passed in") == 2


USAGE = {
    "--keep": (["--keep"], "--keep leaves a network up"),
    "--pcap": (["--pcap", "captures"], "--pcap captures packets"),
    "--keylog": (["--keylog", "keys"], "--keylog writes keys"),
    "--cipher": (["--cipher", "aes-128-gcm"], "--cipher chooses how packets are encrypted"),
    "unknown step": (["--skip", "9"], "has no step '9'"),
}


@pytest.mark.parametrize(("arguments", "message"), USAGE.values(), ids=USAGE.keys())
def test_what_a_simulation_cannot_do_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "vcpe-ping", "--simulate", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
