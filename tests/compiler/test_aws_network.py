"""Networks in AWS: ACLs, several interfaces, secondary and elastic addresses, group references, routes to targets that go.

other 10.0.1.20, app 10.0.1.10 in 10.0.1.0/24;  db 10.0.2.10 in 10.0.2.0/24;  internet through an igw;  a second VPC outside
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lab.cloud.aws import LINUX
from lab.compiler import compile_topology
from lab.topology import Side, Stage

BOTH = "there and back"
ACL = "SUBNET_ACL_RESTRICTION"


@pytest.fixture
def w(cloud, fate):
    aws = cloud.aws
    vpc = aws.create_vpc("10.0.0.0/16", name="main")
    near, far = aws.create_subnet(vpc.id, "10.0.1.0/24"), aws.create_subnet(vpc.id, "10.0.2.0/24")
    igw = aws.create_internet_gateway()
    aws.attach_internet_gateway(igw.id, vpc.id)
    aws.create_route(vpc.main_route_table_id, "0.0.0.0/0", gateway_id=igw.id)
    image = aws.describe_images(name=LINUX)[0].id
    group = aws.create_security_group("open", "everything", vpc.id)
    aws.authorize_security_group_ingress(group.id, ip_protocol="-1", cidr_ip="0.0.0.0/0")

    def run(subnet, address, **given):
        return aws.run_instances(image, subnet.id, security_group_ids=[group.id], private_ip_address=address, **given).id

    w = SimpleNamespace(cloud=cloud, aws=aws, vpc=vpc, near=near, far=far, igw=igw, image=image, group=group, run=run, fate=fate)
    w.app, w.other = run(near, "10.0.1.10", associate_public_ip_address=True), run(near, "10.0.1.20")
    w.db = run(far, "10.0.2.10")
    w.eni = lambda instance: next(it for it in aws.describe_instances() if it.id == instance).network_interface_ids[0]
    w.public = aws.public_addresses(w.eni(w.app))[0].public_ip
    w.gates = lambda stage: [g for g in compile_topology(cloud).node_of(vpc.id).gates if g.stage is stage]
    return w


def restrict(w, subnet, *entries) -> None:
    """Give a subnet a list of its own. An entry is (number, "allow"/"deny", "in"/"out", block, protocol, first port, last)."""
    acl = w.aws.create_network_acl(w.vpc.id)
    w.aws.replace_network_acl_association(acl.id, subnet.id)
    for number, action, side, block, *rest in entries:
        protocol, first, last = rest or ("-1", -1, -1)
        w.aws.create_network_acl_entry(
            acl.id,
            rule_number=number,
            protocol=protocol,
            rule_action=action,
            egress=side == "out",
            cidr_block=block,
            from_port=first,
            to_port=last,
        )


ALL = "0.0.0.0/0"
OPEN = [(100, "allow", "in", ALL), (100, "allow", "out", ALL)]


def test_a_list_that_allows_everything_is_no_gate(w) -> None:
    assert w.gates(Stage.ACL) == []
    restrict(w, w.far, *OPEN)
    assert w.gates(Stage.ACL) == []


def test_a_list_is_a_stateless_gate_on_both_sides_of_the_interfaces_of_its_subnet(w) -> None:
    restrict(w, w.far)
    gates = w.gates(Stage.ACL)
    topology = compile_topology(w.cloud)
    assert {topology.far_end[w.vpc.id, gate.interface][0] for gate in gates} == {w.db}
    assert [(gate.side, gate.stateful, gate.default) for gate in gates] == [(Side.IN, False, False), (Side.OUT, False, False)]
    assert {gate.origin.operation for gate in gates} == {"aws.create_network_acl"}


@pytest.mark.parametrize(
    ("entries", "protocol", "port", "expected"),
    [
        pytest.param(OPEN, "icmp", 0, BOTH, id="open"),
        pytest.param([], "icmp", 0, f"there: {ACL}", id="empty: denied"),
        pytest.param([OPEN[0]], "icmp", 0, f"back: {ACL}", id="stateless: the answer needs a rule of its own"),
        pytest.param([(90, "deny", "in", "10.0.1.0/24"), *OPEN], "icmp", 0, f"there: {ACL}", id="lowest number decides"),
        pytest.param([(110, "deny", "in", "10.0.1.0/24"), *OPEN], "icmp", 0, BOTH, id="a later denial is never reached"),
        pytest.param([(90, "deny", "in", "10.0.9.0/24"), *OPEN], "icmp", 0, BOTH, id="denial of another block"),
        pytest.param([(90, "deny", "in", ALL, "tcp", 22, 22), *OPEN], "tcp", 22, f"there: {ACL}", id="port"),
        pytest.param([(90, "deny", "in", ALL, "tcp", 22, 22), *OPEN], "tcp", 23, BOTH, id="another port"),
        pytest.param([(90, "deny", "in", ALL, "icmp", 8, 0), *OPEN], "icmp", 0, f"there: {ACL}", id="icmp type"),
        pytest.param([(90, "deny", "in", ALL, "icmp", 0, 0), *OPEN], "icmp", 0, BOTH, id="another icmp type"),
        pytest.param([OPEN[0], (100, "allow", "out", ALL, "tcp", 1024, 65535)], "tcp", 22, BOTH, id="ephemeral ports"),
        pytest.param([OPEN[0], (100, "allow", "out", ALL, "tcp", 22, 22)], "tcp", 22, f"back: {ACL}", id="answer's port"),
        pytest.param([(100, "allow", "in", ALL, "6", 22, 22), OPEN[1]], "tcp", 22, BOTH, id="protocol by number"),
    ],
)
def test_what_a_list_lets_into_a_subnet_and_out_of_it(w, entries, protocol, port, expected) -> None:
    restrict(w, w.far, *entries)
    assert w.fate(w.app, "10.0.2.10", protocol, port) == expected


def test_a_list_does_not_look_at_what_stays_inside_the_subnet(w) -> None:
    restrict(w, w.near)
    assert w.fate(w.app, "10.0.1.20") == BOTH
    assert w.fate(w.app, "10.0.2.10") == f"there: {ACL}"
    assert w.fate(w.db, "10.0.1.10") == f"there: {ACL}"


def test_the_public_side_meets_the_list_too(w) -> None:
    restrict(w, w.near, (90, "deny", "in", "192.0.0.0/8"), *OPEN)
    outside = w.cloud.alibaba.run_ens_instances()
    assert w.fate(outside.id, str(w.public)) == BOTH
    restrict(w, w.near, (90, "deny", "in", f"{outside.public_ip_address}/32"), *OPEN)
    assert w.fate(outside.id, str(w.public)) == f"there: {ACL}"


@pytest.mark.parametrize(
    ("routes", "to", "expected"),
    [
        pytest.param([("192.168.0.0/16", "other")], "192.168.1.1", "SAG_DEVICE_NOT_ASSOCIATED", id="to a neighbour: inside"),
        pytest.param([("192.168.0.0/16", "db")], "192.168.1.1", ACL, id="to another subnet: outside"),
        pytest.param(
            [("192.168.0.0/16", "other"), ("192.168.1.0/24", "db")], "192.168.1.1", ACL, id="the longer prefix leads outside"
        ),
        pytest.param(
            [("192.168.0.0/16", "other"), ("192.168.1.0/24", "db")],
            "192.168.2.1",
            "SAG_DEVICE_NOT_ASSOCIATED",
            id="the shorter prefix leads inside",
        ),
    ],
)
def test_inside_is_where_the_next_hop_is(w, routes, to, expected) -> None:
    restrict(w, w.near, (100, "allow", "in", ALL), (100, "deny", "out", "192.168.0.0/16"), (200, "allow", "out", ALL))
    for block, target in routes:
        w.aws.create_route(w.vpc.main_route_table_id, block, network_interface_id=w.eni(getattr(w, target)))
        w.aws.modify_network_interface_attribute(w.eni(getattr(w, target)), source_dest_check=False)
    assert w.fate(w.app, to) == f"there: {expected}"


def test_answers_that_come_back_through_a_neighbour_come_from_inside(w) -> None:
    """A gateway in the host's own subnet, whose list allows nothing: traffic through it never leaves the subnet."""
    restrict(w, w.near)
    w.aws.create_route(w.vpc.main_route_table_id, "192.168.0.0/16", network_interface_id=w.eni(w.other))
    w.aws.modify_network_interface_attribute(w.eni(w.other), source_dest_check=False)
    assert w.fate(w.other, "10.0.1.10", from_="192.168.1.1").startswith("back: SAG")


def test_an_instance_with_two_interfaces_is_one_node_in_two_subnets(w) -> None:
    second = w.aws.create_network_interface(w.far.id, groups=[w.group.id], private_ip_address="10.0.2.50")
    w.aws.attach_network_interface(second.id, w.app)
    node = compile_topology(w.cloud).node_of(w.app)
    assert [(i.name, str(i.addresses[0])) for i in node.interfaces] == [("eth0", "10.0.1.10/24"), ("eth1", "10.0.2.50/24")]
    assert w.fate(w.db, "10.0.2.50") == BOTH
    assert w.fate(w.other, "10.0.1.10") == BOTH


def test_an_answer_that_leaves_by_the_wrong_interface_dies_at_its_source_check(w) -> None:
    """As in AWS: a host that does not route by source answers from its second address through its first interface."""
    second = w.aws.create_network_interface(w.far.id, groups=[w.group.id], private_ip_address="10.0.2.50")
    w.aws.attach_network_interface(second.id, w.app)
    assert w.fate(w.other, "10.0.2.50") == "back: ENI_SOURCE_DEST_CHECK_RESTRICTION"


def test_two_interfaces_in_one_subnet_give_one_route_to_it(w) -> None:
    second = w.aws.create_network_interface(w.near.id, groups=[w.group.id])
    w.aws.attach_network_interface(second.id, w.app)
    (main, *_) = compile_topology(w.cloud).node_of(w.app).tables
    destinations = [route.destination for route in main.routes]
    assert len(destinations) == len(set(destinations))
    assert {route.interface for route in main.routes} == {"eth0"}


def test_secondary_addresses_are_the_interfaces_own(w) -> None:
    w.aws.assign_private_ip_addresses(w.eni(w.app), private_ip_addresses=["10.0.1.11"])
    assert w.fate(w.db, "10.0.1.11") == BOTH
    assert w.fate(w.app, "10.0.2.10", from_="10.0.1.11") == BOTH
    w.aws.unassign_private_ip_addresses(w.eni(w.app), private_ip_addresses=["10.0.1.11"])
    assert w.fate(w.db, "10.0.1.11") == "there: NO_POSSIBLE_DESTINATION"


def test_an_elastic_address_may_stand_for_a_secondary_one(w) -> None:
    w.aws.assign_private_ip_addresses(w.eni(w.db), private_ip_addresses=["10.0.2.11"])
    eip = w.aws.allocate_address()
    w.aws.associate_address(eip.id, network_interface_id=w.eni(w.db), private_ip_address="10.0.2.11")
    outside = w.cloud.alibaba.run_ens_instances().id
    assert w.fate(outside, str(eip.public_ip)) == BOTH
    nats = {(str(nat.private), nat.public) for nat in compile_topology(w.cloud).node_of(w.vpc.id).nats}
    assert nats == {("10.0.1.10", w.public), ("10.0.2.11", eip.public_ip)}
    assert w.fate(w.db, "198.51.100.1") == "there: IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"


@pytest.mark.parametrize(("member", "expected"), [("app", BOTH), ("other", "there: ENI_SG_RULES_MISMATCH")])
def test_a_rule_for_a_group_admits_its_members_and_no_one_else(w, member, expected) -> None:
    clients, servers = (w.aws.create_security_group(name, name, w.vpc.id).id for name in ("clients", "servers"))
    w.aws.authorize_security_group_ingress(servers, ip_protocol="icmp", source_group_id=clients)
    w.aws.modify_network_interface_attribute(w.eni(w.app), groups=[clients])
    w.aws.modify_network_interface_attribute(w.eni(w.db), groups=[servers])
    assert w.fate(getattr(w, member), "10.0.2.10") == expected


def test_secondary_addresses_of_members_count(w) -> None:
    servers = w.aws.create_security_group("servers", "servers", w.vpc.id).id
    clients = w.aws.create_security_group("clients", "clients", w.vpc.id).id
    w.aws.authorize_security_group_ingress(servers, ip_protocol="-1", source_group_id=clients)
    w.aws.modify_network_interface_attribute(w.eni(w.app), groups=[clients])
    w.aws.modify_network_interface_attribute(w.eni(w.db), groups=[servers])
    w.aws.assign_private_ip_addresses(w.eni(w.app), private_ip_addresses=["10.0.1.11"])
    assert w.fate(w.app, "10.0.2.10", from_="10.0.1.11") == BOTH


@pytest.mark.parametrize(
    ("goes", "expected"),
    [
        pytest.param(lambda w: None, "SAG_DEVICE_NOT_ASSOCIATED", id="it runs"),
        pytest.param(lambda w: w.aws.stop_instances(w.other), "BAD_STATE_ROUTE", id="stopped"),
        pytest.param(lambda w: w.aws.terminate_instances(w.other), "BAD_STATE_ROUTE", id="terminated"),
        pytest.param(
            lambda w: (w.aws.stop_instances(w.other), w.aws.start_instances(w.other)), "SAG_DEVICE_NOT_ASSOCIATED", id="started"
        ),
    ],
)
def test_a_route_to_an_instance_that_goes(w, goes, expected) -> None:
    w.aws.create_route(w.vpc.main_route_table_id, "192.168.0.0/16", instance_id=w.other)
    w.aws.modify_instance_attribute(w.other, source_dest_check=False)
    goes(w)
    assert w.fate(w.db, "192.168.1.1") == f"there: {expected}"


def test_a_route_to_a_detached_internet_gateway_is_a_blackhole(w) -> None:
    for instance in (w.app,):
        w.aws.terminate_instances(instance)
    w.aws.detach_internet_gateway(w.igw.id, w.vpc.id)
    assert w.fate(w.db, "198.51.100.1") == "there: BAD_STATE_ROUTE"


def test_a_stopped_instance_is_no_node_and_its_address_nobodys(w) -> None:
    w.aws.stop_instances(w.db)
    with pytest.raises(KeyError):
        compile_topology(w.cloud).node_of(w.db)
    assert w.fate(w.app, "10.0.2.10") == "there: NO_POSSIBLE_DESTINATION"


def test_a_route_more_specific_than_local_takes_a_whole_subnet_to_an_interface(w) -> None:
    """The middlebox is sent what is meant for the db, and its destination check drops that."""
    middle = w.run(w.aws.create_subnet(w.vpc.id, "10.0.3.0/24"), "10.0.3.10")
    w.aws.create_route(w.vpc.main_route_table_id, "10.0.2.0/24", network_interface_id=w.eni(middle))
    assert w.fate(w.app, "10.0.2.10") == "there: ENI_SOURCE_DEST_CHECK_RESTRICTION"
    w.aws.modify_instance_attribute(middle, source_dest_check=False)
    assert w.fate(w.app, "10.0.2.10") == "there: SAG_DEVICE_NOT_ASSOCIATED"
    w.aws.stop_instances(middle)
    assert w.fate(w.app, "10.0.2.10") == "there: BAD_STATE_ROUTE"
    w.aws.delete_route(w.vpc.main_route_table_id, "10.0.2.0/24")
    assert w.fate(w.app, "10.0.2.10") == BOTH


def test_interfaces_in_the_same_groups_share_one_set_of_rules(w) -> None:
    ingress = [gate.rules for gate in w.gates(Stage.INGRESS)]
    assert len(ingress) == 3
    assert len({id(rules) for rules in ingress}) == 1


def test_no_gate_of_a_list_bears_an_empty_origin(w) -> None:
    restrict(w, w.far, (90, "deny", "in", ALL, "tcp", 22, 22), *OPEN)
    for gate in w.gates(Stage.ACL):
        for origin in (gate.origin, *(rule.origin for rule in gate.rules)):
            assert origin.resource
            assert origin.operation.startswith("aws.")
            assert origin.number > 0
