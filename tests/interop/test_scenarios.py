"""vcpe-ping with strongSwan at one end: leaving a step out does what vcpe-ping declares, packet by packet and word by word."""

from __future__ import annotations

from functools import partial

import pytest

from lab.results import Abnormal, Dies, Refused
from lab.scenario import Scenario
from scenarios import ccn_strongswan, vcpe_strongswan
from tests.emulation.lab_process import LabProcess, all_results
from tests.emulation.test_omissions import ECHOES, OF_THE_TUNNEL_ITSELF, Observed, blames, observe
from tests.interop.test_tunnel_life import OVERTAKING

pytestmark = [pytest.mark.emulation, pytest.mark.judge("strongSwan")]

SCENARIOS = {"vcpe-strongswan": Scenario.of(vcpe_strongswan), "ccn-strongswan": Scenario.of(ccn_strongswan)}

# What strongSwan itself drops: for a peer that does not answer, and for what lies behind no peer or comes from nowhere known.
ITS_OWN = ("2.3.address", "3.1")
# 4.4 is the ping itself.
OTHERS = [step.number for step in SCENARIOS["vcpe-strongswan"].steps if step.number not in (*ITS_OWN, "4.4")]

Run = tuple[str, str]  # a scenario, and a step left out or ""


def _observe_all(steps: list[str]) -> dict[Run, Observed]:
    runs = [(name, step) for name in SCENARIOS for step in steps]
    return all_results(
        {(name, step): partial(observe, (step,) if step else (), SCENARIOS[name]) for name, step in runs}, LabProcess
    )


@pytest.fixture(scope="module")
def observed() -> dict[Run, Observed]:
    return _observe_all(["", *ITS_OWN])


@pytest.mark.parametrize("name", SCENARIOS)
def test_everything_arrives_and_nothing_drops(observed: dict[Run, Observed], name: str) -> None:
    run = observed[name, ""].run
    assert [(ping.result.sent, ping.result.received) for ping in run.pings] == [(4, 4)] * 3
    assert [[end.status for end in record.ends] for record in run.statuses] == [["Normal", "Normal"]] * 2
    assert [blame.drop for blame in run.drops if blame.drop.place.reason != OVERTAKING] == []
    assert run.passed


@pytest.mark.parametrize("step", ITS_OWN)
@pytest.mark.parametrize("name", SCENARIOS)
def test_what_strongswan_drops(observed: dict[Run, Observed], name: str, step: str) -> None:
    assert_declared(observed[name, step], name, step)


@pytest.mark.long
def test_every_other_step_too() -> None:
    for (name, step), one in _observe_all(OTHERS).items():
        assert_declared(one, name, step)


def assert_declared(one: Observed, name: str, step: str) -> None:
    (declared,) = [each.without for each in SCENARIOS[name].steps if each.number == step]
    around = {OVERTAKING, *OF_THE_TUNNEL_ITSELF.get((step,), set())}
    counted = [(source, destination, blame.drop) for source, destination, blame in blames(one)]
    dies = {Dies(source, destination, drop.place.reason): drop.packets for source, destination, drop in counted}
    assert {effect: packets for effect, packets in dies.items() if effect.reason not in around} == {
        effect: ECHOES for effect in declared if isinstance(effect, Dies)
    }, (name, step)
    abnormal = {Abnormal(record.gateway, record.reason, record.kind) for record in one.run.statuses if not record.passed}
    assert abnormal == {effect for effect in declared if isinstance(effect, Abnormal)}, (name, step)
    refused = {Refused(later.number, refusal.code) for later in one.run.steps for refusal in later.refusals}
    assert refused == {effect for effect in declared if isinstance(effect, Refused)}, (name, step)
