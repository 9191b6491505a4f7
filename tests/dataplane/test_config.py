"""Configurations and keys: what is read, and what each broken rule is called. All errors are reported at once."""

from __future__ import annotations

import copy
import json
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from dataplane.assembly import build_engine
from dataplane.check import EniCheck
from dataplane.config import Config, ConfigError, PreSharedKey, SaKeys, parse_config, parse_keys
from dataplane.errors import LocalError
from dataplane.headers import HeaderRules
from dataplane.ike.identity import address, fqdn, key_id
from dataplane.ike.lifetimes import Lifetimes
from dataplane.ike.policy import Lease

GOOD: dict[str, Any] = {
    "name": "vcpe",
    "tun": {"name": "tun0", "mtu": 1400},
    "underlay": {"address": "10.0.2.10", "port": 4500},
    "icmp_source": "10.0.2.10",
    "control": "/run/vcpe.sock",
    "keys_fd": 7,
    "eni_check": {"addresses": ["10.0.2.10"], "enabled": True},
    "peers": [
        {
            "name": "sag-1",
            "cipher": "aes-128-gcm",
            "prefixes": ["192.168.0.0/16", "172.16.0.0/12"],
            "endpoint": ["198.51.100.10", 4500],
            "speaks_first": True,
        },
        {"name": "sag-2", "cipher": "chacha20-poly1305", "prefixes": [], "endpoint": None},
    ],
}
KEYS: dict[str, Any] = {
    "sag-1": {"outbound": {"spi": 4097, "key": "01" * 20}, "inbound": {"spi": 4098, "key": "02" * 20}},
    "sag-2": {"outbound": {"spi": 4097, "key": "03" * 36}, "inbound": {"spi": 4099, "key": "04" * 36}},
}
REMOVED = object()
INTERFACE_RULE = "must be an interface name: a letter, then at most 14 letters, digits, '_', '.', '-'"


def altered(document: dict[str, Any], path: list[str | int], value: object) -> str:
    """The document as text, with one value replaced or removed."""
    result = copy.deepcopy(document)
    place: Any = result
    for step in path[:-1]:
        place = place[step]
    if value is REMOVED:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(result)


def case_id(path: list[str | int], value: object) -> str:
    shown = "removed" if value is REMOVED else json.dumps(value)
    return f"{'.'.join(map(str, path))}={shown[:24]}"


def good() -> Config:
    return parse_config(json.dumps(GOOD))


def errors_of(text: str | bytes) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    return caught.value.errors


def key_errors_of(text: str | bytes) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_keys(text, good().peers)
    return caught.value.errors


def test_good_configuration_is_read() -> None:
    config = good()
    first, second = config.peers
    assert (config.name, config.control, config.keys_fd) == ("vcpe", "/run/vcpe.sock", 7)
    assert (config.tun.name, config.tun.mtu) == ("tun0", 1400)
    assert (config.underlay.address, config.underlay.port) == (IPv4Address("10.0.2.10"), 4500)
    assert config.eni_check == EniCheck((IPv4Address("10.0.2.10"),), enabled=True)
    assert (first.suite.name, first.endpoint, first.speaks_first) == ("aes-128-gcm", ("198.51.100.10", 4500), True)
    assert first.prefixes == (IPv4Network("192.168.0.0/16"), IPv4Network("172.16.0.0/12"))
    assert (second.prefixes, second.endpoint, second.speaks_first) == ((), None, False)


def test_what_may_be_left_out() -> None:
    text = altered({**GOOD, "eni_check": None}, ["tun", "mtu"], REMOVED)
    config = parse_config(text)
    assert (config.tun.mtu, config.eni_check) == (1438, None)
    assert config.headers == HeaderRules(copy_dscp=True, copy_ecn=True, clamp_mss=True, discover_mtu=True)


def test_lifetime_of_childrens_keys_is_read() -> None:
    lifetimes = parse_config(altered(GOOD, ["ike"], {"child_lifetime": 600})).ike.lifetimes
    assert (lifetimes.child, lifetimes.child_hard) == (600, 900)
    assert (lifetimes.ike, lifetimes.ike_hard) == (Lifetimes().ike, Lifetimes().ike_hard)


def test_patience_of_ike_is_read() -> None:
    ike = parse_config(altered(GOOD, ["ike"], {"probe_after": 30, "give_up_after": 12})).ike
    assert (ike.probe_after, ike.probe_waiting) == (30, 4)
    liveness = ike.liveness
    waits = [liveness.first * liveness.factor**attempt for attempt in range(liveness.attempts)]
    assert (liveness.attempts, sum(waits)) == (7, pytest.approx(12))


def test_bandwidth_is_read_and_may_be_left_out() -> None:
    limited = parse_config(altered(GOOD, ["peers", 0, "bandwidth"], 100_000_000))
    assert (limited.peers[0].bandwidth, parse_config(json.dumps(GOOD)).peers[0].bandwidth) == (100_000_000, None)


def test_headers_are_read() -> None:
    config = parse_config(altered(GOOD, ["headers"], {"copy_ecn": False}))
    assert config.headers == HeaderRules(copy_ecn=False)


WRONG = [
    (["name"], REMOVED, "name: is missing, must be printable text of 1 to 128 bytes"),
    (["name"], "", "name: '' must be printable text of 1 to 128 bytes"),
    (["name"], 5, "name: 5 must be printable text of 1 to 128 bytes"),
    (["tun"], REMOVED, "tun: is missing, must be an object"),
    (["tun", "name"], "a-name-too-long-0", f"tun.name: 'a-name-too-long-0' {INTERFACE_RULE}"),
    (["tun", "name"], "tun/0", f"tun.name: 'tun/0' {INTERFACE_RULE}"),
    (["tun", "mtu"], 67, "tun.mtu: 67 must be a whole number from 68 to 65473"),
    (["tun", "mtu"], 1400.5, "tun.mtu: 1400.5 must be a whole number from 68 to 65473"),
    (["underlay", "address"], "10.0.2", "underlay.address: '10.0.2' must be an IPv4 address"),
    (["underlay", "port"], 0, "underlay.port: 0 must be a whole number from 1 to 65535"),
    (["underlay", "port"], True, "underlay.port: True must be a whole number from 1 to 65535"),
    (["icmp_source"], 5, "icmp_source: 5 must be an IPv4 address"),
    (["control"], "/" + "x" * 107, f"control: '/{'x' * 55}… must be printable text of 1 to 107 bytes"),
    (["keys_fd"], 2, "keys_fd: 2 must be a whole number from 3 to 2147483647"),
    (["eni_check", "enabled"], REMOVED, "eni_check.enabled: is missing, must be true or false"),
    (["eni_check", "enabled"], 1, "eni_check.enabled: 1 must be true or false"),
    (["eni_check", "addresses"], [], "eni_check.addresses: is empty, so the check would let nothing pass"),
    (["ike"], {"probe_after": 0}, "ike.probe_after: 0 must be a whole number from 1 to 3600"),
    (["ike"], {"dpd": 1}, "ike.dpd: is unknown; known: probe_after, probe_waiting, give_up_after, child_lifetime"),
    (["ike"], {"child_lifetime": 9}, "ike.child_lifetime: 9 must be a whole number from 10 to 3600"),
    (["headers"], {"clamp_mss": 1}, "headers.clamp_mss: 1 must be true or false"),
    (["headers"], {"ttl": True}, "headers.ttl: is unknown; known: copy_dscp, copy_ecn, clamp_mss, discover_mtu"),
    (["eni_check", "addresses", 0], "::1", "eni_check.addresses[0]: '::1' must be an IPv4 address"),
    (["peers"], {}, "peers: {} must be a list"),
    (["peers", 0], "sag-1", "peers[0]: 'sag-1' must be an object"),
    (["peers", 0, "cipher"], "des", "peers[0].cipher: 'des' must be one of aes-128-gcm, aes-256-gcm, chacha20-poly1305"),
    (["peers", 0, "cipher"], [], "peers[0].cipher: [] must be one of aes-128-gcm, aes-256-gcm, chacha20-poly1305"),
    (["peers", 0, "prefixes", 1], "10.0.0.0", "peers[0].prefixes[1]: '10.0.0.0' must be an IPv4 prefix such as 10.0.0.0/16"),
    (["peers", 0, "prefixes", 1], "::/0", "peers[0].prefixes[1]: '::/0' must be an IPv4 prefix such as 10.0.0.0/16"),
    (
        ["peers", 0, "prefixes", 1],
        "10.0.0.0/33",
        "peers[0].prefixes[1]: '10.0.0.0/33' must be an IPv4 prefix such as 10.0.0.0/16",
    ),
    (
        ["peers", 0, "prefixes", 1],
        "10.0.0.1/16",
        "peers[0].prefixes[1]: '10.0.0.1/16' must have no bits set behind the prefix length; write 10.0.0.0/16",
    ),
    (
        ["peers", 0, "endpoint"],
        ["198.51.100.10"],
        "peers[0].endpoint: ['198.51.100.10'] must be a list of an IPv4 address and a port from 1 to 65535",
    ),
    (["peers", 0, "endpoint", 0], "pop", "peers[0].endpoint: 'pop' must be an IPv4 address"),
    (["peers", 0, "endpoint"], None, "peers[0].endpoint: is missing, and an end that speaks first must know it"),
    (["peers", 0, "speaks_first"], "yes", "peers[0].speaks_first: 'yes' must be true or false"),
    (["peers", 1, "name"], "sag-1", "peers[1].name: 'sag-1' is the name of peers[0] already"),
    (["peers", 1, "prefixes"], ["172.16.0.0/12"], "peers[1].prefixes[0]: 172.16.0.0/12 lies behind peers[0] already"),
    (
        ["peers", 0, "key"],
        "secret",
        "peers[0].key: is unknown; known: name, cipher, prefixes, endpoint, speaks_first, ike, bandwidth, "
        "inbound_bandwidth, meter",
    ),
]


@pytest.mark.parametrize(("path", "value", "error"), WRONG, ids=[case_id(path, value) for path, value, _ in WRONG])
def test_wrong_field(path: list[str | int], value: object, error: str) -> None:
    assert errors_of(altered(GOOD, path, value)) == (error,)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("", "the configuration: is no JSON (line 1, column 1)", id="empty"),
        pytest.param('{"name": ', "the configuration: is no JSON (line 1, column 10)", id="cut-off"),
        pytest.param(b"\xff\xfe\x00", "the configuration: is no JSON", id="no-text"),
        pytest.param("[" * 100_000, "the configuration: is nested too deeply", id="deep"),
    ],
)
def test_no_json(text: str | bytes, error: str) -> None:
    assert errors_of(text) == (error,)


def test_every_error_is_reported_at_once() -> None:
    errors = errors_of('{"peers": [{}, 7], "nmae": "vcpe"}')
    assert [error.split(":")[0] for error in errors] == [
        "nmae",
        "name",
        "tun",
        "underlay",
        "icmp_source",
        "control",
        "keys_fd",
        "peers[0].name",
        "peers[0].cipher",
        "peers[0].prefixes",
        "peers[1]",
    ]


def test_good_keys_make_an_engine() -> None:
    keys = parse_keys(json.dumps(KEYS), good().peers)
    engine = build_engine(good(), keys, 5.0)
    peer = engine.peers["sag-1"]
    assert (peer.outbound.spi, peer.inbound.spi, peer.outbound.suite.name) == (4097, 4098, "aes-128-gcm")
    assert (engine.mtu, engine.check, engine.started_at) == (1400, good().eni_check, 5.0)


WRONG_KEYS = [
    (["sag-2"], REMOVED, "keys.sag-2: is missing, must be an object"),
    (["sag-3"], {}, "keys.sag-3: is unknown; known: sag-1, sag-2"),
    (["sag-1"], "01" * 20, "keys.sag-1: str must be an object"),
    (["sag-1", "inbound", "spi"], 255, "keys.sag-1.inbound.spi: int must be a whole number from 256 to 4294967295"),
    (["sag-1", "inbound", "key"], "zz", "keys.sag-1.inbound.key: str must be hexadecimal text, two digits a byte"),
    (["sag-1", "inbound", "key"], "", "keys.sag-1.inbound.key: str must be hexadecimal text, two digits a byte"),
    (
        ["sag-1", "inbound", "key"],
        "02" * 16,
        "keys.sag-1.inbound.key: 16 bytes are given; aes-128-gcm takes 20 bytes, the key and then the salt",
    ),
    (
        ["sag-1", "inbound", "key"],
        "01" * 20,
        "keys.sag-1: both directions have the same key, and so would use the same nonces",
    ),
    (["sag-2", "inbound", "spi"], 4098, "keys.sag-2.inbound.spi: 4098 is the inbound SPI of sag-1 already"),
]


@pytest.mark.parametrize(("path", "value", "error"), WRONG_KEYS, ids=[case_id(path, value) for path, value, _ in WRONG_KEYS])
def test_wrong_keys(path: list[str | int], value: object, error: str) -> None:
    errors = key_errors_of(altered(KEYS, path, value))
    assert errors[0] == error


def test_no_error_shows_a_key() -> None:
    secret = "5ec2e7" * 4
    cases = [secret, {"sag-1": secret}, {"sag-1": {"outbound": secret, "inbound": {"spi": secret, "key": [secret]}}}]
    texts = [json.dumps(case) for case in cases] + [f'{{"sag-1": "{secret}"', altered(KEYS, ["sag-1", "inbound", "key"], secret)]
    for text in texts:
        assert secret not in " ".join(key_errors_of(text))


def test_repr_of_keys_hides_them() -> None:
    assert repr(SaKeys(4097, b"secret")) == "SaKeys(spi=4097)"


# Peers keyed by IKE

IKE_PEER: dict[str, Any] = {
    "name": "sag-1",
    "prefixes": ["192.168.0.0/16"],
    "endpoint": ["198.51.100.10", 500],
    "speaks_first": True,
    "ike": {
        "identity": {"type": "key_id", "value": "sage6m2ph5sit0000001"},
        "remote_identity": {"type": "fqdn", "value": "pop.example"},
    },
}
OTHER_IKE_PEER: dict[str, Any] = {
    "name": "sag-3",
    "cipher": "chacha20-poly1305",
    "prefixes": [],
    "ike": {
        "identity": {"type": "ipv4", "value": "10.0.2.10"},
        "remote_identity": {"type": "key_id", "value": "pop.example"},
    },
}
MIXED: dict[str, Any] = {**GOOD, "peers": [IKE_PEER, GOOD["peers"][1], OTHER_IKE_PEER]}
MIXED_KEYS: dict[str, Any] = {"sag-1": {"psk": "5ec2e7"}, "sag-2": KEYS["sag-2"], "sag-3": {"psk": "00"}}


def test_peers_of_both_kinds_make_an_engine() -> None:
    config = parse_config(json.dumps(MIXED))
    engine = build_engine(config, parse_keys(json.dumps(MIXED_KEYS), config.peers), 5.0, bytes)
    assert config.underlay.ike
    first, second, third = engine.peers.values()
    assert (first.policy.local, first.policy.remote, first.policy.psk) == (
        key_id("sage6m2ph5sit0000001"),
        fqdn("pop.example"),
        b"\x5e\xc2\xe7",
    )
    assert len(first.policy.esp.ciphers) == 3
    assert second.inbound.spi == 4099
    assert third.policy.local == address(IPv4Address("10.0.2.10"))
    assert [cipher.name for cipher in third.policy.esp.ciphers] == ["chacha20-poly1305"]


def test_lease_and_a_key_that_is_good_once_are_read() -> None:
    ike = {**OTHER_IKE_PEER["ike"], "lease": {"address": "10.9.0.5", "dns": ["10.9.0.1", "10.9.0.2"]}, "once": True}
    config = parse_config(json.dumps({**MIXED, "peers": [IKE_PEER, {**OTHER_IKE_PEER, "ike": ike}]}))
    keys = parse_keys(json.dumps({name: MIXED_KEYS[name] for name in ("sag-1", "sag-3")}), config.peers)
    plain, client = (peer.policy for peer in build_engine(config, keys, 5.0, bytes).peers.values())
    assert (plain.lease, plain.request_lease, plain.once) == (None, False, False)
    assert client.lease == Lease(IPv4Address("10.9.0.5"), dns=(IPv4Address("10.9.0.1"), IPv4Address("10.9.0.2")))
    assert (client.once, client.spent) == (True, False)


@pytest.mark.parametrize(
    ("asked", "spoken"), [pytest.param(REMOVED, False, id="no"), pytest.param(True, True, id="for-peers-that-come-later")]
)
def test_ike_without_a_peer_that_is_keyed_by_it(asked: object, spoken: bool) -> None:
    text = json.dumps(GOOD) if asked is REMOVED else altered(GOOD, ["underlay", "ike"], asked)
    assert parse_config(text).underlay.ike is spoken


def test_ike_needs_entropy() -> None:
    config = parse_config(json.dumps(MIXED))
    with pytest.raises(LocalError, match="needs entropy"):
        build_engine(config, parse_keys(json.dumps(MIXED_KEYS), config.peers), 5.0)


MISSING_PSK = "keys.sag-1.psk: is missing, must be hexadecimal text, two digits a byte"
WRONG_IKE = [
    (["underlay", "ike"], 1, "underlay.ike: 1 must be true or false"),
    (["underlay", "port"], 500, "underlay.port: 500 is IKE's own, and ESP needs another such as 4500"),
    (["peers", 0, "ike"], "psk", "peers[0].ike: 'psk' must be an object"),
    (
        ["peers", 0, "ike", "psk"],
        "00",
        "peers[0].ike.psk: is unknown; known: identity, remote_identity, lease, request_lease, once",
    ),
    (["peers", 0, "ike", "identity"], REMOVED, "peers[0].ike.identity: is missing, must be an object"),
    (["peers", 0, "ike", "identity", "type"], "email", "peers[0].ike.identity.type: 'email' must be one of key_id, fqdn, ipv4"),
    (["peers", 0, "ike", "identity", "value"], "", "peers[0].ike.identity.value: '' must be printable text of 1 to 128 bytes"),
    (
        ["peers", 0, "ike", "remote_identity", "value"],
        "pöp",
        "peers[0].ike.remote_identity.value: 'pöp' is no domain name: it must be ASCII",
    ),
    (["peers", 2, "ike", "identity", "value"], "10.0.2", "peers[2].ike.identity.value: '10.0.2' must be an IPv4 address"),
    (
        ["peers", 2, "ike", "remote_identity", "type"],
        "fqdn",
        "peers[2].ike.remote_identity: pop.example is that of peers[0] already",
    ),
    (["peers", 0, "ike", "lease"], {}, "peers[0].ike.lease.address: is missing, must be an IPv4 address"),
    (["peers", 0, "ike", "lease"], {"address": "10.0.0.1", "dns": "1.1"}, "peers[0].ike.lease.dns: '1.1' must be a list"),
    (["peers", 0, "ike", "request_lease"], 1, "peers[0].ike.request_lease: 1 must be true or false"),
    (["peers", 0, "ike", "once"], 1, "peers[0].ike.once: 1 must be true or false"),
    (["peers", 0, "ike"], REMOVED, "peers[0].cipher: is missing, must be one of aes-128-gcm, aes-256-gcm, chacha20-poly1305"),
]


@pytest.mark.parametrize(("path", "value", "error"), WRONG_IKE, ids=[case_id(path, value) for path, value, _ in WRONG_IKE])
def test_wrong_ike_field(path: list[str | int], value: object, error: str) -> None:
    assert errors_of(altered(MIXED, path, value)) == (error,)


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        pytest.param(["sag-1", "psk"], REMOVED, MISSING_PSK, id="missing"),
        pytest.param(["sag-1", "psk"], "secret", "keys.sag-1.psk: str must be hexadecimal text, two digits a byte", id="no-hex"),
        pytest.param(["sag-1"], KEYS["sag-1"], "keys.sag-1.outbound: is unknown; known: psk", id="keys-by-hand"),
        pytest.param(["sag-2"], {"psk": "00"}, "keys.sag-2.psk: is unknown; known: outbound, inbound", id="psk-by-hand"),
    ],
)
def test_wrong_keys_of_ike(path: list[str | int], value: object, error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_keys(altered(MIXED_KEYS, path, value), parse_config(json.dumps(MIXED)).peers)
    assert caught.value.errors[0] == error


def test_repr_of_a_pre_shared_key_hides_it() -> None:
    assert repr(PreSharedKey(b"secret")) == "PreSharedKey()"
