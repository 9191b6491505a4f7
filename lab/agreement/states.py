"""Hypothesis strategies for cloud states: calls that change the world at random. Refused ones are among them, and do nothing."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from lab.agreement.call import Call
from lab.agreement.world import FAR, HERE, World, make_world

MOST_CALLS = 14
MONTHS = 2  # the gateways are bought for one

EVERYWHERE = "0.0.0.0/0"
BLOCKS = (EVERYWHERE, "10.0.0.0/16", "10.0.1.0/24", "10.0.1.10/32", "10.1.0.0/16", "192.168.0.0/16", "192.168.1.10/32")
DESTINATIONS = (EVERYWHERE, "192.168.0.0/16", "192.168.1.0/24", "172.16.0.0/16", "172.31.0.0/16", "10.0.1.0/24", "10.0.2.0/24")
STATIC_ROUTES = ("10.0.0.0/16", "10.0.1.0/24", "10.0.1.10/32", "10.0.1.0/24,10.0.2.0/24", "10.99.0.0/16")
PORTS = ((53, 53), (443, 443), (500, 500), (4500, 4500), (1, 1000), (1000, 65535), (5000, 9000), (9000, 65535))
ICMP = ((-1, -1), (8, -1), (8, 0), (0, 0), (13, -1))
SPARE_ADDRESSES = ("10.0.1.60", "10.0.2.60")

Values = SearchStrategy[Any]


@cache
def world() -> World:
    """For its identifiers, which are the same in every world."""
    return make_world()


def states(*, least: int = 0) -> SearchStrategy[list[Call]]:
    """Calls to make in a new world, each kind of them as often as it is worth."""
    amazon = (_amazon_rules(), _amazon_rules(), _routes(), _routes(), _lists(), _interfaces(), _edges())
    return st.lists(st.one_of(*amazon, _apsara_rules(), _apsara_rules(), _transit()), min_size=least, max_size=MOST_CALLS)


def _amazon_rules() -> SearchStrategy[Call]:
    """Security groups: rules for a block or for the members of a group, given and taken back."""
    groups = st.sampled_from(world().aws_groups + world().other_groups)
    peers = st.one_of(
        st.fixed_dictionaries({"cidr_ip": st.sampled_from(BLOCKS)}),
        st.fixed_dictionaries({"source_group_id": st.sampled_from(world().aws_groups)}),
    )
    given = _merged(st.fixed_dictionaries({"group_id": groups}), _amazon_kind("ip_protocol"), peers)
    default = st.fixed_dictionaries({"group_id": groups, "ip_protocol": st.just("-1"), "cidr_ip": st.just(EVERYWHERE)})
    everything = st.fixed_dictionaries(
        {"group_id": groups, "ip_protocol": st.just("-1"), "cidr_ip": st.sampled_from(("10.0.0.0/16", "192.168.0.0/16"))}
    )
    return st.one_of(
        _call("aws", "authorize_security_group_ingress", given),
        _call("aws", "authorize_security_group_egress", given),
        _call("aws", "revoke_security_group_egress", default),
        _call("aws", "revoke_security_group_ingress", everything),
    )


def _amazon_kind(protocol: str) -> Values:
    """A protocol with its ports, or with ICMP's type and code."""
    return st.one_of(
        st.just({protocol: "-1"}),
        _ranged(protocol, ("tcp", "udp"), PORTS),
        _ranged(protocol, ("icmp",), ICMP),
    )


def _ranged(protocol: str, names: tuple[str, ...], ranges: tuple[tuple[int, int], ...]) -> Values:
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(ranges))
    return pairs.map(lambda pair: {protocol: pair[0], "from_port": pair[1][0], "to_port": pair[1][1]})


def _routes() -> SearchStrategy[Call]:
    """AWS route tables: routes to gateways and interfaces, running or not, and which subnet uses which table."""
    tables = st.sampled_from(world().tables)
    place = st.fixed_dictionaries({"route_table_id": tables, "destination_cidr_block": st.sampled_from(DESTINATIONS)})
    targets = st.one_of(
        st.fixed_dictionaries({"network_interface_id": st.sampled_from(tuple(world().enis.values()))}),
        st.fixed_dictionaries({"gateway_id": st.sampled_from(tuple(world().gateways))}),
        st.fixed_dictionaries({"instance_id": st.sampled_from(_of(world().machines, "nat", "vcpe"))}),
    )
    return st.one_of(
        _call("aws", "create_route", _merged(place, targets)),
        _call("aws", "replace_route", _merged(place, targets)),
        _call("aws", "delete_route", place),
        _call("aws", "associate_route_table", _given(route_table_id=tables, subnet_id=st.sampled_from(world().subnets))),
        _call("aws", "disassociate_route_table", _given(association_id=st.sampled_from(world().associations))),
    )


def _lists() -> SearchStrategy[Call]:
    """Network ACLs: numbered rules, and which list serves which subnet."""
    acls = st.sampled_from(world().acls)
    entry = _merged(
        _given(
            network_acl_id=acls,
            rule_number=st.sampled_from((50, 90, 110, 200)),
            rule_action=st.sampled_from(("allow", "deny")),
            egress=st.booleans(),
            cidr_block=st.sampled_from(BLOCKS),
        ),
        _amazon_kind("protocol"),
    )
    return st.one_of(
        _call("aws", "create_network_acl_entry", entry),
        _call("aws", "create_network_acl_entry", entry),
        _call("aws", "replace_network_acl_association", _given(network_acl_id=acls, subnet_id=st.sampled_from(world().subnets))),
        _call("aws", "delete_network_acl_entry", _given(network_acl_id=acls, rule_number=st.just(100), egress=st.booleans())),
    )


def _interfaces() -> SearchStrategy[Call]:
    """Interfaces and instances of AWS: the check, groups, addresses, a second interface, and whether a machine runs."""
    enis = st.sampled_from(tuple(world().enis.values()))
    machines = st.sampled_from(_of(world().machines, "app", "web", "nat", "vcpe", "db", "other"))
    groups = st.lists(st.sampled_from(world().aws_groups), min_size=1, max_size=2, unique=True)
    spare = st.just(world().enis["spare"])
    return st.one_of(
        _call("aws", "modify_network_interface_attribute", _given(network_interface_id=enis, source_dest_check=st.booleans())),
        _call("aws", "modify_network_interface_attribute", _given(network_interface_id=enis, groups=groups)),
        _call("aws", "stop_instances", _given(instance_id=machines)),
        _call("aws", "terminate_instances", _given(instance_id=st.sampled_from(_of(world().machines, "nat", "db")))),
        _call("aws", "attach_network_interface", _given(network_interface_id=spare, instance_id=machines)),
        _call(
            "aws",
            "assign_private_ip_addresses",
            _given(network_interface_id=enis, private_ip_addresses=st.sampled_from([[address] for address in SPARE_ADDRESSES])),
        ),
    )


def _edges() -> SearchStrategy[Call]:
    """Public addresses and internet gateways."""
    addresses = st.sampled_from(world().addresses)
    gateways = st.sampled_from(tuple(world().gateways.items()))
    pairs = gateways.map(lambda pair: {"internet_gateway_id": pair[0], "vpc_id": pair[1]})
    return st.one_of(
        _call(
            "aws",
            "associate_address",
            _given(allocation_id=addresses, network_interface_id=st.sampled_from(tuple(world().enis.values()))),
        ),
        _call("aws", "detach_internet_gateway", pairs),
    )


def _apsara_rules() -> SearchStrategy[Call]:
    """Security groups of Alibaba Cloud, with priorities and policies, and the route tables of its VPCs."""
    groups = st.sampled_from(world().alibaba_groups)
    kinds = st.one_of(
        st.sampled_from(({"ip_protocol": "ALL"}, {"ip_protocol": "ICMP"})),
        st.tuples(st.sampled_from(("TCP", "UDP")), st.sampled_from(PORTS)).map(
            lambda pair: {"ip_protocol": pair[0], "port_range": f"{pair[1][0]}/{pair[1][1]}"}
        ),
    )
    common = _merged(
        _given(
            security_group_id=groups,
            policy=st.sampled_from(("accept", "drop")),
            priority=st.sampled_from((1, 50, 100)),
        ),
        kinds,
    )
    group = st.sampled_from(world().alibaba_groups)
    tables = st.sampled_from(world().alibaba_tables)
    hops = st.sampled_from(world().ecs).map(lambda ecs: {"next_hop_type": "Instance", "next_hop_id": ecs})
    return st.one_of(
        _call("alibaba", "authorize_security_group", _merged(common, _given(source_cidr_ip=st.sampled_from(BLOCKS)))),
        _call("alibaba", "authorize_security_group", _merged(common, _given(source_group_id=group))),
        _call("alibaba", "authorize_security_group_egress", _merged(common, _given(dest_cidr_ip=st.sampled_from(BLOCKS)))),
        _call(
            "alibaba",
            "revoke_security_group",
            _given(security_group_id=groups, source_cidr_ip=st.just("10.0.0.0/16"), priority=st.just(50)),
        ),
        _call(
            "alibaba",
            "create_route_entry",
            _merged(_given(route_table_id=tables, destination_cidr_block=st.sampled_from(DESTINATIONS)), hops),
        ),
    )


def _transit() -> SearchStrategy[Call]:
    """The gateway's networks, its CCN, its payment, the CEN and its bandwidth, and the gateway on the edge node."""
    vpcs = st.sampled_from(tuple(world().vpcs.values()))
    cen = st.just(world().cen)
    child = st.one_of(
        vpcs.map(lambda vpc: {"child_instance_id": vpc, "child_instance_type": "VPC"}),
        st.just({"child_instance_id": world().ccn, "child_instance_type": "CCN"}),
    )
    return st.one_of(
        _call(
            "alibaba",
            "modify_smart_access_gateway",
            _given(smart_ag_id=st.just(world().sag), cidr_block=st.sampled_from(STATIC_ROUTES)),
        ),
        _call("alibaba", "unbind_smart_access_gateway", _given(ccn_id=st.just(world().ccn), smart_ag_id=st.just(world().sag))),
        _call("alibaba", "detach_cen_child_instance", _merged(_given(cen_id=cen), child)),
        _call(
            "alibaba",
            "set_cen_inter_region_bandwidth_limit",
            _given(cen_id=cen, local_region_id=st.just(HERE), opposite_region_id=st.just(FAR), bandwidth_limit=st.just(10)),
        ),
        _call(
            "alibaba", "modify_ens_instance_attribute", _given(instance_id=st.just(world().edge), source_dest_check=st.booleans())
        ),
        _call("alibaba", "stop_ens_instance", _given(instance_id=st.just(world().edge))),
        _edge_group(),
        _call("clock", "move_forward", _given(months=st.just(MONTHS))),
    )


def _edge_group() -> SearchStrategy[Call]:
    """The security group of the edge node: what it says, and whether the gateway is in it too."""
    group = _given(security_group_id=st.just(world().edge_group))
    rule = _merged(group, _given(policy=st.sampled_from(("accept", "drop")), priority=st.sampled_from((1, 50, 100))))
    block = st.sampled_from(BLOCKS)
    return st.one_of(
        _call("alibaba", "authorize_ens_security_group", _merged(rule, _given(source_cidr_ip=block))),
        _call("alibaba", "authorize_ens_security_group_egress", _merged(rule, _given(dest_cidr_ip=block))),
        _call("alibaba", "join_ens_security_group", _merged(group, _given(instance_id=st.just(world().edge)))),
    )


def _call(provider: str, name: str, arguments: Values) -> SearchStrategy[Call]:
    return arguments.map(lambda given: Call(provider, name, given))


def _given(**arguments: Values) -> Values:
    return st.fixed_dictionaries(arguments)


def _merged(*parts: Values) -> Values:
    return st.tuples(*parts).map(lambda found: {name: value for part in found for name, value in part.items()})


def _of(machines: dict[str, str], *names: str) -> tuple[str, ...]:
    return tuple(machines[name] for name in names)
