"""Random clouds on both backends: the search finds nothing, counts what it saw, and would find something if there were any."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.agreement import pair
from lab.agreement.command import agree, missing, told
from lab.agreement.landmarks import LANDMARKS, NOT_BY_A_MACHINE, Landmark
from lab.agreement.search import Findings, search
from lab.agreement.worker import Worker
from lab.emulation import gates
from lab.emulation.ruleset import Ruleset, render
from lab.reasons import Reason
from lab.topology import Node

pytestmark = pytest.mark.emulation

STATES, PROBES = 20, 10
LONG_STATES = 300
SEED = 20


def test_every_code_has_a_landmark() -> None:
    assert {landmark.code for landmark in LANDMARKS} == set(Reason) - NOT_BY_A_MACHINE


@pytest.fixture(scope="module")
def findings() -> Findings:
    return agree(STATES, PROBES, SEED)


def test_random_states_agree(findings: Findings) -> None:
    assert not findings.failure, findings.failure
    assert findings.states == STATES + len(LANDMARKS)
    assert findings.probes == STATES * PROBES + len(LANDMARKS)


def test_every_reason_occurs(findings: Findings) -> None:
    assert missing(findings) == []
    assert findings.tally.delivered > STATES


@pytest.mark.parametrize("landmark", LANDMARKS, ids=lambda landmark: landmark.code)
def test_a_landmark_is_counted(findings: Findings, landmark: Landmark) -> None:
    assert f" {landmark.code}\n" in told(findings)


def test_what_does_not_repeat_is_told_and_is_a_failure() -> None:
    findings = Findings()
    findings.add(Findings(unrepeated=["a tunnel"]))
    assert "once, and never again: a tunnel" in told(findings)
    assert "showed once" in findings.failure


def find_a_mistake() -> str:
    """What the search says of a ruleset that lets no check drop anything."""

    def broken(node: Node) -> Ruleset:
        whole = render(node)
        lines = (line for line in whole.text.splitlines() if "ip saddr != {" not in line and "ip daddr != {" not in line)
        return Ruleset("\n".join(lines) + "\n", whole.counters)

    pair.SEEN_WITHIN, pair.READINGS = 0.1, 1  # in this process alone, which ends with the lab
    gates.render = broken  # type: ignore[attr-defined]
    return search(20, 4, 1).failure


@pytest.mark.long
def test_a_failure_is_made_small_and_told_as_a_script(tmp_path: Path) -> None:
    failure = Worker(find_a_mistake).result()
    assert "ENI_SOURCE_DEST_CHECK_RESTRICTION" in failure
    script = failure[failure.index("# Run as root") :]
    assert script.count("    Ask(") == 1
    assert script.count("\naws.") + script.count("\nalibaba.") <= 2
    path = tmp_path / "replay.py"
    path.write_text(script)
    done = subprocess.run([sys.executable, "-P", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr  # nothing is broken there
    assert "simulation: not delivered, ENI_SOURCE_DEST_CHECK_RESTRICTION" in done.stdout


@pytest.mark.long
def test_many_random_states_agree() -> None:
    found = agree(LONG_STATES, PROBES, SEED + 1)
    print(told(found))
    assert not found.failure, found.failure
    assert found.states >= LONG_STATES
    assert missing(found) == []
