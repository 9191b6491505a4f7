"""Tunnels whose ends cannot come together, and what changes it: simulation and emulation say the same on one running network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

import pytest

from lab.agreement.asks import Ask, questions
from lab.agreement.call import Call
from lab.agreement.pair import Pair
from lab.agreement.states import world
from lab.agreement.worker import Worker
from lab.agreement.world import make_world
from lab.cloud import Cloud
from lab.cloud.alibaba.resources import Device
from lab.cloud.aws.resources import Instance
from lab.compiler import compile_topology
from lab.simulation import Probe

pytestmark = pytest.mark.emulation

APP, ECS = IPv4Address("10.0.1.10"), IPv4Address("192.168.1.10")
ASKS = [Ask("app", Probe(APP, ECS, "icmp")), Ask("ecs", Probe(ECS, APP, "icmp"))]

Given = Callable[[Device, Device], tuple[str, str]]  # from the active and the standby device, a serial number and a key


def right(active: Device, _standby: Device) -> tuple[str, str]:
    return active.serial_number, active.secret_key


def of_the_standby(_active: Device, standby: Device) -> tuple[str, str]:
    return standby.serial_number, standby.secret_key


def wrong_key(active: Device, _standby: Device) -> tuple[str, str]:
    return active.serial_number, "another"


def wrong_serial_number(active: Device, _standby: Device) -> tuple[str, str]:
    return "saganother", active.secret_key


def mixed(active: Device, standby: Device) -> tuple[str, str]:
    return active.serial_number, standby.secret_key


def nobodys(_active: Device, _standby: Device) -> tuple[str, str]:
    return "saganother", "another"


def credentials(serial_number: str, key: str) -> str:
    """User data."""
    return json.dumps({"sn": serial_number, "key": key})


@dataclass(frozen=True)
class Stage:
    """The next state of one running network: what the vCPE is given, and a port of UDP that its subnet's list denies.

    `drops` are the codes for a ping from app and for one from ecs, `ends` what the vCPE and the point of presence say of the
    tunnel; None when there is none.
    """

    name: str
    given: Given
    drops: tuple[str, str]
    ends: tuple[str, str] | None
    denied: tuple[int, bool] | None = None  # the port, and whether outbound


PASSES, UNHEARD, REFUSED = "None", "PEER_NOT_HEARD", "AUTHENTICATION_FAILED"
DENIED = "SUBNET_ACL_RESTRICTION"

STAGES = [
    Stage("a wrong key", wrong_key, (REFUSED, REFUSED), (REFUSED, REFUSED)),
    Stage("a wrong serial number", wrong_serial_number, (REFUSED, UNHEARD), (REFUSED, UNHEARD)),
    Stage("the key of the other device", mixed, (REFUSED, REFUSED), (REFUSED, REFUSED)),
    Stage("a pair that is nobody's", nobodys, ("SAG_DEVICE_NOT_ASSOCIATED", "NO_ROUTE_TO_DESTINATION"), None),
    Stage("the standby device", of_the_standby, (PASSES, PASSES), ("", "")),
    Stage("500 denied outbound", right, (UNHEARD, UNHEARD), ("NO_ANSWER", UNHEARD), (500, True)),
    Stage("500 denied no longer", right, (PASSES, PASSES), ("", "")),
    Stage("wrong again", wrong_key, (REFUSED, REFUSED), (REFUSED, REFUSED)),
    Stage("500 denied inbound", right, (UNHEARD, UNHEARD), ("NO_ANSWER", UNHEARD), (500, False)),
    Stage("4500 denied outbound", right, (UNHEARD, UNHEARD), ("NO_ANSWER", UNHEARD), (4500, True)),
    Stage("4500 denied inbound", right, (UNHEARD, DENIED), ("NO_ANSWER", ""), (4500, False)),
    Stage("nothing denied", right, (PASSES, PASSES), ("", "")),
    Stage("denied when it is open", right, (DENIED, DENIED), ("", ""), (4500, True)),
]


@dataclass(frozen=True)
class Observed:
    drops: tuple[str, ...]
    ends: tuple[str, ...] | None
    disagreements: tuple[str, ...]


def cloud_of(stage: Stage) -> Cloud:
    here, cloud = world(), make_world().cloud
    devices = cloud.alibaba.describe_smart_access_gateway_attribute(here.sag).devices
    serial_number, key = stage.given(*devices)
    machine = cloud.store.get(Instance, here.machines["vcpe"])
    with cloud.store.transaction():
        cloud.store.put(replace(machine, user_data=credentials(serial_number, key)))
    if stage.denied is not None:
        port, egress = stage.denied
        entry = {"network_acl_id": here.acls[2], "rule_number": 50, "protocol": "udp", "rule_action": "deny"}
        where = {"egress": egress, "cidr_block": "0.0.0.0/0", "from_port": port, "to_port": port}
        Call("aws", "create_network_acl_entry", entry | where).make(cloud)
    return cloud


def observe() -> dict[str, Observed]:
    pair = Pair(compile_topology(make_world().cloud))
    found = {}
    for stage in STAGES:
        topology = compile_topology(cloud_of(stage))
        pair.apply(topology)
        ends = pair.emulation.vpn_ends(world().sag)
        answers = pair.ask(questions(topology, ASKS))
        drops = tuple(str(forecast.reason) for forecast in answers.forecasts)
        disagreements = [*pair.disagreements, *answers.disagreements]
        reasons = tuple(end.reason for end in ends) if ends else None
        found[stage.name] = Observed(drops, reasons, tuple(map(str, disagreements)))
    pair.close()
    return found


@pytest.fixture(scope="module")
def observed() -> dict[str, Observed]:
    return Worker(observe).result()


@pytest.mark.requirement("S0-035", "S0-037", "S0-042", "S0-050")
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_both_backends_say_why_a_tunnel_is_open_or_not(observed: dict[str, Observed], stage: Stage) -> None:
    seen = observed[stage.name]
    assert not seen.disagreements, "\n".join(seen.disagreements)
    assert (seen.drops, seen.ends) == (stage.drops, stage.ends)
