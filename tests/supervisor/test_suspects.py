"""Which impaired links may have lost a packet, and that this is no disagreement. The network is that of vcpe-ping."""

from __future__ import annotations

import pytest

from lab.cli import find_scenario
from lab.drops import Drop, Filter, Place
from lab.emulation.shell import short_names
from lab.explanation import Explanation, Question, Replay, explain_scenario
from lab.impairments import Order, parse_impairments
from lab.origin import Origin
from lab.supervisor.links import find_links, link_names
from lab.supervisor.observation import Observation, disagreements
from lab.supervisor.suspects import Suspect, suspects

LOST = Observation(arrived=False, answered=False, drops=())


@pytest.fixture(scope="module")
def explanation() -> Explanation:
    return explain_scenario(Replay(find_scenario("vcpe-ping")), Question("app", "ecs"))


def suspected(explanation: Explanation, **impaired: str) -> list[Suspect]:
    """With links impaired, each by its word with an underscore for the slash."""
    topology = explanation.topology
    names = short_names(topology)
    orders = {}
    for word, says in impaired.items():
        for found in find_links(topology, names, word.replace("_", "/")):
            orders[found.link] = Order(parse_impairments(says))
    return suspects(explanation.fate.exchange, orders, link_names(topology, names), patience=1.0)


CASES = {
    "nothing is impaired": ({}, []),
    "a link that loses": ({"app_aws": "loss 40%"}, ["aws/app: loss 40%"]),
    "a link that is down on the way back": ({"alibaba_ecs": "/ down"}, ["alibaba/ecs: / down"]),
    "the link of the datagrams": ({"wan": "down"}, ["aws/internet: down"]),
    "a slow link is waited for": ({"wan": "delay 200ms"}, []),
    "too slow a link is not": ({"wan": "delay 600ms"}, ["aws/internet: delay 600ms"]),
    "what doubles and reorders loses nothing": ({"app_aws": "duplicate 10% reorder 20%"}, []),
    "several": ({"app_aws": "down", "wan": "rate 1kbit"}, ["aws/app: down", "aws/internet: rate 1kbit"]),
}


@pytest.mark.parametrize(("impaired", "found"), CASES.values(), ids=CASES.keys())
def test_the_links_that_may_have_lost_a_packet(explanation: Explanation, impaired: dict[str, str], found: list[str]) -> None:
    assert sorted(f"{one.link}: {one.does}" for one in suspected(explanation, **impaired)) == sorted(found)


def test_a_link_that_the_packet_does_not_pass_is_not_suspected() -> None:
    dead = explain_scenario(Replay(find_scenario("vcpe-ping"), ("2.5",)), Question("app", "ecs"))
    assert suspected(dead, alibaba_ecs="down") == []


def test_what_an_impaired_link_may_have_lost_is_no_disagreement(explanation: Explanation) -> None:
    down = suspected(explanation, app_aws="down")
    assert len(disagreements(explanation, LOST)) == 2
    assert disagreements(explanation, LOST, down) == []


def test_a_drop_that_nobody_foretold_is_a_disagreement_all_the_same(explanation: Explanation) -> None:
    down = suspected(explanation, app_aws="down")
    unheard, restricted = (
        Observation(False, False, (Drop("i-0", Place(what, reason, Origin("sag-0", "alibaba.bind"), "tun0"), 1),))
        for what, reason in ((Filter.TUNNEL, "PEER_NOT_HEARD"), (Filter.INGRESS, "ENI_SG_RULES_MISMATCH"))
    )
    assert disagreements(explanation, unheard, down) == []
    assert len(disagreements(explanation, restricted, down)) == 1
