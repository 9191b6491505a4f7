"""The plugin as a project meets it: pytest runs in pytest, on networks in memory; one test builds one of real packets."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.errors import MachineError
from lab.testing.emulated import Labs
from lab.testing.network import Network

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


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """An empty project. Its tests run in this process, and their output has no colour."""
    pytester.makeini("[pytest]\n")
    return pytester


def run(project: pytest.Pytester, text: str, *options: str) -> pytest.RunResult:
    project.makepyfile(text)
    return project.runpytest(*LOAD, *options)


def test_the_helpers(project: pytest.Pytester) -> None:
    run(project, PASSES).assert_outcomes(passed=1)


def failing(body: str, *, skip: str = "") -> str:
    marker = f'@pytest.mark.saglab("vcpe-ping"{f", skip=[{skip!r}]" if skip else ""})'
    return f"import pytest\n\n{marker}\ndef test_it(simulate):\n    {body}\n"


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


@pytest.mark.parametrize(("body", "skip", "said"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_explains_itself(body: str, skip: str, said: list[str], project: pytest.Pytester) -> None:
    result = run(project, failing(body, skip=skip))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    output = result.stdout.str()
    assert [words for words in said if words not in output] == [], output
    assert "lab/testing/network.py" not in output  # the traceback ends at the test


def test_junit_has_the_explanation(project: pytest.Pytester) -> None:
    run(project, failing('simulate.assert_reaches("app", "ecs")', skip="2.5"), "--junitxml=junit.xml")
    (failure,) = ElementTree.parse(project.path / "junit.xml").iter("failure")  # noqa: S314 - our own
    assert "ENI_SOURCE_DEST_CHECK_RESTRICTION" in failure.get("message", "")
    assert "to fix it" in (failure.text or "")


def test_each_test_has_a_network_of_its_own(project: pytest.Pytester) -> None:
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
    run(project, text).assert_outcomes(passed=2)


def test_the_nearest_marker_counts_and_the_ini_file_where_there_is_none(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nsaglab_network = vcpe-ens\n")
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
    run(project, text).assert_outcomes(passed=3)


def test_without_a_network_it_says_how_to_name_one(project: pytest.Pytester) -> None:
    result = run(project, "def test_it(simulate):\n    pass\n")
    result.assert_outcomes(errors=1)
    assert "no network is named: mark the test with @pytest.mark.saglab" in result.stdout.str()


@pytest.mark.emulation
def test_real_packets(project: pytest.Pytester) -> None:
    """The same tests, on a network that is gone afterwards."""
    text = PASSES + """

@pytest.mark.saglab(emulate=True)
@pytest.mark.saglab("vcpe-ping")
def test_on_the_same_network(network, lab, assert_reaches):
    assert network is lab
    assert_reaches("ecs", "app")
    assert lab.connection.status().nodes
"""
    run(project, text, "--saglab-emulate").assert_outcomes(passed=2)


def test_without_root_a_network_of_real_packets_is_skipped(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    run(project, PASSES, "--saglab-emulate").assert_outcomes(skipped=1)


def test_what_does_not_come_up_says_why(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="the network of vcpe-nowhere did not come up"):
        Labs(tmp_path).get("vcpe-nowhere", ())


def test_nothing_is_imported_until_a_test_asks_and_never_the_emulation(project: pytest.Pytester) -> None:
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
    project.makepyfile(text)
    project.runpytest_subprocess(*LOAD, "-p", "no:cacheprovider").assert_outcomes(passed=2)


# --- the example ------------------------------------------------------------------------------------------------------


@pytest.fixture
def example(pytester: pytest.Pytester) -> pytest.Pytester:
    """A copy of examples/connectivity."""
    for file in EXAMPLE.iterdir():
        if file.is_file():
            (pytester.path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    return pytester


def test_the_example_passes_in_parallel(example: pytest.Pytester) -> None:
    example.runpytest_subprocess(*LOAD, "-n", "2").assert_outcomes(passed=12)


def test_the_example_fails_helpfully_when_a_rule_is_removed(example: pytest.Pytester) -> None:
    network = example.path / "network.py"
    rule = r" +lab\.aws\.authorize_security_group_ingress\(\s+app_group\.id, .*?\n        \)\n"
    text, removed = re.subn(rule, "", network.read_text(), flags=re.DOTALL)
    assert removed == 1
    network.write_text(text)
    result = example.runpytest(*LOAD)
    result.assert_outcomes(passed=11, failed=1)
    output = result.stdout.str()
    assert "web → app by tcp 8080 does not reach: ENI_SG_RULES_MISMATCH" in output
    assert "no rule allows tcp 8080 from 10.20.1.10 to 10.20.1.20" in output
    assert "from_port=8080" in output


def test_a_question_without_a_network_cannot_be_asked() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Network()  # type: ignore[abstract]
