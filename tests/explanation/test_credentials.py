"""A gateway whose machine was given a wrong serial number or key: what is said of it, and the step that mends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType

import pytest

from lab import Lab
from lab.explanation import Explanation, Question, Replay, explain, explain_scenario
from lab.scenario import Scenario

pytestmark = pytest.mark.requirement("S0-035", "S0-037")

REGION = "ap-southeast-1"

Mistake = Callable[[dict[str, str]], dict[str, str]]


def scenario(mistake: Mistake) -> Scenario:
    """A gateway on an edge node that joins host 10.0.0.10 to ecs 192.168.1.10. Without step 2 its user data is mistaken."""

    def run(lab: Lab) -> None:
        alibaba = lab.alibaba
        vpc = alibaba.create_vpc("192.168.0.0/16", region_id=REGION)
        group = alibaba.create_security_group(vpc.id)
        alibaba.authorize_security_group(group.id, source_cidr_ip="10.0.0.0/16")
        switch = alibaba.create_vswitch(vpc.id, "192.168.1.0/24")
        alibaba.run_instances(switch.id, group.id, private_ip_address="192.168.1.10", instance_name="ecs")
        network = alibaba.create_ens_network("10.0.0.0/16")
        alibaba.run_ens_instances(
            network_id=network.id, private_ip_address="10.0.0.10", public_ip_identification=False, instance_name="host"
        )
        sag = alibaba.create_smart_access_gateway(region_id=REGION).gateways[0]
        alibaba.activate_smart_access_gateway(sag.id)
        alibaba.modify_smart_access_gateway(sag.id, routing_strategy="static", cidr_block="10.0.0.0/16")
        ccn = alibaba.create_cloud_connect_network(region_id=REGION)
        alibaba.bind_smart_access_gateway(ccn.id, sag.id)
        cen = alibaba.create_cen(ccn_id=ccn.id)
        alibaba.attach_cen_child_instance(cen.id, vpc.id, "VPC", REGION)
        pair = {"sn": sag.active_device.serial_number, "key": sag.active_device.secret_key}
        with lab.step("2", "Provide the serial number and key"):
            user_data = lab.choose(json.dumps(pair), otherwise=json.dumps(mistake(pair)))
        with lab.step("3", "Launch the gateway"):
            vcpe = alibaba.run_ens_instances("sag-vcpe", network_id=network.id, user_data=user_data, instance_name="vcpe")
        alibaba.modify_ens_instance_attribute(vcpe.id, source_dest_check=False)
        alibaba.create_ens_route_entry(network.id, "192.168.0.0/16", vcpe.id)

    module = ModuleType("mine")
    vars(module).update(__doc__="Mine.", run=run)
    return Scenario.of(module)


MISTAKES: dict[str, tuple[Mistake, str]] = {
    "a wrong key": (lambda pair: pair | {"key": "another"}, "AUTHENTICATION_FAILED"),
    "a wrong serial number": (lambda pair: pair | {"sn": "saganother"}, "PEER_NOT_HEARD"),
}


def explained(mistake: Mistake, source: str, destination: str) -> Explanation:
    return explain_scenario(Replay(scenario(mistake), ("2",)), Question(source, destination))


@pytest.mark.parametrize(("mistake", "at_presence"), MISTAKES.values(), ids=MISTAKES.keys())
@pytest.mark.parametrize(("source", "destination"), [("host", "ecs"), ("ecs", "host")])
def test_the_machines_user_data_is_to_blame(mistake: Mistake, at_presence: str, source: str, destination: str) -> None:
    explanation = explained(mistake, source, destination)
    death = explanation.death
    assert death is not None
    assert death.code == ("AUTHENTICATION_FAILED" if source == "host" else at_presence)
    cause = death.cause or death
    assert (cause.code, cause.operation, cause.step) == ("AUTHENTICATION_FAILED", "alibaba.run_ens_instances", "3")


@pytest.mark.parametrize(("mistake", "_at_presence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_the_step_that_provides_the_right_pair_mends_it(mistake: Mistake, _at_presence: str) -> None:
    explanation = explained(mistake, "host", "ecs")
    assert (explanation.solved, [fix.step for fix in explanation.fixes]) == (True, ["2"])


def test_without_a_step_the_hint_is_to_launch_the_machine_anew() -> None:
    lab = Lab(skip=["2"])
    scenario(MISTAKES["a wrong key"][0]).run(lab)
    explanation = explain(lab.cloud, Question("host", "ecs"))
    assert not explanation.solved
    assert explanation.hint == "launch the gateway's machine anew, with the serial number and key of one device as its user data"
