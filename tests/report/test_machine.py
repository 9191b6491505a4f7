"""A run as JSON and as JUnit XML, from a result made by hand."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from xml.etree import ElementTree

import pytest

from lab.drops import Drop, Filter, Place
from lab.origin import Origin
from lab.reasons import Reason
from lab.report.machine import to_json, to_junit
from lab.results import (
    Blame,
    DiagnosisRecord,
    Finding,
    Outcome,
    PingRecord,
    PingResult,
    Refusal,
    RunResult,
    StatusRecord,
    StepResult,
)
from lab.status import StatusEnd

TITLE = 'Say "<&>" to 名前'
APP, ECS = IPv4Address("10.0.1.10"), IPv4Address("192.168.1.10")


def blame(*steps: str) -> Blame:
    reason = Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION
    place = Place(Filter.SOURCE_CHECK, reason, Origin("eni-1", "aws.run_instances", 3), "eni-1")
    return Blame(Drop("vpc-1", place, 4), "aws", "vcpe", steps)


@pytest.fixture
def failed() -> RunResult:
    refused = StepResult(
        "3.3", "Bind", outcome=Outcome.NOT_POSSIBLE, refusals=[Refusal("alibaba.create_cen", "InvalidId.CCN", "no")]
    )
    left_out = StepResult("2.5", TITLE, outcome=Outcome.LEFT_OUT)
    lost = PingRecord("4.4", "i-1", "app", "ecs", APP, ECS, 4, PingResult(4, 0, None), [blame("2.5")])
    answered = PingRecord("4.4", "i-2", "ecs", "app", ECS, APP, 4, PingResult(4, 4, 1.5))
    steps = [StepResult("1", "Buy", seconds=0.12345), left_out, refused, StepResult("4.4", "Ping", outcome=Outcome.FAILED)]
    return RunResult("vcpe-ping", "Title", steps, [lost, answered], [blame()], "", 2.5)


def test_json(failed: RunResult) -> None:
    said = json.loads(to_json(failed))
    assert (said["scenario"], said["passed"], said["left_out"]) == ("vcpe-ping", False, ["2.5"])
    assert [(step["step"], step["passed"], step["outcome"]) for step in said["steps"]] == [
        ("1", True, "done"),
        ("2.5", False, "left out"),
        ("3.3", False, "not possible"),
        ("4.4", False, "failed"),
    ]
    assert said["steps"][0]["seconds"] == 0.123
    assert said["steps"][1]["title"] == TITLE
    assert [refusal["code"] for refusal in said["steps"][2]["refusals"]] == ["InvalidId.CCN"]


def test_json_of_pings_and_drops(failed: RunResult) -> None:
    said = json.loads(to_json(failed))
    assert [(ping["source"], ping["sent"], ping["received"], ping["rtt_ms"]) for ping in said["pings"]] == [
        ("app", 4, 0, None),
        ("ecs", 4, 4, 1.5),
    ]
    stray, of_ping = said["drops"]
    assert (stray["ping"], stray["step"]) == (None, None)
    assert (of_ping["ping"], of_ping["step"]) == ("app → ecs", "2.5")
    wanted = {"node": "aws", "reason": "ENI_SOURCE_DEST_CHECK_RESTRICTION", "resource": "eni-1", "packets": 4}
    assert wanted.items() <= of_ping.items()


def test_junit(failed: RunResult) -> None:
    (suite,) = ElementTree.fromstring(to_junit(failed))  # noqa: S314 - our own
    counts = {name: int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 6, "failures": 3, "errors": 0, "skipped": 1}
    cases = {case.get("name"): case for case in suite}
    assert cases[f"2.5 {TITLE}"].find("skipped") is not None
    failure = cases["ping app → ecs"].find("failure")
    assert failure is not None
    assert failure.get("message") == "0 of 4 echoes answered, 4 expected"
    assert "ENI_SOURCE_DEST_CHECK_RESTRICTION" in (failure.text or "")
    assert "step 2.5 was left out" in (failure.text or "")


@pytest.fixture
def abnormal() -> RunResult:
    ends = StatusEnd("vcpe", "NO_ANSWER"), StatusEnd("ccn")
    records = [StatusRecord("3.2", "sag", "Normal", ends, "NO_ANSWER"), StatusRecord("", "other", "Normal", ends[1:])]
    return RunResult("mine", statuses=records)


def test_json_of_vpn_status(abnormal: RunResult) -> None:
    first, second = json.loads(to_json(abnormal))["statuses"]
    ends = [{"node": "vcpe", "status": "Abnormal", "reason": "NO_ANSWER"}, {"node": "ccn", "status": "Normal", "reason": None}]
    assert first == {
        "of": "VPN Status",
        "gateway": "sag",
        "step": "3.2",
        "status": "Abnormal",
        "expected": "Normal",
        "reason": "NO_ANSWER",
        "ends": ends,
    }
    assert (second["step"], second["status"], second["reason"], second["ends"]) == (None, "Normal", None, ends[1:])


def test_junit_of_vpn_status(abnormal: RunResult) -> None:
    (suite,) = ElementTree.fromstring(to_junit(abnormal))  # noqa: S314 - our own
    cases = {case.get("name"): case for case in suite}
    failure = cases["VPN Status of sag"].find("failure")
    assert failure is not None
    assert (failure.get("message"), failure.text) == (
        "Abnormal, Normal expected",
        "vcpe: NO_ANSWER: the other end does not answer",
    )
    assert cases["VPN Status of other"].find("failure") is None


DIAGNOSES = [
    DiagnosisRecord("8", "sag", ("routes",), True, (Finding("routes", "no route", "aws.create_route()"),)),
    DiagnosisRecord("9", "sag", ("routes",), True, (Finding("MTU", "a narrow link", ""),)),
    DiagnosisRecord("", "sag", ()),
]


def test_json_of_diagnoses() -> None:
    first, second, third = json.loads(to_json(RunResult("mine", diagnoses=DIAGNOSES)))["diagnoses"]
    found = [{"check": "routes", "finding": "no route", "advice": "aws.create_route()"}]
    assert first == {"gateway": "sag", "step": "8", "passed": True, "expected": ["routes"], "found": found}
    assert (second["passed"], third["passed"], third["step"]) == (False, False, None)


def test_junit_of_diagnoses() -> None:
    (suite,) = ElementTree.fromstring(to_junit(RunResult("mine", diagnoses=DIAGNOSES)))  # noqa: S314 - our own
    failures = {case.get("name"): case.find("failure") for case in suite}
    assert failures["diagnosis of sag in step 8"] is None
    second, third = failures["diagnosis of sag in step 9"], failures["diagnosis of sag"]
    assert second is not None
    assert (second.get("message"), second.text) == ("errors of routes expected", "MTU: a narrow link")
    assert third is not None
    assert third.get("message") == "errors of no check expected"


def test_junit_tells_what_ended_a_run_early() -> None:
    (suite,) = ElementTree.fromstring(to_junit(RunResult("mine", error="InvalidVpcID.NotFound: no such VPC")))  # noqa: S314
    (case,) = suite
    error = case.find("error")
    assert error is not None
    assert error.get("message") == "InvalidVpcID.NotFound: no such VPC"
    assert suite.get("errors") == "1"


def test_a_run_without_pings_has_not_passed() -> None:
    assert json.loads(to_json(RunResult("mine")))["passed"] is False
