"""Devices that phone home, and what keeps them from it: simulation and emulation say the same on one running network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from lab.agreement.call import Call
from lab.agreement.pair import Pair
from lab.agreement.states import world
from lab.agreement.worker import Worker
from lab.agreement.world import make_world
from lab.cloud import Cloud
from lab.cloud.alibaba.resources import SmartAccessGateway
from lab.cloud.aws.resources import Instance, NetworkInterface
from lab.compiler import compile_topology
from tests.agreement.test_credentials import (
    Given,
    credentials,
    mixed,
    nobodys,
    of_the_standby,
    right,
    wrong_key,
    wrong_serial_number,
)

pytestmark = pytest.mark.emulation

HTTPS = 443
CERTIFIED = 20  # days


def nothing(_cloud: Cloud) -> None:
    """The world as it is."""


def deny(*, egress: bool) -> Callable[[Cloud], None]:
    entry = {"network_acl_id": world().acls[2], "rule_number": 50, "protocol": "tcp", "rule_action": "deny", "egress": egress}
    ports = {"from_port": HTTPS, "to_port": HTTPS} if egress else {"from_port": 1024, "to_port": 65535}
    return Call("aws", "create_network_acl_entry", entry | ports | {"cidr_block": "0.0.0.0/0"}).make


def detach(cloud: Cloud) -> None:
    cloud.alibaba.unbind_smart_access_gateway(world().ccn, world().sag)


def arrears(cloud: Cloud) -> None:
    cloud.clock.move_forward(months=2)


def expire(cloud: Cloud) -> None:
    cloud.alibaba.issue_controller_certificate(CERTIFIED)
    cloud.clock.move_forward(days=CERTIFIED + 1)


def certify_anew(cloud: Cloud) -> None:
    expire(cloud)
    cloud.alibaba.issue_controller_certificate(CERTIFIED)


def another_with_the_same_pair(cloud: Cloud) -> None:
    """A machine that comes later, beside the first; it has a public address too."""
    first = cloud.store.get(Instance, world().machines["vcpe"])
    eni = cloud.store.get(NetworkInterface, first.network_interface_ids[0])
    same = {"security_group_ids": eni.group_ids, "user_data": first.user_data, "associate_public_ip_address": True}
    Call("aws", "run_instances", {"image_id": first.image_id, "subnet_id": eni.subnet_id} | same).make(cloud)


@dataclass(frozen=True)
class Stage:
    """`seen` is what the machines that are, or claim to be, the gateway's device and then the controller say of it."""

    name: str
    seen: tuple[str, ...]
    given: Given = right
    change: Callable[[Cloud], None] = nothing
    others: tuple[str, ...] = ("",)  # what the other machines that phone home say


STAGES = [
    Stage("all is well", ("", "")),
    Stage("a wrong key", ("WRONG_KEY", "WRONG_KEY"), wrong_key),
    Stage("a wrong serial number", ("UNKNOWN_SERIAL_NUMBER", "NOT_REPORTING"), wrong_serial_number),
    Stage("the key of the other device", ("WRONG_KEY", "WRONG_KEY"), mixed),
    Stage("a pair that is nobody's", ("NOT_REPORTING",), nobodys, others=("", "UNKNOWN_SERIAL_NUMBER")),
    Stage("the standby device", ("", ""), of_the_standby),
    Stage("another machine has the same pair", ("", ""), change=another_with_the_same_pair, others=("", "SERIAL_NUMBER_IN_USE")),
    Stage("no way to the controller", ("CONTROLLER_UNREACHABLE", "NOT_REPORTING"), change=deny(egress=True)),
    Stage("no way back from it", ("CONTROLLER_UNREACHABLE", "NOT_REPORTING"), change=deny(egress=False)),
    Stage("an expired certificate", ("CERTIFICATE_EXPIRED", "NOT_REPORTING"), change=expire, others=("CERTIFICATE_EXPIRED",)),
    Stage("a new certificate", ("", ""), change=certify_anew),
    Stage("on no CCN", ("SAG_NOT_ATTACHED_TO_CCN", "SAG_NOT_ATTACHED_TO_CCN"), change=detach),
    Stage("in arrears", ("SAG_OVERDUE_PAYMENT", "SAG_OVERDUE_PAYMENT"), change=arrears, others=("SAG_OVERDUE_PAYMENT",)),
    Stage("all is well again", ("", "")),
]


@dataclass(frozen=True)
class Observed:
    seen: tuple[str, ...]
    others: tuple[str, ...]
    disagreements: tuple[str, ...]


def cloud_of(stage: Stage) -> Cloud:
    cloud = make_world().cloud
    machine = cloud.store.get(Instance, world().machines["vcpe"])
    devices = cloud.store.get(SmartAccessGateway, world().sag).devices
    with cloud.store.transaction():
        cloud.store.put(replace(machine, user_data=credentials(*stage.given(*devices))))
    stage.change(cloud)
    return cloud


def observe() -> dict[str, Observed]:
    pair = Pair(compile_topology(make_world().cloud))
    found = {}
    for stage in STAGES:
        pair.apply(compile_topology(cloud_of(stage)))
        ends = pair.emulation.control_ends(world().sag)
        own = {end.node for end in ends}
        others = sorted(reason for node, reason in pair.emulation.control_reasons().items() if node not in own)
        found[stage.name] = Observed(tuple(end.reason for end in ends), tuple(others), tuple(map(str, pair.disagreements)))
    pair.close()
    return found


@pytest.fixture(scope="module")
def observed() -> dict[str, Observed]:
    return Worker(observe).result()


@pytest.mark.requirement("S0-035", "S0-037", "S0-042", "S0-050")
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_both_backends_say_what_the_controller_and_the_device_think(observed: dict[str, Observed], stage: Stage) -> None:
    seen = observed[stage.name]
    assert not seen.disagreements, "\n".join(seen.disagreements)
    assert (seen.seen, seen.others) == (stage.seen, stage.others)
