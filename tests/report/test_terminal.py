"""What a person reads at the end of a run, and how markup in names comes out."""

from __future__ import annotations

from io import StringIO
from ipaddress import IPv4Address

import pytest
from rich.console import Console

from lab.drops import Drop, Filter, Place
from lab.origin import Origin
from lab.reasons import Reason
from lab.report.terminal import Progress, print_result
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

APP, ECS = IPv4Address("10.0.1.10"), IPv4Address("192.168.1.10")


def console() -> Console:
    return Console(file=StringIO(), width=160, highlight=False)


def said(to: Console) -> str:
    assert isinstance(to.file, StringIO)
    return to.file.getvalue()


def ping(received: int, *drops: Blame, problem: str = "") -> PingRecord:
    sent = 0 if problem else 4
    result = PingResult(sent, received, 1.25 if received else None)
    return PingRecord("4.4", "i-1", "[bold]app", "ecs", APP, ECS, 4, result, list(drops), problem)


def blame(reason: str, filter_: Filter, *steps: str) -> Blame:
    return Blame(Drop("vpc-1", Place(filter_, reason, Origin("eni-1", "aws.run_instances", 3), "eni-1"), 4), "aws", "vcpe", steps)


DROPS = {
    "of a gate": (blame(Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION, Filter.SOURCE_CHECK, "2.5"), "source check of vcpe"),
    "of a dataplane": (blame("OUTSIDE_SELECTOR", Filter.TUNNEL, "2.5"), "OUTSIDE_SELECTOR"),
}


@pytest.mark.parametrize(("drop", "words"), DROPS.values(), ids=DROPS.keys())
def test_a_drop_says_where_why_and_which_step_is_missing(drop: Blame, words: str) -> None:
    steps = [StepResult("2.5", "Disable the check", outcome=Outcome.LEFT_OUT), StepResult("4.4", "Ping", outcome=Outcome.FAILED)]
    to = console()
    print_result(to, RunResult("mine", "Mine", steps, [ping(0, drop)]))
    text = said(to)
    assert "app → ecs: 4 packets died at aws, " in text
    assert words in text
    assert "step 2.5 is missing: Disable the check" in text
    assert "failed in" in text


def test_a_run_that_passed() -> None:
    to = console()
    print_result(to, RunResult("mine", "Mine", [StepResult("1", "Buy")], [ping(4)], seconds=3.21))
    assert said(to).strip() == "passed in 3.2 s"


def test_a_name_with_markup_is_shown_as_it_was_typed() -> None:
    to = console()
    progress = Progress(to)
    step = StepResult("1", "Buy [red]this[/red]")
    progress.step_started(step)
    progress.ping_finished(ping(4))
    progress.step_finished(step)
    assert "Buy [red]this[/red]" in said(to)
    assert "[bold]app 10.0.1.10 → ecs 192.168.1.10  4 of 4 echoes  1.25 ms" in said(to)


def test_a_refusal_stands_below_its_step() -> None:
    to = console()
    progress = Progress(to)
    step = StepResult(
        "3.3", "Bind", outcome=Outcome.NOT_POSSIBLE, refusals=[Refusal("alibaba.create_cen", "InvalidId.CCN", "no CCN")]
    )
    progress.step_started(step)
    progress.step_finished(step)
    assert "not possible" in said(to)
    assert "InvalidId.CCN from alibaba.create_cen: no CCN" in said(to)


VPN = {
    "normal": ((StatusEnd("vcpe"), StatusEnd("ccn")), "", ["VPN Status of [sag]  Normal"]),
    "abnormal": (
        (StatusEnd("vcpe", "NO_ANSWER"), StatusEnd("ccn", "PEER_NOT_HEARD")),
        "NO_ANSWER",
        [
            "VPN Status of [sag]  Abnormal",
            "at vcpe: NO_ANSWER, the other end does not answer",
            "at ccn: PEER_NOT_HEARD, the other end has not been heard",
        ],
    ),
    "no tunnel": (
        (),
        "NO_TUNNEL",
        [
            "VPN Status of [sag]  Abnormal",
            "NO_TUNNEL, the gateway is attached to no CCN, or no machine runs as its device",
        ],
    ),
}


@pytest.mark.requirement("S0-050")
@pytest.mark.parametrize(("ends", "reason", "lines"), VPN.values(), ids=VPN.keys())
def test_a_vpn_status_says_why_it_is_abnormal_at_each_end(ends: tuple[StatusEnd, ...], reason: str, lines: list[str]) -> None:
    to = console()
    Progress(to).status_finished(StatusRecord("3.2", "[sag]", "Normal", ends, reason))
    assert [line.strip() for line in said(to).splitlines()] == lines


def test_a_ping_that_could_not_be_sent_says_why() -> None:
    to = console()
    Progress(to).ping_finished(ping(0, problem="i-1 does not run"))
    assert "no ping: i-1 does not run" in said(to)


FOUND = Finding("routes", "app → ecs dies", "aws.create_route()")
DIAGNOSES = {
    "as expected": (("routes",), (FOUND,), ["diagnosis of [sag]  routes: app → ecs dies", "advice: aws.create_route()"]),
    "nothing": ((), (), ["diagnosis of [sag]  nothing is wrong"]),
    "something else": (
        ("MTU",),
        (FOUND,),
        [
            "diagnosis of [sag]  routes: app → ecs dies",
            "advice: aws.create_route()",
            "diagnosis of [sag]  no error of the check MTU",
        ],
    ),
}


@pytest.mark.parametrize(("expected", "found", "lines"), DIAGNOSES.values(), ids=DIAGNOSES.keys())
def test_a_diagnosis_tells_findings_and_advice(expected: tuple[str, ...], found: tuple[Finding, ...], lines: list[str]) -> None:
    to = console()
    Progress(to).diagnosis_finished(DiagnosisRecord("1", "[sag]", expected, True, found))
    assert [line.strip() for line in said(to).splitlines()] == lines


def test_a_diagnosis_that_nobody_made_says_so() -> None:
    to = console()
    Progress(to).diagnosis_finished(DiagnosisRecord("1", "sag", ()))
    assert "not asked: nothing runs" in said(to)
