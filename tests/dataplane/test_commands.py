"""What a dataplane answers on its control socket."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from dataplane.check import EniCheck
from dataplane.commands import answer
from dataplane.doubles import ALIBABA, PEER, Gateway, Underlay, ike_pop, ike_vcpe, pop, vcpe

KNOWN = "known: status, set_prefixes, set_eni_check, set_bandwidth, add_peer, remove_peer, rekey"


def ask(gateway: Gateway, line: bytes | dict[str, Any], now: float = 1007.5) -> dict[str, Any]:
    text = line if isinstance(line, bytes) else json.dumps(line).encode()
    reply = answer("vcpe", gateway.engine, text, now)
    assert reply.endswith(b"\n")
    assert reply.count(b"\n") == 1
    result: dict[str, Any] = json.loads(reply)
    return result


def test_status_before_anything_was_heard() -> None:
    assert ask(vcpe(), {"op": "status"}) == {
        "name": "vcpe",
        "uptime": 7.5,
        "peers": {
            PEER: {
                "endpoint": ["198.51.100.10", 4500],
                "heard": None,
                "cipher": "aes-256-gcm",
                "spi_in": 4098,
                "spi_out": 4097,
                "prefixes": ["192.168.0.0/16"],
                "mtu": 1438,
                "bandwidth": None,
                "inbound_bandwidth": None,
                "sent_packets": 0,
                "sent_bytes": 0,
                "sent_dummies": 0,
                "sent_keepalives": 0,
                "received_packets": 0,
                "received_bytes": 0,
                "received_dummies": 0,
                "drops": {},
            }
        },
        "drops": {},
        "keepalives_received": 0,
    }


@pytest.mark.parametrize(("names", "shown"), [([], []), ([PEER], [PEER]), (None, [PEER])])
def test_status_of_some_peers(names: list[str] | None, shown: list[str]) -> None:
    assert list(ask(vcpe(), {"op": "status", "peers": names})["peers"]) == shown


def test_status_afterwards() -> None:
    left, right = vcpe(), pop()
    underlay = Underlay(left, right)
    underlay.tick()
    underlay.advance(20)
    underlay.inject(right, b"rubbish", ("192.0.2.66", 666))
    status = ask(right, {"op": "status"}, now=1030.0)
    peer = status["peers"][PEER]
    assert (peer["endpoint"], peer["heard"], peer["received_dummies"]) == (["203.0.113.10", 4500], 30.0, 1)
    assert (status["drops"], status["keepalives_received"]) == ({"UNKNOWN_SPI": 1}, 1)


def test_set_prefixes() -> None:
    gateway = vcpe()
    assert ask(gateway, {"op": "set_prefixes", "peer": PEER, "prefixes": ["10.9.0.0/16"]}) == {}
    assert gateway.peer.prefixes == (IPv4Network("10.9.0.0/16"),)


def test_set_eni_check() -> None:
    gateway = vcpe()
    assert ask(gateway, {"op": "set_eni_check", "addresses": ["10.0.2.10"], "enabled": False}) == {}
    assert gateway.engine.check == EniCheck((IPv4Address("10.0.2.10"),), enabled=False)


def _new_peer(name: str = "sag-2", spi: int = 5000, prefix: str = "172.16.0.0/12") -> dict[str, Any]:
    keys = {"outbound": {"spi": spi + 1, "key": "ab" * 36}, "inbound": {"spi": spi, "key": "cd" * 36}}
    peer = {"name": name, "cipher": "aes-256-gcm", "prefixes": [prefix], "endpoint": None, "speaks_first": False}
    return {"op": "add_peer", "peer": peer, "keys": keys}


def test_a_peer_comes_and_goes_and_leaves_the_others_alone() -> None:
    gateway = pop()
    other = gateway.peer
    assert ask(gateway, _new_peer()) == {}
    assert gateway.engine.peers["sag-2"].prefixes == (IPv4Network("172.16.0.0/12"),)
    assert ask(gateway, {"op": "remove_peer", "peer": "sag-2"}) == {}
    assert gateway.engine.peers == {PEER: other}
    assert ask(gateway, _new_peer()) == {}


@pytest.mark.parametrize(
    ("message", "error"),
    [
        pytest.param(_new_peer(name=PEER), "peer 'sag-1' is there already; remove it first", id="name"),
        pytest.param(_new_peer(spi=4097), "SPI 4097 of sag-2 is that of sag-1", id="spi"),
        pytest.param(
            _new_peer(prefix="10.0.0.0/16"),
            "prefix 10.0.0.0/16 of sag-2 already lies behind sag-1; take it away there first",
            id="prefix",
        ),
        pytest.param({"op": "remove_peer", "peer": "sag-9"}, "peer 'sag-9' is unknown; known: sag-1", id="unknown"),
    ],
)
def test_a_peer_that_cannot_be_changes_nothing(message: dict[str, Any], error: str) -> None:
    gateway = pop()
    assert ask(gateway, message) == {"error": error}
    assert set(gateway.engine.peers) == {PEER}


@pytest.mark.parametrize(
    ("line", "error"),
    [
        pytest.param(b"", "the line is no JSON", id="empty"),
        pytest.param(b"\xff\x00", "the line is no JSON", id="no-text"),
        pytest.param(b"[" * 100_000, "the line is no JSON", id="deep"),
        pytest.param(b"[]", "[] is no JSON object", id="list"),
        pytest.param(b'{"op": "status", "peers": ["sag-9", 1]}', "peers: 'sag-9' is no peer; peers: 1 is no peer", id="status"),
        pytest.param(b"{}", f"op None is unknown; {KNOWN}", id="no-op"),
        pytest.param(
            b'{"op": []}',
            f"op [] is unknown; {KNOWN}",
            id="op-of-a-kind",
        ),
        pytest.param(
            b'{"op": "stop"}', f"op 'stop' is unknown; {KNOWN}", id="op"
        ),
        pytest.param(
            b'{"op": "set_prefixes", "peer": "sag-9", "prefixes": []}',
            "peer 'sag-9' is unknown; known: sag-1",
            id="unknown-peer",
        ),
        pytest.param(
            b'{"op": "set_prefixes", "peer": "sag-1", "prefixes": ["x"], "more": 1}',
            "more: is unknown; known: op, peer, prefixes, take_over; prefixes[0]: 'x' must be an IPv4 prefix such as 10.0.0.0/16",
            id="two-errors",
        ),
        pytest.param(
            b'{"op": "set_bandwidth", "peer": "sag-1", "bandwidth": 999}',
            "bandwidth: 999 must be a whole number from 1000 to 1000000000000",
            id="bandwidth",
        ),
        pytest.param(
            b'{"op": "set_bandwidth", "peer": "sag-9", "bandwidth": 1000}',
            "peer 'sag-9' is unknown; known: sag-1",
            id="bandwidth-of-nobody",
        ),
        pytest.param(
            b'{"op": "set_eni_check", "addresses": []}',
            "enabled: is missing, must be true or false",
            id="check-without-enabled",
        ),
    ],
)
def test_refusals_change_nothing(line: bytes, error: str) -> None:
    gateway = vcpe()
    reply = ask(gateway, line)
    assert reply == {"error": error}
    assert (gateway.peer.prefixes, gateway.engine.check) == ((ALIBABA,), None)


def test_bandwidth_is_set_changed_and_taken_away() -> None:
    gateway = vcpe()
    for bandwidth in (10_000_000, 300_000_000):
        assert ask(gateway, {"op": "set_bandwidth", "peer": PEER, "bandwidth": bandwidth}) == {}
        assert ask(gateway, {"op": "status"})["peers"][PEER]["bandwidth"] == bandwidth
    assert ask(gateway, {"op": "set_bandwidth", "peer": PEER}) == {}
    assert ask(gateway, {"op": "status"})["peers"][PEER]["bandwidth"] is None


# Peers keyed by IKE


def _new_ike_peer() -> dict[str, Any]:
    policy = ike_pop().negotiated.policy
    own, other = ({"type": kind, "value": str(who)} for kind, who in (("fqdn", policy.local), ("key_id", policy.remote)))
    peer = {"name": PEER, "prefixes": ["10.0.0.0/16"], "ike": {"identity": own, "remote_identity": other}}
    return {"op": "add_peer", "peer": peer, "keys": {"psk": policy.psk.hex()}}


def test_a_peer_keyed_by_ike_comes_renews_its_keys_and_goes() -> None:
    left, right = ike_vcpe(), ike_pop()
    assert ask(right, {"op": "remove_peer", "peer": PEER}) == {}
    assert ask(right, _new_ike_peer()) == {}
    underlay = Underlay(left, right)
    underlay.tick()
    for what, count in (("child", "child_rekeys"), ("ike", "rekeys")):
        assert ask(right, {"op": "rekey", "peer": PEER, "what": what}) == {}
        underlay.tick()
        for gateway in (left, right):
            status = ask(gateway, {"op": "status"})["peers"][PEER]
            assert (status["vpn_status"], status["ike"][count]) == ("Normal", 1)
    assert ask(right, {"op": "remove_peer", "peer": PEER}) == {}
    underlay.tick()
    assert ask(left, {"op": "status"})["peers"][PEER]["vpn_status"] == "Abnormal"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        pytest.param({"op": "rekey", "peer": PEER, "what": "child"}, "peer 'sag-1' is keyed by hand", id="by-hand"),
        pytest.param({"op": "rekey", "peer": "sag-9", "what": "ike"}, "peer 'sag-9' is unknown; known: sag-1", id="unknown"),
        pytest.param({"op": "rekey", "peer": PEER, "what": "psk"}, "what: 'psk' must be one of child, ike", id="what"),
    ],
)
def test_a_rekey_that_cannot_be(message: dict[str, Any], error: str) -> None:
    assert ask(vcpe(), message) == {"error": error}


def test_a_wrong_pre_shared_key_is_not_shown() -> None:
    message = _new_ike_peer()
    message["keys"] = {"psk": "secret"}
    assert ask(ike_pop(), message) == {"error": "keys.psk: str must be hexadecimal text, two digits a byte"}
