"""Clients that are given an address, by keys that are good once: two engines back to back, and a thief beside them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import raw

from dataplane.commands import status
from dataplane.doubles import PEER, Gateway, Underlay, ike_pop, ike_vcpe
from dataplane.errors import DropReason
from dataplane.ike.doubles import PSK
from dataplane.ike.policy import Lease
from dataplane.packets import Endpoint

GIVEN = Lease(IPv4Address("192.168.10.7"), dns=(IPv4Address("100.100.2.136"), IPv4Address("100.100.2.138")))
ECS = "192.168.1.10"
THIEF: Endpoint = ("203.0.113.66", 4500)


def packet(source: str = str(GIVEN.address), destination: str = ECS) -> bytes:
    return raw(IP(src=source, dst=destination) / UDP(sport=1000, dport=2000) / b"hello")


def back() -> bytes:
    return packet(ECS, str(GIVEN.address))


def client(*, psk: bytes = PSK, seed: str = "", seen_at: Endpoint = ("203.0.113.10", 4500)) -> Gateway:
    gateway = ike_vcpe(psk=psk, seed=seed, seen_at=seen_at)
    gateway.negotiated.policy = replace(gateway.negotiated.policy, request_lease=True)
    return gateway


def point(*, once: bool = True) -> Gateway:
    gateway = ike_pop()
    gateway.negotiated.policy = replace(gateway.negotiated.policy, lease=GIVEN, once=once)
    gateway.engine.set_prefixes(PEER, [IPv4Network(GIVEN.address)])
    return gateway


def ike_status(gateway: Gateway, underlay: Underlay) -> dict[str, Any]:
    found: dict[str, Any] = status(gateway.engine, underlay.now)["peers"][PEER]["ike"]
    return found


def connected(*gateways: Gateway) -> Underlay:
    underlay = Underlay(*gateways)
    underlay.tick()
    return underlay


def test_client_obtains_what_its_peer_is_to_give() -> None:
    left, right = client(), point()
    underlay = connected(left, right)
    lease = {"address": "192.168.10.7", "dns": ["100.100.2.136", "100.100.2.138"]}
    assert ike_status(left, underlay)["lease"] == ike_status(right, underlay)["lease"] == lease
    underlay.send(left, packet())
    underlay.send(right, back())
    assert (right.delivered, left.delivered) == ([packet()], [back()])


def test_lease_is_over_with_the_conversation() -> None:
    left, right = client(), point()
    underlay = connected(left, right)
    right.engine.remove_peer(PEER)
    underlay.tick()
    assert ike_status(left, underlay)["lease"] is None


def test_spoofed_source_is_dropped_at_either_end() -> None:
    left, right = client(), point()
    underlay = connected(left, right)
    spoofed = packet(source="192.168.10.8")
    underlay.send(left, spoofed)
    outbound = left.peer.outbound
    assert outbound is not None
    underlay.inject(right, outbound.encapsulate(spoofed), left.endpoint)
    assert left.drops == right.drops == {DropReason.OUTSIDE_SELECTOR: 1}
    assert right.delivered == []


SECOND = {
    "the same key": (PSK, {DropReason.IKE_SPENT_KEY: 1}),
    "another key, which says nothing of the first": (b"a guess", {DropReason.IKE_WRONG_KEY: 1}),
}


@pytest.mark.parametrize(("psk", "drops"), SECOND.values(), ids=SECOND.keys())
def test_second_client_does_not_get_in(psk: bytes, drops: dict[DropReason, int]) -> None:
    left, right = client(), point()
    underlay = connected(left, right)
    thief = client(psk=psk, seed="thief", seen_at=THIEF)
    underlay.gateways = (left, right, thief)
    underlay.tick()
    assert ike_status(thief, underlay)["failure"] == "AUTHENTICATION_FAILED"
    assert right.drops == drops
    assert right.peer.endpoint == left.endpoint
    underlay.send(left, packet())
    assert right.delivered == [packet()]


@pytest.mark.parametrize("what", ["child", "ike"])
def test_spent_key_is_enough_to_go_on(what: str) -> None:
    left, right = client(), point()
    underlay = connected(left, right)
    for gateway in (left, right):
        gateway.engine.rekey(PEER, what)
        underlay.advance(1.0)
    underlay.send(left, packet())
    assert right.delivered == [packet()]
    ours = ike_status(left, underlay)
    assert (ours["child_rekeys"], ours["rekeys"]) == ((2, 0) if what == "child" else (0, 2))
    assert ike_status(right, underlay)["spent"]


@pytest.mark.parametrize(("once", "again"), [pytest.param(True, "Abnormal", id="once"), pytest.param(False, "Normal", id="ever")])
def test_client_that_begins_anew_needs_another_key(once: bool, again: str) -> None:
    left, right = client(), point(once=once)
    connected(left, right)
    reborn = client(seed="reborn")
    underlay = Underlay(reborn, right)
    underlay.tick()
    assert status(reborn.engine, underlay.now)["peers"][PEER]["vpn_status"] == again


def test_key_is_not_spent_by_a_handshake_that_failed() -> None:
    left, right = client(psk=b"a guess"), point()
    connected(left, right)
    assert right.drops == {DropReason.IKE_WRONG_KEY: 1}
    honest = client(seed="honest")
    underlay = connected(honest, right)
    assert ike_status(honest, underlay)["lease"] is not None
