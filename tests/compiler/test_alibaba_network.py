"""Networks in Alibaba Cloud: ECS interfaces, custom and published routes, CEN between regions, ENS.

a 192.168.1.10 in VPC 192.168.0.0/16 (Singapore) ── cen ── b 172.16.1.10 in VPC 172.16.0.0/12 (Tokyo, or Singapore)
"""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from lab.cloud.alibaba import ENS_LINUX, ENS_SAG_VCPE
from lab.cloud.aws import SAG_VCPE
from lab.compiler import compile_topology
from lab.reasons import Reason
from lab.topology import NodeKind

BOTH = "there and back"
SINGAPORE, TOKYO, HANGZHOU, SHANGHAI = "ap-southeast-1", "ap-northeast-1", "cn-hangzhou", "cn-shanghai"


@pytest.fixture
def w(cloud, fate):
    alibaba = cloud.alibaba
    w = SimpleNamespace(cloud=cloud, alibaba=alibaba, fate=fate)

    def site(block, switch, address, region=SINGAPORE):
        vpc = alibaba.create_vpc(block, region_id=region)
        v_switch = alibaba.create_vswitch(vpc.id, switch)
        group = alibaba.create_security_group(vpc.id)
        alibaba.authorize_security_group(group.id, source_cidr_ip="0.0.0.0/0")
        instance = alibaba.run_instances(v_switch.id, group.id, private_ip_address=address)
        return SimpleNamespace(vpc=vpc, switch=v_switch, group=group, id=instance.id, eni=instance.network_interface_ids[0])

    w.site = site
    w.a = site("192.168.0.0/16", "192.168.1.0/24", "192.168.1.10")
    w.cen = alibaba.create_cen("cen").id
    w.attach = lambda it, cen=w.cen: alibaba.attach_cen_child_instance(cen, it.vpc.id, "VPC", it.vpc.region_id)
    w.attach(w.a)
    w.route = lambda block, kind, hop: alibaba.create_route_entry(w.a.vpc.route_table_id, block, kind, hop)
    w.table = lambda node: compile_topology(cloud).node_of(node).tables
    return w


def plan(w, *regions: str, bandwidth: int = 10, area: str = "Asia-Pacific") -> None:
    """Bandwidth between two regions of the CEN."""
    package = w.alibaba.create_cen_bandwidth_package(100, area, area)
    w.alibaba.associate_cen_bandwidth_package(w.cen, package.id)
    w.alibaba.set_cen_inter_region_bandwidth_limit(w.cen, *regions, bandwidth)


# ECS


def test_the_router_answers_where_no_instance_can_be(w) -> None:
    """Alibaba Cloud gives the first address of a vSwitch to instances and keeps the last three."""
    first = w.alibaba.run_instances(w.a.switch.id, w.a.group.id, private_ip_address="192.168.1.1").id
    assert w.fate(w.a.id, "192.168.1.1") == BOTH
    assert w.fate(first, "192.168.1.10") == BOTH
    fabric = compile_topology(w.cloud).node_of(w.a.vpc.id)
    assert {str(address.ip) for i in fabric.interfaces if i.proxy_arp for address in i.addresses} == {"192.168.1.253"}


def test_an_instance_with_two_interfaces_and_secondary_addresses(w) -> None:
    switch = w.alibaba.create_vswitch(w.a.vpc.id, "192.168.2.0/24")
    second = w.alibaba.create_network_interface(switch.id, [w.a.group.id], primary_ip_address="192.168.2.50")
    twin = w.alibaba.run_instances(w.a.switch.id, w.a.group.id).id
    w.alibaba.attach_network_interface(second.id, twin)
    w.alibaba.assign_private_ip_addresses(second.id, private_ip_address=["192.168.2.51"])
    node = compile_topology(w.cloud).node_of(twin)
    assert [i.name for i in node.interfaces] == ["eth0", "eth1"]
    assert [str(address) for address in node.interfaces[1].addresses] == ["192.168.2.50/24", "192.168.2.51/24"]
    for address in ("192.168.2.50", "192.168.2.51"):
        assert w.fate(w.a.id, address) == BOTH
    w.alibaba.detach_network_interface(second.id, twin)
    assert w.fate(w.a.id, "192.168.2.50") == "there: NO_POSSIBLE_DESTINATION"


def test_an_interface_made_before_its_instance_is_still_its_second(w) -> None:
    early = w.alibaba.create_network_interface(w.a.switch.id, [w.a.group.id])
    late = w.alibaba.run_instances(w.a.switch.id, w.a.group.id)
    w.alibaba.attach_network_interface(early.id, late.id)
    node = compile_topology(w.cloud).node_of(late.id)
    assert [i.resource for i in node.interfaces] == [late.network_interface_ids[0], early.id]


@pytest.mark.parametrize("kind", ["Instance", "NetworkInterface"])
@pytest.mark.parametrize(
    ("goes", "expected"),
    [
        pytest.param(lambda w: None, "SAG_DEVICE_NOT_ASSOCIATED", id="runs"),
        pytest.param(lambda w: w.alibaba.stop_instance(w.hop.id), "BAD_STATE_ROUTE", id="stopped"),
        pytest.param(
            lambda w: (w.alibaba.stop_instance(w.hop.id), w.alibaba.start_instance(w.hop.id)),
            "SAG_DEVICE_NOT_ASSOCIATED",
            id="started again",
        ),
    ],
)
def test_a_custom_route_leads_to_its_next_hop_while_that_runs(w, kind, goes, expected) -> None:
    w.hop = w.alibaba.run_instances(w.a.switch.id, w.a.group.id, private_ip_address="192.168.1.20")
    w.route("10.0.0.0/8", kind, w.hop.id if kind == "Instance" else w.hop.network_interface_ids[0])
    goes(w)
    assert w.fate(w.a.id, "10.1.1.1") == f"there: {expected}"


def test_a_custom_route_names_the_address_of_its_next_hop(w) -> None:
    hop = w.alibaba.run_instances(w.a.switch.id, w.a.group.id, private_ip_address="192.168.1.20")
    w.route("10.0.0.0/8", "Instance", hop.id)
    (route,) = [route for route in w.table(w.a.vpc.id)[1].routes if str(route.destination) == "10.0.0.0/8"]
    assert (str(route.via), route.origin.operation) == ("192.168.1.20", "alibaba.create_route_entry")


def test_a_stopped_or_deleted_instance_is_gone(w) -> None:
    other = w.alibaba.run_instances(w.a.switch.id, w.a.group.id, private_ip_address="192.168.1.20").id
    assert w.fate(w.a.id, "192.168.1.20") == BOTH
    w.alibaba.stop_instance(other)
    assert w.fate(w.a.id, "192.168.1.20") == "there: NO_POSSIBLE_DESTINATION"
    w.alibaba.start_instance(other)
    assert w.fate(w.a.id, "192.168.1.20") == BOTH
    w.alibaba.delete_instance(other, force=True)
    assert w.fate(w.a.id, "192.168.1.20") == "there: NO_POSSIBLE_DESTINATION"


@pytest.mark.parametrize(
    ("kind", "rules", "expected"),
    [
        pytest.param("normal", [], BOTH, id="basic: members reach each other"),
        pytest.param("enterprise", [], "there: ECS_SG_RULES_MISMATCH", id="enterprise: they do not"),
        pytest.param("normal", [("drop", 1), ("accept", 1)], "there: ECS_SG_RULES_MISMATCH", id="at equal priority drop wins"),
        pytest.param("normal", [("drop", 2), ("accept", 1)], BOTH, id="lower number wins"),
        pytest.param("normal", [("drop", 1), ("accept", 2)], "there: ECS_SG_RULES_MISMATCH", id="a rule beats membership"),
    ],
)
def test_group_types_priorities_and_policies(w, kind, rules, expected) -> None:
    group = w.alibaba.create_security_group(w.a.vpc.id, security_group_type=kind).id
    for policy, priority in rules:
        w.alibaba.authorize_security_group(group, source_cidr_ip="192.168.0.0/16", policy=policy, priority=priority)
    one, _ = (w.alibaba.run_instances(w.a.switch.id, group, private_ip_address=f"192.168.1.{n}").id for n in (30, 31))
    assert w.fate(one, "192.168.1.31") == expected


# CEN


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        pytest.param((), "there: NO_ROUTE_TO_DESTINATION", id="not published"),
        pytest.param(("publish",), "there: SAG_DEVICE_NOT_ASSOCIATED", id="published"),
        pytest.param(("publish", "withdraw"), "there: NO_ROUTE_TO_DESTINATION", id="withdrawn"),
    ],
)
def test_a_custom_route_is_known_elsewhere_once_it_is_published(w, published, expected) -> None:
    b = w.site("172.16.0.0/12", "172.16.1.0/24", "172.16.1.10")
    w.attach(b)
    w.route("10.0.0.0/8", "Instance", w.a.id)
    calls = {"publish": w.alibaba.publish_route_entries, "withdraw": w.alibaba.withdraw_published_route_entries}
    for name in published:
        calls[name](w.cen, w.a.vpc.id, "VPC", SINGAPORE, w.a.vpc.route_table_id, "10.0.0.0/8")
    assert w.fate(b.id, "10.1.1.1") == expected


def test_a_vpc_whose_own_block_is_withdrawn_is_unknown_to_the_others(w) -> None:
    b = w.site("172.16.0.0/12", "172.16.1.0/24", "172.16.1.10")
    w.attach(b)
    assert w.fate(b.id, "192.168.1.10") == BOTH
    w.alibaba.withdraw_published_route_entries(w.cen, w.a.vpc.id, "VPC", SINGAPORE, w.a.vpc.route_table_id, "192.168.0.0/16")
    assert w.fate(b.id, "192.168.1.10") == "there: NO_ROUTE_TO_DESTINATION"


def test_a_custom_route_beats_what_the_cen_teaches(w) -> None:
    """Same destination: the learned route is in conflict and is not installed."""
    b = w.site("172.16.0.0/12", "172.16.1.0/24", "172.16.1.10")
    w.attach(b)
    hop = w.alibaba.run_instances(w.a.switch.id, w.a.group.id).id
    w.route("172.16.0.0/12", "Instance", hop)
    assert w.fate(w.a.id, "172.16.1.10") == "there: SAG_DEVICE_NOT_ASSOCIATED"
    w.alibaba.delete_route_entry(w.a.vpc.route_table_id, "172.16.0.0/12")
    assert w.fate(w.a.id, "172.16.1.10") == BOTH


@pytest.mark.parametrize(
    ("region", "share", "expected"),
    [
        pytest.param(SINGAPORE, None, BOTH, id="one region"),
        pytest.param(TOKYO, None, "there: CEN_NO_BANDWIDTH_PLAN", id="two regions"),
        pytest.param(TOKYO, (SINGAPORE, TOKYO), BOTH, id="with bandwidth between them"),
        pytest.param(TOKYO, (TOKYO, SINGAPORE), BOTH, id="in either order"),
        pytest.param(TOKYO, (SINGAPORE, "ap-south-1"), "there: CEN_NO_BANDWIDTH_PLAN", id="with bandwidth to another"),
    ],
)
def test_between_regions_a_cen_needs_bandwidth(w, region, share, expected) -> None:
    b = w.site("172.16.0.0/12", "172.16.1.0/24", "172.16.1.10", region)
    w.attach(b)
    if share:
        plan(w, *share)
    assert w.fate(w.a.id, "172.16.1.10") == expected
    assert w.fate(b.id, "192.168.1.10") == expected


def test_bandwidth_between_regions_is_shared_by_all_their_networks_each_way(w) -> None:
    tokyo = [w.site(f"172.{16 + n}.0.0/16", f"172.{16 + n}.1.0/24", f"172.{16 + n}.1.10", TOKYO) for n in range(2)]
    for b in tokyo:
        w.attach(b)
    transit = lambda: compile_topology(w.cloud).node_of(w.cen)  # noqa: E731 - what it is now
    assert transit().limits == ()
    plan(w, SINGAPORE, TOKYO)
    leg, *others = (interface.name for interface in transit().interfaces)
    limits = {frozenset(limit.ways): limit.rate for limit in transit().limits}
    assert limits == {
        frozenset((leg, other) for other in others): 10_000_000,
        frozenset((other, leg) for other in others): 10_000_000,
    }


def test_what_needs_no_bandwidth_is_not_held_to_any(w) -> None:
    """A CCN reaches its whole area without a plan, beside VPCs of it that share one."""
    for number, region in enumerate((HANGZHOU, SHANGHAI)):
        w.attach(w.site(f"172.{16 + number}.0.0/16", f"172.{16 + number}.1.0/24", f"172.{16 + number}.1.10", region))
    w.alibaba.attach_ccn_instance_to_cen(w.alibaba.create_cloud_connect_network(region_id=SHANGHAI).id, w.cen)
    plan(w, HANGZHOU, SHANGHAI, area="China")
    assert [len(limit.ways) for limit in compile_topology(w.cloud).node_of(w.cen).limits] == [1, 1]


def test_taking_the_bandwidth_back_stops_the_traffic(w) -> None:
    b = w.site("172.16.0.0/12", "172.16.1.0/24", "172.16.1.10", TOKYO)
    w.attach(b)
    plan(w, SINGAPORE, TOKYO)
    w.alibaba.set_cen_inter_region_bandwidth_limit(w.cen, SINGAPORE, TOKYO, 0)
    assert w.fate(w.a.id, "172.16.1.10") == "there: CEN_NO_BANDWIDTH_PLAN"


def test_a_cen_has_tables_for_regions_only_where_bandwidth_is_missing(w) -> None:
    b, c = (
        w.site(block, switch, address, region)
        for block, switch, address, region in (
            ("172.16.0.0/12", "172.16.1.0/24", "172.16.1.10", TOKYO),
            ("10.0.0.0/8", "10.0.1.0/24", "10.0.1.10", SINGAPORE),
        )
    )
    w.attach(c)
    assert len(w.table(w.cen)) == 1
    w.attach(b)
    _, singapore, tokyo = w.table(w.cen)
    drops = [
        [str(route.destination) for route in table.routes if route.drop is Reason.CEN_NO_BANDWIDTH_PLAN]
        for table in (singapore, tokyo)
    ]
    assert drops == [["172.16.0.0/12"], ["192.168.0.0/16", "10.0.0.0/8"]]
    assert (len(singapore.selected_by), len(tokyo.selected_by)) == (2, 1)
    assert singapore.number != tokyo.number
    plan(w, SINGAPORE, TOKYO)
    assert len(w.table(w.cen)) == 1


# ENS and gateways


def gateway(w, cidr_block: str, region: str = SINGAPORE) -> SimpleNamespace:
    """A gateway on a CCN in the CEN, and the user data that its machine is given."""
    smart_ag_id = w.alibaba.create_smart_access_gateway(region).smart_ag_id
    w.alibaba.activate_smart_access_gateway(smart_ag_id)
    w.alibaba.modify_smart_access_gateway(smart_ag_id, cidr_block=cidr_block)
    ccn = w.alibaba.create_cloud_connect_network(region_id=region).id
    w.alibaba.bind_smart_access_gateway(ccn, smart_ag_id)
    w.alibaba.attach_ccn_instance_to_cen(ccn, w.cen)
    device = w.alibaba.describe_smart_access_gateway_attribute(smart_ag_id).active_device
    return SimpleNamespace(id=smart_ag_id, ccn=ccn, user_data=json.dumps({"sn": device.serial_number, "key": device.secret_key}))


@pytest.fixture
def edge(w):
    """An edge node: host 10.0.0.20 behind a vCPE 10.0.0.10 with a public address, its check off."""
    w.sag = gateway(w, "10.0.0.0/16")
    w.network = w.alibaba.create_ens_network("10.0.0.0/16", network_name="edge")
    w.vcpe = w.alibaba.run_ens_instances(
        ENS_SAG_VCPE, network_id=w.network.id, private_ip_address="10.0.0.10", user_data=w.sag.user_data, instance_name="vcpe"
    )
    w.host = w.alibaba.run_ens_instances(
        ENS_LINUX, network_id=w.network.id, private_ip_address="10.0.0.20", public_ip_identification=False
    ).id
    w.alibaba.create_ens_route_entry(w.network.id, "192.168.0.0/16", w.vcpe.id)
    w.alibaba.modify_ens_instance_attribute(w.vcpe.id, source_dest_check=False)
    return w


@pytest.mark.requirement("S0-002")
def test_a_vcpe_on_an_edge_node_joins_its_network_to_the_cloud(edge) -> None:
    w = edge
    assert w.fate(w.host, "192.168.1.10") == BOTH
    assert w.fate(w.a.id, "10.0.0.20") == BOTH
    assert w.fate(w.vcpe.id, "192.168.1.10") == BOTH
    assert w.fate(w.a.id, "10.0.0.10") == BOTH


def test_a_vcpe_on_an_edge_node_has_its_public_address_itself(edge) -> None:
    w = edge
    topology = compile_topology(w.cloud)
    node = topology.node_of(w.vcpe.id)
    assert (node.kind, [i.name for i in node.interfaces]) == (NodeKind.GATEWAY, ["eth0", "wan", "tun0"])
    assert w.vcpe.public_ip_address in node.addresses
    assert topology.far_end[node.name, "wan"][0] == "internet"
    (tunnel,) = node.services
    assert tunnel.address == w.vcpe.public_ip_address
    fabric = topology.node_of(w.network.id)
    assert (fabric.checks, fabric.gates, fabric.nats) == ((), (), ())


def test_no_two_tables_of_a_machine_share_a_number(edge) -> None:
    """Also when the gateway is bound right after its machine was launched: tables are numbered by operations."""
    w = edge
    w.alibaba.unbind_smart_access_gateway(w.sag.ccn, w.sag.id)
    w.vcpe = w.alibaba.run_ens_instances(ENS_SAG_VCPE, user_data=w.sag.user_data)
    w.alibaba.bind_smart_access_gateway(w.sag.ccn, w.sag.id)
    for node in compile_topology(w.cloud).nodes:
        numbers = [table.number for table in node.tables]
        assert len(numbers) == len(set(numbers)), node.label
        chosen = [name for table in node.tables for name in table.selected_by]
        assert len(chosen) == len(set(chosen)), node.label


@pytest.mark.parametrize("enabled", [True, False])
def test_the_check_of_a_vcpe_on_an_edge_node_is_its_tunnels(edge, enabled) -> None:
    w = edge
    w.alibaba.modify_ens_instance_attribute(w.vcpe.id, source_dest_check=enabled)
    (tunnel,) = compile_topology(w.cloud).node_of(w.vcpe.id).services
    assert tunnel.check is not None
    assert tunnel.check.enabled is enabled
    assert set(tunnel.check.addresses) == {w.vcpe.private_ip_address, w.vcpe.public_ip_address}
    forwarded = "there: ENI_SOURCE_DEST_CHECK_RESTRICTION" if enabled else BOTH
    assert w.fate(w.host, "192.168.1.10") == forwarded
    assert w.fate(w.a.id, "10.0.0.20") == forwarded
    assert w.fate(w.vcpe.id, "192.168.1.10") == BOTH


@pytest.mark.parametrize(
    ("breaks", "expected"),
    [
        pytest.param(lambda w: w.alibaba.stop_ens_instance(w.vcpe.id), "BAD_STATE_ROUTE", id="stopped"),
        pytest.param(
            lambda w: w.alibaba.unbind_smart_access_gateway(w.sag.ccn, w.sag.id), "SAG_NOT_ATTACHED_TO_CCN", id="not on a ccn"
        ),
        pytest.param(
            lambda w: w.alibaba.delete_ens_route_entry(w.network.id, "192.168.0.0/16"), "NO_ROUTE_TO_DESTINATION", id="no route"
        ),
    ],
)
def test_what_stops_a_packet_on_an_edge_node(edge, breaks, expected) -> None:
    breaks(edge)
    assert edge.fate(edge.host, "192.168.1.10") == f"there: {expected}"


def test_a_pair_that_is_no_devices_makes_no_gateway(w) -> None:
    sag = gateway(w, "10.0.0.0/16")
    network = w.alibaba.create_ens_network("10.0.0.0/16")
    vcpe = w.alibaba.run_ens_instances(
        ENS_SAG_VCPE, network_id=network.id, user_data=sag.user_data.replace(": \"", ": \"x")
    )
    host = w.alibaba.run_ens_instances(network_id=network.id, public_ip_identification=False)
    w.alibaba.create_ens_route_entry(network.id, "192.168.0.0/16", vcpe.id)
    assert compile_topology(w.cloud).node_of(vcpe.id).kind is NodeKind.HOST
    assert w.fate(host.id, "192.168.1.10") == "there: SAG_DEVICE_NOT_ASSOCIATED"
    assert w.fate(host.id, "10.0.7.7") == "there: NO_POSSIBLE_DESTINATION"


def test_edge_nodes_reach_each_other_over_the_internet(w) -> None:
    one, two = w.alibaba.run_ens_instances(), w.alibaba.run_ens_instances()
    assert w.fate(one.id, str(two.public_ip_address)) == BOTH
    assert compile_topology(w.cloud).node_of(one.id).forwards is False
    w.alibaba.stop_ens_instance(two.id)
    assert w.fate(one.id, str(two.public_ip_address)) == "there: NO_ROUTE_TO_DESTINATION"


def test_a_stopped_gateway_is_no_peer_of_its_ccn(edge) -> None:
    w = edge
    w.alibaba.stop_ens_instance(w.vcpe.id)
    assert compile_topology(w.cloud).node_of(w.sag.ccn).services == ()
    assert w.fate(w.a.id, "10.0.0.20") == "there: NO_ROUTE_TO_DESTINATION"


@pytest.mark.parametrize(
    ("goes", "peers"),
    [
        pytest.param([], 1, id="runs"),
        pytest.param(["stop_instances"], 0, id="stopped"),
        pytest.param(["stop_instances", "start_instances"], 1, id="started again"),
        pytest.param(["terminate_instances"], 0, id="terminated"),
    ],
)
def test_a_gateway_in_aws_is_a_peer_of_its_ccn_while_its_machine_runs(w, goes, peers) -> None:
    sag, aws = gateway(w, "10.0.0.0/16"), w.cloud.aws
    subnet = aws.create_subnet(aws.create_vpc("10.0.0.0/16").id, "10.0.1.0/24")
    w.alibaba.create_ticket()
    vcpe = aws.run_instances(aws.describe_images(name=SAG_VCPE)[0].id, subnet.id, user_data=sag.user_data)
    for call in goes:
        getattr(aws, call)(vcpe.id)
    assert sum(len(tunnel.peers) for tunnel in compile_topology(w.cloud).node_of(sag.ccn).services) == peers


@pytest.mark.parametrize(
    ("gateways", "vpcs", "expected"),
    [
        pytest.param(HANGZHOU, SHANGHAI, BOTH, id="one area"),
        pytest.param(SINGAPORE, TOKYO, "CEN_NO_BANDWIDTH_PLAN", id="two areas"),
    ],
)
def test_a_ccn_reaches_the_regions_of_its_area_without_a_plan(w, gateways, vpcs, expected) -> None:
    far = w.site("172.16.0.0/12", "172.16.1.0/24", "172.16.1.10", vpcs)
    w.attach(far)
    sag = gateway(w, "10.0.0.0/16", gateways)
    network = w.alibaba.create_ens_network("10.0.0.0/16")
    vcpe = w.alibaba.run_ens_instances(ENS_SAG_VCPE, network_id=network.id, user_data=sag.user_data)
    assert w.fate(vcpe.id, "172.16.1.10") == (expected if expected == BOTH else f"there: {expected}")


def test_points_of_presence_stay_when_others_go(w) -> None:
    first, second = (w.alibaba.create_cloud_connect_network() for _ in range(2))
    w.alibaba.delete_cloud_connect_network(first.id)
    assert second.point_of_presence in compile_topology(w.cloud).node_of(second.id).addresses
    third = w.alibaba.create_cloud_connect_network()
    assert third.point_of_presence == first.point_of_presence
