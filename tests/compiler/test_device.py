"""Who the two ends of a tunnel say they are: the machine by its user data, the point of presence by what was bought."""

from __future__ import annotations

import json

import pytest

from dataplane.ike.identity import fqdn, key_id
from lab.cloud import Cloud
from lab.cloud.alibaba.ens import ENS_SAG_VCPE
from lab.cloud.alibaba.resources import SmartAccessGateway
from lab.compiler import compile_topology
from lab.compiler.device import proof_of_presence
from lab.compiler.names import presence_name
from lab.topology import NodeKind, PeerAuthentication, Topology

pytestmark = pytest.mark.requirement("S0-035", "S0-037")


class Site:
    """A gateway on a CCN, and any number of machines that are to be its device."""

    def __init__(self) -> None:
        self.cloud = Cloud(b"tests of devices")
        alibaba = self.cloud.alibaba
        order = alibaba.create_smart_access_gateway()
        alibaba.activate_smart_access_gateway(order.smart_ag_id)
        alibaba.modify_smart_access_gateway(order.smart_ag_id, routing_strategy="static", cidr_block="10.0.0.0/16")
        self.ccn = alibaba.create_cloud_connect_network().id
        alibaba.bind_smart_access_gateway(self.ccn, order.smart_ag_id)
        self.sag = alibaba.describe_smart_access_gateway_attribute(order.smart_ag_id)
        self.active, self.standby = self.sag.devices

    def launch(self, serial_number: str, key: str) -> str:
        user_data = json.dumps({"sn": serial_number, "key": key})
        return str(self.cloud.alibaba.run_ens_instances(ENS_SAG_VCPE, user_data=user_data).id)

    def compile(self) -> Topology:
        return compile_topology(self.cloud)


def authentication(topology: Topology, resource: str) -> PeerAuthentication | None:
    """How the node of a resource authenticates itself in its only tunnel; None when it has none."""
    services = topology.node_of(resource).services
    return services[0].peers[0].authentication if services else None


@pytest.fixture
def site() -> Site:
    return Site()


PAIRS = {
    "the active device's": (lambda s: (s.active.serial_number, s.active.secret_key), "active", True),
    "the standby device's": (lambda s: (s.standby.serial_number, s.standby.secret_key), "standby", True),
    "a wrong key": (lambda s: (s.active.serial_number, "another"), "active", False),
    "a wrong serial number": (lambda s: ("saganother", s.standby.secret_key), "standby", False),
    "the key of the other device": (lambda s: (s.active.serial_number, s.standby.secret_key), "active", False),
}


@pytest.mark.parametrize(("pair", "role", "fits"), PAIRS.values(), ids=PAIRS.keys())
def test_each_end_proves_what_its_own_side_was_given(site: Site, pair, role: str, fits: bool) -> None:
    serial_number, key = pair(site)
    machine = site.launch(serial_number, key)
    topology = site.compile()
    device = site.active if role == "active" else site.standby
    presence = fqdn(presence_name(site.ccn))
    near, far = authentication(topology, machine), authentication(topology, site.ccn)
    assert near is not None
    assert far is not None
    assert (near.local, near.remote, near.key) == (key_id(serial_number), presence, key.encode())
    assert (far.local, far.remote, far.key) == (presence, key_id(device.serial_number), device.secret_key.encode())
    assert near.fits(far) is far.fits(near) is fits
    assert (near.origin.resource, near.origin.operation) == (machine, "alibaba.run_ens_instances")
    assert (far.origin.resource, far.origin.operation) == (site.sag.id, "alibaba.create_smart_access_gateway")


def test_a_pair_of_which_nothing_was_bought_is_nobodys(site: Site) -> None:
    machine = site.launch("saganother", "another")
    topology = site.compile()
    assert topology.node_of(machine).kind is NodeKind.HOST
    assert authentication(topology, machine) is authentication(topology, site.ccn) is None


SEVERAL = {
    "the right pair before a wrong one": ("wrong active", "standby", "standby"),
    "the active device before the standby one": ("standby", "active", "active"),
    "of two wrong ones the active device": ("wrong standby", "wrong active", "active"),
}


@pytest.mark.parametrize(("first", "second", "served"), SEVERAL.values(), ids=SEVERAL.keys())
def test_which_of_two_machines_the_point_of_presence_waits_for(site: Site, first: str, second: str, served: str) -> None:
    devices = {"active": site.active, "standby": site.standby}
    for launched in (first, second):
        device = devices[launched.removeprefix("wrong ")]
        site.launch(device.serial_number, "another" if launched.startswith("wrong") else device.secret_key)
    gateway = site.cloud.store.get(SmartAccessGateway, site.sag.id)
    assert authentication(site.compile(), site.ccn) == proof_of_presence(gateway, devices[served], site.ccn)


def test_no_key_shows_when_a_network_is_printed(site: Site) -> None:
    site.launch(site.active.serial_number, site.active.secret_key)
    shown = repr(site.compile())
    assert site.active.serial_number in shown
    assert site.active.secret_key not in shown
