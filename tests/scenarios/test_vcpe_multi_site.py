"""Who reaches whom among eight sites: as configured, and the same in the simulation as with real packets."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lab.session import Lab
from tests.supervisor.command import saglab, saglab_process

TABLES = {"2": 8, "4": 24, "6": 51}  # pairs that reach each other, by step


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("simulated") / "run.json"
    saglab("run", "vcpe-multi-site", "--simulate", "--json", str(file))
    return dict(json.loads(file.read_text()))


def drops(run: dict[str, Any]) -> Counter[tuple[str, str]]:
    """Packets that died, by node and reason."""
    died: Counter[tuple[str, str]] = Counter()
    for drop in run["drops"]:
        died[drop["node"], drop["reason"]] += drop["packets"]
    return died


def test_each_table_is_as_configured(simulated: dict[str, Any]) -> None:
    assert simulated["passed"]
    assert {reach["step"]: sum(map(len, reach["answered"].values())) for reach in simulated["reaches"]} == TABLES
    assert all(reach["answered"] == reach["expected"] for reach in simulated["reaches"])


def test_each_pair_that_does_not_is_dropped_for_a_reason(simulated: dict[str, Any]) -> None:
    pairs = len(TABLES) * 8 * 7
    assert drops(simulated).total() == pairs - sum(TABLES.values())
    assert {reason for _, reason in drops(simulated)} == {
        "NO_ROUTE_TO_DESTINATION",
        "CEN_NO_BANDWIDTH_PLAN",
        "ECS_SG_RULES_MISMATCH",
    }


@pytest.mark.emulation
@pytest.mark.requirement("S0-002", "S0-003", "S0-052", "S0-061")
def test_real_packets_fare_as_the_simulation_says(simulated: dict[str, Any], tmp_path: Path) -> None:
    said = saglab_process("run", "vcpe-multi-site", "--json", str(tmp_path / "run.json"))
    assert "51 of 56 pairs, as expected" in said
    emulated = json.loads((tmp_path / "run.json").read_text())
    assert emulated["reaches"] == simulated["reaches"]
    assert drops(emulated) == drops(simulated)


def test_hosts_that_do_not_run_are_told_of() -> None:
    lab = Lab()
    vpc = lab.aws.create_vpc("10.0.0.0/16")
    subnet = lab.aws.create_subnet(vpc.id, "10.0.1.0/24")
    image = lab.aws.describe_images(name="al2023-*")[0]
    one, other = (lab.aws.run_instances(image.id, subnet.id, name=name) for name in ("one", "other"))
    lab.aws.stop_instances(other.id)
    lab.expect_reach([one, other], {(one.id, other.id)})
    (record,) = lab.result.reaches
    assert (record.machines, record.expected, record.passed) == (("one", other.id), ((0, 1),), False)
    assert record.problem == f"{other.id} does not run"
