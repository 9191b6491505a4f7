"""What is said of a question's fate, and hints that say a little more each time."""

from __future__ import annotations

import json

import pytest

from lab.cli import find_scenario
from lab.explanation import Question, Replay, explain_scenario
from lab.report.explanation import explanation_json
from lab.teaching.drill import QUESTIONS, Drill
from lab.teaching.faults import VCPE
from lab.teaching.judge import HINTS, Verdict, hints, sentence

STEP, TRAP = Drill(1, 7), Drill(3, 9)
LOST = Verdict("app → ecs, ping", False, "at aws, destination check of vcpe", "CODE", "because", ("aws.x()",))
GONE = Verdict("ecs → app, ping", False, problem="no machine 'ecs' runs")
UNTOLD = Verdict("app → ecs, ping with 1400 bytes", False, told=False)
WORKS = Verdict("app → ecs, tcp 443", True)

SAID = {
    "what is lost": (STEP, LOST, 1, "app → ecs, ping: no answer comes back"),
    "where": (STEP, LOST, 2, "app → ecs, ping: it dies at aws, destination check of vcpe"),
    "why": (STEP, LOST, 3, "app → ecs, ping: CODE: because"),
    "what to do": (STEP, LOST, 4, "app → ecs, ping: aws.x()"),
    "what does not run": (STEP, GONE, 1, "ecs → app, ping: no machine 'ecs' runs"),
    "where what does not run is": (STEP, GONE, 2, "ecs → app, ping: what does not run cannot answer: look at the machine"),
    "what no configuration shows": (TRAP, UNTOLD, 3, "so it is the network itself"),
    "what to do about that": (TRAP, UNTOLD, 4, "make the link good again: saglab impair app/aws --clear"),
    "what nobody knows": (STEP, UNTOLD, 4, "no call is known that mends it"),
}


@pytest.mark.parametrize(("drill", "verdict", "number", "said"), SAID.values(), ids=SAID.keys())
def test_a_hint(drill: Drill, verdict: Verdict, number: int, said: str) -> None:
    (told,) = hints(drill, [WORKS, verdict], number)
    assert said in told


def test_there_is_no_hint_where_all_works() -> None:
    assert [list(hints(STEP, [WORKS], number)) for number in range(1, HINTS + 1)] == [[]] * HINTS


def test_questions_read_as_a_user_asks_them() -> None:
    assert [sentence(question) for question in QUESTIONS[VCPE]] == [
        "app → ecs, ping",
        "ecs → app, ping",
        "app → ecs, tcp 443",
        "app → ecs, ping with 1400 bytes",
    ]


def explained(*skip: str) -> dict[str, object]:
    replay = Replay(find_scenario("vcpe-ping"), skip)
    told: dict[str, object] = json.loads(explanation_json(explain_scenario(replay, Question("app", "ecs"))))
    return told


def test_a_verdict_names_the_root_of_a_drop() -> None:
    verdict = Verdict.of(Question("app", "ecs"), explained("2.3.address"))
    assert (verdict.works, verdict.told) == (False, True)
    assert (verdict.where, verdict.code) == ("at aws, internet gateway", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS")


@pytest.mark.parametrize(("observed", "told"), [(True, True), (False, False), (None, True)])
def test_what_is_seen_counts(observed: bool | None, told: bool) -> None:
    verdict = Verdict.of(Question("app", "ecs"), explained(), observed=observed)
    assert (verdict.works, verdict.told) == (observed is not False, told)
