"""Two clouds joined by a tunnel: each thing that may be wrong with it, where the packet dies, and under which code."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataplane.check import EniCheck
from dataplane.errors import DropReason
from dataplane.esp import OutboundSa
from dataplane.suites import SUITES
from lab.reasons import Reason
from lab.simulation import Drop, Failure, Probe, Simulation, Walk
from lab.simulation.tunnels import datagram_size
from lab.topology import Side, Topology
from tests.simulation.build import APP, ECS, PRESENCE, PUBLIC, TUNNEL_MTU, VCPE, Hybrid, acl, echo, origin, udp_only

TO_ECS, TO_APP = echo(APP, ECS), echo(ECS, APP)
SG = Reason.ENI_SG_RULES_MISMATCH
CHECK = Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION
NO_ROUTE = Reason.NO_ROUTE_TO_DESTINATION
OWN_CHECK = EniCheck((IPv4Address(VCPE),))
SHUT: tuple[str, ...] = ()


Place = tuple[str, str]  # the code of a drop and the node where it happens
UNHEARD_BY_VCPE, UNHEARD_BY_CCN = ("PEER_NOT_HEARD", "vcpe"), ("PEER_NOT_HEARD", "ccn")
REFUSED_BY_VCPE, REFUSED_BY_CCN = ("AUTHENTICATION_FAILED", "vcpe"), ("AUTHENTICATION_FAILED", "ccn")
NO_PUBLIC_ADDRESS, PRIVATE = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS"


@dataclass(frozen=True)
class Case:
    """What becomes of a ping from app to ecs, and of one the other way: None, or where it dies, with "reply" for the answer.

    `cause` is given where it is another than the drop of the packet from app.
    """

    name: str
    network: Hybrid
    out: Place | tuple[str, str, str] | None
    back: Place | tuple[str, str, str] | None
    cause: Place | None = None


ONLY_ESP, ONLY_BEGINNING = (udp_only("vpc", Side.IN, 4500),), (udp_only("vpc", Side.IN, 500),)
FILTERS_OPENING, FILTERS_ANSWER = (acl("vpc", Side.IN, "10.0.0.0/8"),), (acl("ccn", Side.IN, "10.0.0.0/8"),)
FILTERED = ("SUBNET_ACL_RESTRICTION", "internet")
STRANGER = Hybrid(presence_peer="sag-2", presence_serial="sag2")

CASES = [
    Case("complete", Hybrid(), None, None),
    Case("check on", Hybrid(source_dest_check=True), (CHECK, "vpc"), (CHECK, "vpc")),
    Case("check on, enforced by the dataplane", Hybrid(tunnel_check=OWN_CHECK), (CHECK, "vcpe"), (CHECK, "vcpe")),
    Case("gateway's group shut to the LAN", Hybrid(vcpe_ingress=SHUT), (SG, "vpc"), None),
    Case("host's group shut", Hybrid(app_ingress=SHUT), None, (SG, "vpc")),
    Case("ecs's group shut", Hybrid(ecs_ingress=SHUT), (SG, "cloud"), None),
    Case("no route to the gateway", Hybrid(cloud_route=False), (PRIVATE, "vpc"), (PRIVATE, "vpc", "reply")),
    Case("gateway has learned nothing", Hybrid(into_tunnel=()), (NO_ROUTE, "vcpe"), (NO_ROUTE, "vcpe", "reply")),
    Case("nothing behind the gateway", Hybrid(behind_vcpe=()), ("OUTSIDE_SELECTOR", "ccn"), ("NO_PEER_FOR_DESTINATION", "ccn")),
    Case("nothing behind the CCN", Hybrid(behind_ccn=()), ("NO_PEER_FOR_DESTINATION", "vcpe"), ("OUTSIDE_SELECTOR", "vcpe")),
    Case("no dataplane", Hybrid(services=False), ("NO_TUNNEL_SERVICE", "vcpe"), ("NO_TUNNEL_SERVICE", "ccn")),
    # the two ends do not connect
    Case("nobody speaks first", Hybrid(speaks_first=False), UNHEARD_BY_VCPE, UNHEARD_BY_CCN),
    Case("no public address", Hybrid(elastic_ip=False), UNHEARD_BY_VCPE, UNHEARD_BY_CCN, (NO_PUBLIC_ADDRESS, "vpc")),
    Case("gateway's group shut outwards", Hybrid(vcpe_egress=("10.0.0.0/8",)), UNHEARD_BY_VCPE, UNHEARD_BY_CCN, (SG, "vpc")),
    Case("the CCN listens elsewhere", Hybrid(presence_port=4501), UNHEARD_BY_VCPE, UNHEARD_BY_CCN, ("NO_TUNNEL_SERVICE", "ccn")),
    Case("the opening is filtered", Hybrid(internet_acl=FILTERS_OPENING), UNHEARD_BY_VCPE, UNHEARD_BY_CCN, FILTERED),
    Case("the answer is filtered", Hybrid(internet_acl=FILTERS_ANSWER), UNHEARD_BY_VCPE, UNHEARD_BY_CCN, FILTERED),
    Case("what begins is filtered", Hybrid(internet_acl=ONLY_ESP), UNHEARD_BY_VCPE, UNHEARD_BY_CCN, FILTERED),
    Case("the proof is filtered", Hybrid(internet_acl=ONLY_BEGINNING), UNHEARD_BY_VCPE, UNHEARD_BY_CCN, FILTERED),
    Case("the answer to it is", Hybrid(internet_acl=(udp_only("ccn", Side.IN, 500),)), UNHEARD_BY_VCPE, FILTERED, FILTERED),
    # the two ends are not who they should be
    Case("a wrong key", Hybrid(key="another"), REFUSED_BY_VCPE, REFUSED_BY_CCN),
    Case("a wrong serial number", Hybrid(serial_number="sag2"), REFUSED_BY_VCPE, UNHEARD_BY_CCN),
    Case("another CCN", Hybrid(presence_name="pop2.example"), REFUSED_BY_VCPE, REFUSED_BY_CCN),
    Case("the CCN knows another gateway", STRANGER, REFUSED_BY_VCPE, UNHEARD_BY_CCN),
    Case("the gateway takes itself for the CCN", Hybrid(endpoint=VCPE), REFUSED_BY_VCPE, UNHEARD_BY_CCN),
]


def outcome(network: Topology, probe: Probe, node: str) -> tuple[str, str] | tuple[str, str, str] | None:
    exchange = Simulation(network).exchange(probe, node)
    if exchange.answered:
        return None
    leg, name = (exchange.request, "") if exchange.reply is None else (exchange.reply, "reply")
    assert leg.reason is not None
    assert leg.at is not None
    return (str(leg.reason), leg.at.node.name, name) if name else (str(leg.reason), leg.at.node.name)


@pytest.mark.requirement("S0-040", "S0-042", "S0-044", "S0-046", "S0-060", "S0-063", "S0-065")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_missing_piece_does_to_pings_both_ways(case: Case) -> None:
    network = case.network.topology()
    assert outcome(network, TO_ECS, "app") == case.out
    assert outcome(network, TO_APP, "ecs") == case.back
    if case.cause is not None:
        cause = Simulation(network).send(TO_ECS, "app").cause
        assert cause is not None
        assert cause.at is not None
        assert (cause.reason, cause.at.node.name) == case.cause


@pytest.mark.requirement("S0-067")
def test_the_gateways_own_ping_needs_neither_check_nor_route_nor_the_hosts_group() -> None:
    crippled = Hybrid(source_dest_check=True, cloud_route=False, app_ingress=SHUT, vcpe_ingress=SHUT)
    assert Simulation(crippled.topology()).exchange(echo(VCPE, ECS), "vcpe").answered
    enforced_by_itself = Hybrid(tunnel_check=OWN_CHECK)
    assert Simulation(enforced_by_itself.topology()).exchange(echo(VCPE, ECS), "vcpe").answered


@pytest.mark.requirement("S0-068")
def test_addresses_and_ttl_inside_the_tunnel() -> None:
    walk = Simulation(Hybrid().topology()).send(TO_ECS, "app")
    assert walk.nodes == ("app", "vpc", "vcpe", "ccn", "cloud", "ecs")
    assert {(hop.packet.source, hop.packet.destination) for hop in walk.hops} == {(TO_ECS.source, TO_ECS.destination)}
    assert walk.packet.ttl == TO_ECS.ttl - 4  # vpc, vcpe, ccn, cloud; the underlay's nodes take none


def test_the_datagrams_own_way() -> None:
    underlay = passage_of(Simulation(Hybrid().topology()).send(TO_ECS, "app"))
    assert underlay.nodes == ("vcpe", "vpc", "internet", "ccn")
    sources = [str(hop.packet.source) for hop in underlay.hops]
    assert sources == [VCPE, VCPE, PUBLIC, PUBLIC]
    assert str(underlay.packet.destination) == PRESENCE
    assert (underlay.probe.protocol, underlay.probe.source_port, underlay.probe.destination_port) == ("udp", 4500, 4500)
    assert underlay.probe.dont_fragment


def passage_of(walk: Walk) -> Walk:
    """The underlay's walk of the one tunnel on the way."""
    (passage,) = [hop.passage for hop in walk.hops if hop.passage is not None]
    assert passage.underlay is not None
    return passage.underlay


UNHEARD = [("the end that opens", TO_ECS, "app", "peer-ccn"), ("the end that waits", TO_APP, "ecs", "peer-vcpe")]


@pytest.mark.requirement("S0-039")
@pytest.mark.parametrize(("probe", "node", "peer"), [case[1:] for case in UNHEARD], ids=[case[0] for case in UNHEARD])
def test_a_peer_not_heard_shows_the_opening_that_failed(probe: Probe, node: str, peer: str) -> None:
    walk = Simulation(Hybrid(elastic_ip=False).topology()).send(probe, node)
    assert (walk.reason, walk.origin) == (Drop.PEER_NOT_HEARD, origin(peer))
    assert walk.at is walk.hops[-1]
    passage = walk.hops[-1].passage
    assert passage is not None
    assert passage.underlay is None  # nothing is sent to a peer that has not been heard
    (opening,) = passage.opening
    assert walk.cause == Failure(Reason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS, origin("igw"), opening.at)


def test_the_cause_of_any_other_drop_is_the_drop() -> None:
    network = Hybrid(ecs_ingress=SHUT).topology()
    walk = Simulation(network).send(TO_ECS, "app")
    assert walk.cause == Failure(SG, origin("sg-ecs"), walk.hops[-1])
    assert Simulation(network).send(TO_APP, "ecs").cause is None


def test_a_packet_outside_the_selector_dies_at_the_receiving_end() -> None:
    walk = Simulation(Hybrid(behind_vcpe=("10.0.2.0/24",)).topology()).send(TO_ECS, "app")
    assert walk.nodes[-2:] == ("vcpe", "ccn")
    assert (walk.reason, walk.origin) == (Drop.OUTSIDE_SELECTOR, origin("peer-vcpe"))
    assert walk.at is walk.hops[-1]
    assert walk.at.entered is not None
    assert walk.at.entered.peer.name == "sag-1"
    assert passage_of(walk).delivered


def test_a_tunnel_may_bring_the_nodes_own_address() -> None:
    """Only a cable may not: the TUN device accepts local sources, for the ICMP errors that the dataplane writes to it."""
    network = Hybrid(behind_ccn=("192.168.0.0/16", f"{VCPE}/32")).topology()
    walk = Simulation(network).send(echo(VCPE, APP), "ecs")
    assert walk.nodes == ("ecs", "cloud", "ccn", "vcpe", "vpc")
    assert walk.reason is SG  # past the gateway, at the host's own group


def test_the_ends_open_once() -> None:
    simulation = Simulation(Hybrid().topology())
    openings = [
        [hop.passage.opening for hop in simulation.send(probe, node).hops if hop.passage is not None]
        for probe, node in ((TO_ECS, "app"), (TO_APP, "ecs"), (TO_ECS, "app"))
    ]
    assert [len(opening) for (opening,) in openings] == [4, 0, 0]


def test_the_handshake_begins_on_port_500_and_goes_on_where_esp_goes() -> None:
    walks = Simulation(Hybrid().topology()).open_tunnels()
    ports = [(walk.probe.source_port, walk.probe.destination_port) for walk in walks]
    assert ports == [(500, 500), (500, 500), (4500, 4500), (4500, 4500)]
    assert [(str(walk.probe.source), str(walk.probe.destination)) for walk in walks] == [(VCPE, PRESENCE), (PRESENCE, PUBLIC)] * 2


STATUS = {
    "complete": (Hybrid(), ("", "")),
    "a wrong key": (Hybrid(key="another"), ("AUTHENTICATION_FAILED", "AUTHENTICATION_FAILED")),
    "a wrong serial number": (Hybrid(serial_number="sag2"), ("AUTHENTICATION_FAILED", "PEER_NOT_HEARD")),
    "no public address": (Hybrid(elastic_ip=False), ("NO_ANSWER", "PEER_NOT_HEARD")),
    "the last answer is filtered": (Hybrid(internet_acl=(udp_only("ccn", Side.IN, 500),)), ("NO_ANSWER", "")),
}


@pytest.mark.requirement("S0-037", "S0-050")
@pytest.mark.parametrize(("network", "reasons"), STATUS.values(), ids=STATUS.keys())
def test_vpn_status_at_both_ends(network: Hybrid, reasons: tuple[str, str]) -> None:
    ends = Simulation(network.topology()).vpn_ends("sag-1")
    assert [(end.node, end.reason) for end in ends] == list(zip(("vcpe", "ccn"), reasons, strict=True))
    assert [end.status for end in ends] == ["Abnormal" if reason else "Normal" for reason in reasons]


def test_a_refusal_is_due_to_what_the_gateway_was_given() -> None:
    for probe, node in ((TO_ECS, "app"), (TO_APP, "ecs")):
        walk = Simulation(Hybrid(key="another").topology()).send(probe, node)
        assert walk.cause is not None
        assert (walk.cause.reason, walk.cause.origin) == (Drop.AUTHENTICATION_FAILED, origin("user-data"))


def test_what_tunnels_send_by_themselves_is_walked_and_not_remembered() -> None:
    simulation = Simulation(Hybrid().topology())
    begins = [(500, "vcpe")]
    assert [(walk.probe.destination_port, walk.nodes[0]) for walk in simulation.chatter()] == begins
    assert simulation.vpn_ends("sag-1")[0].reason == ""
    kept_open = [(4500, "vcpe"), (4500, "ccn")]
    assert [(walk.probe.destination_port, walk.nodes[0]) for walk in simulation.chatter()] == [*begins, *kept_open]


def test_a_tunnel_routed_into_itself_ends() -> None:
    looped = Hybrid(into_tunnel=("0.0.0.0/0",), behind_ccn=("0.0.0.0/0",)).topology()
    walk = Simulation(looped).send(TO_ECS, "app")
    assert walk.reason is Drop.PEER_NOT_HEARD
    assert walk.cause is not None
    assert walk.cause.reason is Drop.TUNNEL_LOOP
    running = Simulation(Hybrid().topology())
    assert running.exchange(TO_ECS, "app").answered
    assert running.with_topology(looped).send(TO_ECS, "app").reason is Drop.TUNNEL_LOOP


# What is connected stays connected


def test_a_connected_peer_is_remembered_when_the_network_changes() -> None:
    simulation = Simulation(Hybrid().topology())
    assert simulation.exchange(TO_ECS, "app").answered
    cut_off = Hybrid(elastic_ip=False).topology()
    walk = simulation.with_topology(cut_off).send(TO_APP, "ecs")
    assert walk.reason is Reason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS  # the datagram was sent, and names its killer
    assert walk.hops[-1].passage is not None
    assert walk.hops[-1].passage.underlay is not None
    assert walk.at is walk.hops[-1].passage.underlay.hops[-1]
    assert Simulation(cut_off).send(TO_APP, "ecs").reason is Drop.PEER_NOT_HEARD


@pytest.mark.parametrize("other", [STRANGER, Hybrid(key="another")], ids=["the other end", "the same end"])
def test_a_tunnel_one_of_whose_ends_is_another_begins_anew_at_both(other: Hybrid) -> None:
    simulation = Simulation(Hybrid().topology())
    assert simulation.exchange(TO_ECS, "app").answered
    renamed = simulation.with_topology(other.topology())
    back = renamed.with_topology(Hybrid(elastic_ip=False).topology())
    assert back.send(TO_APP, "ecs").reason is Drop.PEER_NOT_HEARD


# Size


@given(st.integers(28, 2000), st.booleans())
def test_the_tunnel_carries_what_fits_its_device(size: int, dont_fragment: bool) -> None:
    walk = Simulation(Hybrid().topology()).send(replace(TO_ECS, size=size, dont_fragment=dont_fragment), "app")
    if size > 1500 and dont_fragment:
        assert (walk.reason, walk.nodes) == (Drop.FRAGMENTATION_NEEDED, ("app",))
    elif size > TUNNEL_MTU and dont_fragment:
        assert (walk.reason, walk.nodes[-1]) == (Drop.FRAGMENTATION_NEEDED, "vcpe")
        assert walk.error is not None
        assert (walk.error.mtu, walk.error.node.name) == (TUNNEL_MTU, "vcpe")
    else:
        assert walk.delivered
        assert passage_of(walk).probe.size <= 1500


def test_a_narrow_underlay_stops_large_datagrams_only() -> None:
    network = Hybrid(internet_mtu=1400).topology()
    small = Simulation(network).send(replace(TO_ECS, size=1000), "app")
    large = Simulation(network).send(replace(TO_ECS, size=TUNNEL_MTU), "app")
    assert small.delivered
    assert (large.reason, large.at and large.at.node.name) == (Drop.FRAGMENTATION_NEEDED, "internet")
    assert large.error is None  # the ICMP error goes to the gateway, not to app
    told = passage_of(large).error
    assert told is not None
    assert told.mtu == 1400


IP_AND_UDP = 28


@pytest.mark.parametrize("cipher", sorted(SUITES))
def test_a_datagram_is_as_long_as_the_dataplane_makes_it(cipher: str) -> None:
    suite = SUITES[cipher]
    association = OutboundSa(4097, suite, bytes(suite.material_length))
    for size in range(20, 1500, 7):
        assert datagram_size(size) == IP_AND_UDP + len(association.encapsulate(bytes(size)))


def test_the_largest_inner_packet_fills_an_ethernet_frame() -> None:
    assert [datagram_size(size) for size in (TUNNEL_MTU, TUNNEL_MTU + 1)] == [1500, 1504]


def test_the_dataplanes_codes_are_its_own() -> None:
    dataplane = {
        Drop.NO_PEER_FOR_DESTINATION,
        Drop.PEER_NOT_HEARD,
        Drop.AUTHENTICATION_FAILED,
        Drop.UNKNOWN_SPI,
        Drop.OUTSIDE_SELECTOR,
    }
    assert {drop.value for drop in dataplane} <= {reason.value for reason in DropReason}


@pytest.mark.parametrize("first", [TO_ECS, TO_APP], ids=["from app", "from ecs"])
def test_every_hop_follows_a_cable_or_a_tunnel(first: Probe) -> None:
    network = Hybrid().topology()
    walk = Simulation(network).send(first, "app" if first is TO_ECS else "ecs")
    for here, there in pairwise(walk.hops):
        assert here.interface_out is not None
        assert there.interface_in is not None
        if here.interface_out.tunnel:
            assert there.entered is not None
        else:
            near = (here.node.name, here.interface_out.name)
            assert network.far_end[near] == (there.node.name, there.interface_in.name)
