"""Route tables, their routes, and what happens to these when their target goes."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from lab.cloud.aws import RouteTable


def routes(w, table_id: str) -> dict[str, tuple[str, str]]:
    return {str(route.destination): (route.target, route.state) for route in w.cloud.store.get(RouteTable, table_id).routes}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(lambda w: {"gateway_id": w.igw.id}, lambda w: (w.igw.id, "active"), id="internet gateway"),
        pytest.param(
            lambda w: {"network_interface_id": w.gw_eni},
            lambda w: (w.gw_eni, "active"),
            id="interface",
            marks=pytest.mark.requirement("S0-062"),
        ),
        pytest.param(
            lambda w: {"instance_id": w.gw.id},
            lambda w: (w.gw_eni, "active"),
            id="instance, by its interface",
            marks=pytest.mark.requirement("S0-062"),
        ),
        pytest.param(
            lambda w: {"network_interface_id": w.loose_eni}, lambda w: (w.loose_eni, "blackhole"), id="interface in no instance"
        ),
    ],
)
def test_a_route_leads_to_its_target(aws_world, target, expected) -> None:
    w = aws_world
    w.aws.create_route(w.main_table, "192.168.0.0/16", **target(w))
    assert routes(w, w.main_table)["192.168.0.0/16"] == expected(w)
    assert w.cloud.store.get(RouteTable, w.main_table).routes[-1].origin.operation == "aws.create_route"


@pytest.mark.parametrize("block", ["10.0.0.0/8", "0.0.0.0/0", "10.0.1.0/24", "169.254.0.0/16", "100.64.0.0/10"])
def test_destinations_that_a_route_may_have(aws_world, block) -> None:
    aws_world.aws.create_route(aws_world.main_table, block, instance_id=aws_world.gw.id)
    assert block in routes(aws_world, aws_world.main_table)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.aws.create_route_table("vpc-0"), "InvalidVpcID.NotFound", id="table of unknown vpc"),
        pytest.param(lambda w: w.aws.delete_route_table("rtb-0"), "InvalidRouteTableID.NotFound", id="delete unknown table"),
        pytest.param(lambda w: w.aws.delete_route_table(w.main_table), "DependencyViolation", id="delete main table"),
        pytest.param(lambda w: w.aws.delete_route_table(w.table.id), "DependencyViolation", id="delete associated table"),
        pytest.param(
            lambda w: w.aws.associate_route_table("rtb-0", w.inner.id),
            "InvalidRouteTableID.NotFound",
            id="unknown table",
        ),
        pytest.param(
            lambda w: w.aws.associate_route_table(w.table.id, "subnet-0"),
            "InvalidSubnetID.NotFound",
            id="unknown subnet",
        ),
        pytest.param(
            lambda w: w.aws.associate_route_table(w.table.id, w.other_subnet.id),
            "InvalidParameterValue",
            id="associate across vpcs",
        ),
        pytest.param(
            lambda w: w.aws.associate_route_table(w.table.id, w.edge.id), "Resource.AlreadyAssociated", id="associate twice"
        ),
        pytest.param(
            lambda w: w.aws.disassociate_route_table("rtbassoc-0"), "InvalidAssociationID.NotFound", id="unknown association"
        ),
        pytest.param(lambda w: w.create("rtb-0", "9.0.0.0/8", gateway_id=w.igw.id), "InvalidRouteTableID.NotFound", id="table"),
        pytest.param(lambda w: w.create(w.main_table, "9.0.0.0/8"), "MissingParameter", id="no target"),
        pytest.param(
            lambda w: w.create(w.main_table, "9.0.0.0/8", gateway_id=w.igw.id, instance_id=w.gw.id),
            "InvalidParameterCombination",
            id="two targets",
        ),
        pytest.param(lambda w: w.create(w.main_table, "9.0.0.1/8", gateway_id=w.igw.id), "InvalidParameterValue", id="host bits"),
        pytest.param(lambda w: w.create(w.table.id, "0.0.0.0/0", gateway_id=w.igw.id), "RouteAlreadyExists", id="same again"),
        pytest.param(
            lambda w: w.create(w.main_table, "10.0.0.0/16", instance_id=w.gw.id), "RouteAlreadyExists", id="over the local route"
        ),
        pytest.param(
            lambda w: w.aws.replace_route(w.main_table, "10.0.0.0/16", instance_id=w.gw.id),
            "InvalidParameterValue",
            id="replace the local route",
        ),
        pytest.param(lambda w: w.aws.delete_route(w.main_table, "10.0.0.0/16"), "InvalidParameterValue", id="delete local"),
        pytest.param(
            lambda w: w.create(w.main_table, "10.0.1.0/25", instance_id=w.gw.id), "InvalidParameterValue", id="half a subnet"
        ),
        pytest.param(
            lambda w: w.create(w.main_table, "10.0.0.0/20", instance_id=w.gw.id), "InvalidParameterValue", id="several subnets"
        ),
        pytest.param(
            lambda w: w.create(w.main_table, "10.0.1.0/24", gateway_id=w.igw.id),
            "InvalidParameterValue",
            id="subnet to gateway",
        ),
        pytest.param(
            lambda w: w.create(w.main_table, "169.254.168.0/22", gateway_id=w.igw.id), "InvalidParameterValue", id="reserved"
        ),
        pytest.param(
            lambda w: w.create(w.main_table, "169.254.169.254/32", gateway_id=w.igw.id), "InvalidParameterValue", id="in reserved"
        ),
        pytest.param(
            lambda w: w.create(w.main_table, "9.0.0.0/8", gateway_id="igw-0"), "InvalidInternetGatewayID.NotFound", id="gateway"
        ),
        pytest.param(
            lambda w: w.create(w.main_table, "9.0.0.0/8", gateway_id=w.other_igw.id), "Gateway.NotAttached", id="loose gateway"
        ),
        pytest.param(
            lambda w: w.create(w.other_table.id, "9.0.0.0/8", gateway_id=w.igw.id), "Gateway.NotAttached", id="gateway elsewhere"
        ),
        pytest.param(
            lambda w: w.create(w.main_table, "9.0.0.0/8", network_interface_id="eni-0"),
            "InvalidNetworkInterfaceID.NotFound",
            id="interface",
        ),
        pytest.param(
            lambda w: w.create(w.main_table, "9.0.0.0/8", instance_id="i-0"), "InvalidInstanceID.NotFound", id="instance"
        ),
        pytest.param(
            lambda w: w.create(w.main_table, "9.0.0.0/8", instance_id=w.twin.id), "InvalidInstanceID", id="two interfaces"
        ),
        pytest.param(
            lambda w: w.create(w.main_table, "9.0.0.0/8", instance_id=w.ended.id), "IncorrectInstanceState", id="ended instance"
        ),
        pytest.param(
            lambda w: w.create(w.main_table, "9.0.0.0/8", network_interface_id=w.other_eni),
            "InvalidParameterValue",
            id="interface of another vpc",
            marks=pytest.mark.requirement("S0-029"),
        ),
        pytest.param(
            lambda w: w.aws.replace_route(w.main_table, "9.0.0.0/8", instance_id=w.gw.id),
            "InvalidRoute.NotFound",
            id="none",
        ),
        pytest.param(lambda w: w.aws.delete_route(w.main_table, "9.0.0.0/8"), "InvalidRoute.NotFound", id="delete none"),
    ],
)
def test_refused(aws_world, refused, call, code) -> None:
    aws_world.create = aws_world.aws.create_route
    refused(aws_world.cloud, lambda: call(aws_world), code)


def test_a_route_is_replaced_in_its_place_and_deleted(aws_world) -> None:
    w = aws_world
    w.aws.create_route(w.table.id, "192.168.0.0/16", gateway_id=w.igw.id)
    w.aws.replace_route(w.table.id, "0.0.0.0/0", instance_id=w.gw.id)
    assert list(routes(w, w.table.id)) == ["10.0.0.0/16", "0.0.0.0/0", "192.168.0.0/16"]
    assert routes(w, w.table.id)["0.0.0.0/0"] == (w.gw_eni, "active")
    w.aws.delete_route(w.table.id, "0.0.0.0/0")
    assert list(routes(w, w.table.id)) == ["10.0.0.0/16", "192.168.0.0/16"]


def test_a_subnet_uses_the_main_table_unless_it_is_associated(aws_world) -> None:
    w = aws_world
    assert w.aws.route_table_of(w.inner.id).id == w.main_table
    assert w.aws.route_table_of(w.edge.id).id == w.table.id
    w.aws.disassociate_route_table(w.association_id)
    assert w.aws.route_table_of(w.edge.id).id == w.main_table
    w.aws.delete_route_table(w.table.id)
    assert w.table.id not in [table.id for table in w.aws.describe_route_tables(w.vpc.id)]


@pytest.mark.parametrize(
    ("change", "state"),
    [
        pytest.param(lambda w: w.aws.stop_instances(w.app.id), "blackhole", id="stopped"),
        pytest.param(lambda w: (w.aws.stop_instances(w.app.id), w.aws.start_instances(w.app.id)), "active", id="started again"),
        pytest.param(lambda w: w.aws.terminate_instances(w.app.id), "blackhole", id="terminated"),
        pytest.param(lambda w: w.aws.stop_instances(w.gw.id), "active", id="another stopped"),
    ],
)
def test_a_route_follows_its_instance_and_stays(aws_world, change, state) -> None:
    w = aws_world
    w.aws.create_route(w.main_table, "192.168.0.0/16", instance_id=w.app.id)
    change(w)
    assert routes(w, w.main_table)["192.168.0.0/16"] == (w.app_eni, state)


def test_a_blackhole_says_which_call_made_it_one(aws_world) -> None:
    w = aws_world
    w.aws.create_route(w.main_table, "192.168.0.0/16", instance_id=w.app.id)
    w.aws.stop_instances(w.app.id)
    route = w.cloud.store.get(RouteTable, w.main_table).routes[-1]
    assert route.destination == IPv4Network("192.168.0.0/16")
    assert (route.origin.operation, route.state_origin.operation) == ("aws.create_route", "aws.stop_instances")


def test_a_route_follows_a_secondary_interface(aws_world) -> None:
    w = aws_world
    w.aws.create_route(w.main_table, "192.168.0.0/16", network_interface_id=w.second_eni)
    states = []
    for change in (
        lambda: None,
        lambda: w.aws.detach_network_interface(w.second_eni),
        lambda: w.aws.attach_network_interface(w.second_eni, w.app.id),
        lambda: w.aws.terminate_instances(w.app.id),
        lambda: w.aws.delete_network_interface(w.second_eni),
    ):
        change()
        states.append(routes(w, w.main_table)["192.168.0.0/16"])
    assert states == [(w.second_eni, state) for state in ("active", "blackhole", "active", "blackhole", "blackhole")]


def test_a_route_follows_the_attachment_of_its_internet_gateway_to_its_own_vpc(aws_world) -> None:
    w = aws_world
    w.aws.terminate_instances(w.gw.id)
    states = []
    for change in (
        lambda: w.aws.detach_internet_gateway(w.igw.id, w.vpc.id),
        lambda: w.aws.attach_internet_gateway(w.igw.id, w.other_vpc.id),
        lambda: w.aws.detach_internet_gateway(w.igw.id, w.other_vpc.id),
        lambda: w.aws.attach_internet_gateway(w.igw.id, w.vpc.id),
    ):
        change()
        states.append(routes(w, w.table.id)["0.0.0.0/0"][1])
    assert states == ["blackhole", "blackhole", "blackhole", "active"]
