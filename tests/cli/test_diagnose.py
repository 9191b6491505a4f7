"""`saglab diagnose` of a scenario's end, on the command line."""

from __future__ import annotations

import pytest

from tests.supervisor.command import saglab, saglab_json

CASES = {
    "nothing": (["vcpe-singapore"], 0, ["✓ CCN binding", "VPN Status is Normal at both ends", "nothing is wrong"]),
    "the only gateway": ([], 0, ["nothing is wrong"]),
    "a step left out": (
        ["--skip", "2.5"],
        1,
        ["✗ source/destination check app → ecs dies", "→ aws.modify_network_interface_attribute(", "1 error, 0 warnings"],
    ),
    "what cannot be checked": (["--skip", "2.3.address"], 1, ["✗ tunnel", "- MTU", "the tunnel is not open"]),
    "an unknown gateway": (["vcpe-tokyo"], 2, ["no gateway is called 'vcpe-tokyo'; there are: sag-", "(vcpe-singapore)"]),
    "no gateway": (["--skip", "1"], 2, ["say which gateway is meant; there are: none"]),
    "an unknown step": (["--skip", "9"], 2, ["has no step '9'"]),
}


@pytest.mark.parametrize(("arguments", "status", "words"), CASES.values(), ids=CASES.keys())
def test_status_and_words(arguments: list[str], status: int, words: list[str]) -> None:
    said = saglab("diagnose", *arguments, "--scenario", "vcpe-ping", status=status)
    assert [word for word in words if word not in said] == [], said


def test_a_step_is_left_out_of_a_scenario_only() -> None:
    assert "--skip goes with --scenario" in saglab("diagnose", "--skip", "2.5", status=2)


def test_json() -> None:
    said = saglab_json("diagnose", "--scenario", "vcpe-ping", "--skip", "3.3.5", status=1)
    assert (said["passed"], said["smart_ag_id"][:4]) == (False, "sag-")
    (error,) = [item for item in said["items"] if item["level"] == "error"]
    assert error["check"] == "security groups"
    assert "ECS_SG_RULES_MISMATCH" in error["finding"]
    assert error["advice"].startswith("alibaba.authorize_security_group(")
