"""The plugin as a project meets it: pytest runs in pytest, on networks in memory; one test builds one of real packets."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

import pytest

from lab.errors import MachineError
from lab.testing.emulated import Labs
from lab.testing.network import Network
from tests.supervisor.command import saglab

EXAMPLE = Path(__file__).parents[2] / "examples" / "connectivity"

# Installed, pytest finds it by its entry point; from a checkout that was installed before it was there, it is named.
INSTALLED = any(point.name == "saglab" for point in entry_points(group="pytest11"))
LOAD = () if INSTALLED else ("-p", "lab.testing.plugin")

PASSES = """
import pytest

@pytest.mark.saglab("vcpe-ping")
def test_it(assert_reaches, assert_unreachable):
    assert_reaches("app", "ecs")
    assert_reaches("app", "ecs", tcp=443)
    assert_unreachable("app", "203.0.113.99", udp=53, reason="NO_ROUTE_TO_DESTINATION")
"""


@dataclass(frozen=True)
class Project:
    """A directory with tests, which pytest runs in a process of its own."""

    path: Path

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(dedent(text), encoding="utf-8")

    def run(self, *options: str) -> Outcome:
        line = [sys.executable, "-m", "pytest", *LOAD, "-p", "no:cacheprovider", *options]
        done = subprocess.run(line, cwd=self.path, capture_output=True, text=True, check=False)
        return Outcome(done.stdout + done.stderr)

    def run_text(self, text: str, *options: str) -> Outcome:
        self.write("test_it.py", text)
        return self.run(*options)


@dataclass(frozen=True)
class Outcome:
    output: str

    @property
    def counts(self) -> dict[str, int]:
        """From pytest's last line, how many tests passed, failed and so on."""
        last = self.output.rstrip().splitlines()[-1]
        return {what: int(number) for number, what in re.findall(r"(\d+) (passed|failed|skipped|errors?)", last)}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = Project(tmp_path)
    found.write("pytest.ini", "[pytest]\n")
    return found


def test_the_helpers(project: Project) -> None:
    assert project.run_text(PASSES).counts == {"passed": 1}


# What a test says, the step that is left out, and what the failure has to say.
FAILURES = {
    "where, why and what to do": (
        'simulate.assert_reaches("app", "ecs")',
        "2.5",
        [
            "app → ecs by icmp does not reach: ENI_SOURCE_DEST_CHECK_RESTRICTION",
            "✗ the packet dies at aws, destination check of vcpe",
            "aws.modify_network_interface_attribute(",
        ],
    ),
    "reaches, and is not to": (
        'simulate.assert_unreachable("app", "ecs", tcp=443)',
        "",
        ["app → ecs by tcp 443 reaches, and is not to", "inbound of ecs: allows all from 10.0.0.0/16 (step 3.3.5)"],
    ),
    "another reason": (
        'simulate.assert_unreachable("app", "ecs", reason="SUBNET_ACL_RESTRICTION")',
        "3.3.5",
        ["app → ecs by icmp dies of ECS_SG_RULES_MISMATCH, not of SUBNET_ACL_RESTRICTION"],
    ),
    "an unknown machine": ('simulate.assert_reaches("app", "nobody")', "", ["no machine 'nobody' runs; there are: app,"]),
    "an unknown step": ("pass", "9", ["vcpe-ping has no step '9'"]),
    "two protocols": ('simulate.assert_reaches("app", "ecs", tcp=1, udp=1)', "", ["give tcp or udp, not both"]),
}


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """For each case, what pytest's JUnit file says of its failure. All of them fail in one run."""
    directory = tmp_path_factory.mktemp("failures")
    tests = ["import pytest\n"]
    for number, (body, skip, _) in enumerate(FAILURES.values()):
        marker = f'@pytest.mark.saglab("vcpe-ping", skip={[skip] if skip else []})'
        tests.append(f"\n{marker}\ndef test_{number}(simulate):\n    {body}\n")
    done = Project(directory)
    done.write("pytest.ini", "[pytest]\n")
    outcome = done.run_text("".join(tests), "--junitxml=junit.xml")
    assert sum(outcome.counts.values()) == len(FAILURES), outcome.output
    assert "passed" not in outcome.counts
    cases = list(ElementTree.parse(directory / "junit.xml").iter("testcase"))  # noqa: S314 - our own
    return dict(zip(FAILURES, ("".join(case[0].get("message", "") + (case[0].text or "")) for case in cases), strict=True))


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_explains_itself(case: str, failures: Mapping[str, str]) -> None:
    *_, said = FAILURES[case]
    assert [words for words in said if words not in failures[case]] == [], failures[case]
    assert "lab/testing/network.py" not in failures[case]  # the traceback ends at the test


def test_each_test_has_a_network_of_its_own(project: Project) -> None:
    text = """
        import pytest
        pytestmark = pytest.mark.saglab("vcpe-ping")

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(simulate, number):
            simulate.assert_reaches("app", "ecs")
            (vcpe,) = [each for each in simulate.aws.describe_instances() if each.name == "vcpe"]
            simulate.aws.modify_network_interface_attribute(vcpe.network_interface_ids[0], source_dest_check=True)
            simulate.assert_unreachable("app", "ecs", reason="ENI_SOURCE_DEST_CHECK_RESTRICTION")
    """
    assert project.run_text(text).counts == {"passed": 2}


def test_the_nearest_marker_counts_and_the_ini_file_where_there_is_none(project: Project) -> None:
    project.write("pytest.ini", "[pytest]\nsaglab_network = vcpe-ens\n")
    text = """
        import pytest

        def test_the_ini_file(simulate):
            assert simulate.cloud.alibaba.describe_ens_instances()

        @pytest.mark.saglab("vcpe-ping")
        class TestMarked:
            def test_the_class(self, simulate):
                assert not simulate.cloud.alibaba.describe_ens_instances()
                simulate.assert_reaches("app", "ecs")

            @pytest.mark.saglab("vcpe-ping", skip=["3.1"])
            def test_the_function(self, simulate):
                simulate.assert_unreachable("app", "ecs", reason="OUTSIDE_SELECTOR")
    """
    assert project.run_text(text).counts == {"passed": 3}


def test_a_lab_file_is_a_network_and_a_failure_names_its_line(project: Project) -> None:
    saglab("init", str(project.path / "lab.yaml"))
    project.write("pytest.ini", "[pytest]\nsaglab_network = lab.yaml\n")
    result = project.run_text("def test_it(simulate):\n    simulate.assert_unreachable('app', 'ecs', tcp=443)\n")
    assert result.counts == {"failed": 1}
    assert re.search(r"allows all from 10\.0\.0\.0/16 \(lab\.yaml:\d+\)", result.output)


def test_without_a_network_it_says_how_to_name_one(project: Project) -> None:
    result = project.run_text("def test_it(simulate):\n    pass\n")
    assert result.counts == {"error": 1}
    assert "no network is named: mark the test with @pytest.mark.saglab" in result.output


@pytest.mark.emulation
def test_real_packets(project: Project) -> None:
    """The same tests, on a network that is gone afterwards."""
    text = PASSES + """

@pytest.mark.saglab(emulate=True)
@pytest.mark.saglab("vcpe-ping")
def test_on_the_same_network(network, lab, assert_reaches):
    assert network is lab
    assert_reaches("ecs", "app")
    assert lab.connection.status().nodes
"""
    assert project.run_text(text, "--saglab-emulate").counts == {"passed": 2}


def test_without_root_a_network_of_real_packets_is_skipped(project: Project) -> None:
    project.write("conftest.py", "import os\nos.geteuid = lambda: 1000\n")
    assert project.run_text(PASSES, "--saglab-emulate").counts == {"skipped": 1}


def test_what_does_not_come_up_says_why(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="the network of vcpe-nowhere did not come up"):
        Labs(tmp_path).get("vcpe-nowhere", ())


def test_nothing_is_imported_until_a_test_asks_and_never_the_emulation(project: Project) -> None:
    text = """
        import sys
        import pytest

        def loaded(*names):
            return sorted(module for module in sys.modules if module.startswith(names))

        def test_that_asks_for_nothing():
            assert [name for name in loaded("lab.") if not name.startswith("lab.testing")] == []

        @pytest.mark.saglab("vcpe-ping")
        def test_that_asks_a_simulation(simulate):
            simulate.assert_reaches("app", "ecs")
            assert loaded("lab.simulation")
            assert loaded("lab.emulation", "mininet", "dataplane.linux", "scapy") == []
    """
    assert project.run_text(text).counts == {"passed": 2}


# --- the example ------------------------------------------------------------------------------------------------------


@pytest.fixture
def example(tmp_path: Path) -> Project:
    """A copy of examples/connectivity."""
    shutil.copytree(EXAMPLE, tmp_path / "connectivity")
    return Project(tmp_path / "connectivity")


def test_the_example_passes_in_parallel(example: Project) -> None:
    assert example.run("-n", "2").counts == {"passed": 12}


def test_the_example_fails_helpfully_when_a_rule_is_removed(example: Project) -> None:
    network = example.path / "network.py"
    rule = r" +lab\.aws\.authorize_security_group_ingress\(\s+app_group\.id, .*?\n        \)\n"
    text, removed = re.subn(rule, "", network.read_text(), flags=re.DOTALL)
    assert removed == 1
    network.write_text(text)
    result = example.run()
    assert result.counts == {"passed": 11, "failed": 1}
    output = result.output
    assert "web → app by tcp 8080 does not reach: ENI_SG_RULES_MISMATCH" in output
    assert "no rule allows tcp 8080 from 10.20.1.10 to 10.20.1.20" in output
    assert "from_port=8080" in output


def test_a_question_without_a_network_cannot_be_asked() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Network()  # type: ignore[abstract]
