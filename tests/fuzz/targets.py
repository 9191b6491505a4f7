"""All targets of the fuzzers by name, each with inputs to begin with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from dataplane.ike.doubles import POP, TO_POP, TO_VCPE, VCPE, Wire, end
from dataplane.ike.handshake import CFG_REQUEST
from dataplane.ike.selectors import EVERYTHING, pack_selectors
from dataplane.linux.requests import OpenControl, OpenTun, OpenUnderlay, encode
from tests.fuzz import conversation, parsers

CHAIN = 28  # where the payloads of a message begin


def recorded() -> list[bytes]:
    """The messages of a handshake."""
    wire = Wire(left := end(VCPE, TO_POP), end(POP, TO_VCPE))
    wire.connect(left, TO_POP)
    wire.run()
    return [datagram[4:] for datagram in wire.sent]


REQUEST = recorded()[0]

CONFIGURATION = {
    "name": "pop",
    "tun": {"name": "tun0", "mtu": 1400},
    "underlay": {"address": "198.51.100.10", "port": 4500, "ike": True},
    "icmp_source": "10.0.1.10",
    "control": "/run/pop",
    "keys_fd": 3,
    "eni_check": {"addresses": ["10.0.1.10"], "enabled": True},
    "peers": [
        {
            "name": "a",
            "cipher": "aes-256-gcm",
            "prefixes": ["10.0.0.0/16"],
            "endpoint": ["192.0.2.1", 4500],
            "speaks_first": True,
        },
        {
            "name": "b",
            "prefixes": ["10.1.0.0/16"],
            "ike": {
                "identity": {"type": "key_id", "value": "sage6m2p"},
                "remote_identity": {"type": "ipv4", "value": "192.0.2.2"},
            },
        },
    ],
}
KEYS = {"a": {"outbound": {"spi": 256, "key": "00" * 36}, "inbound": {"spi": 257, "key": "01" * 36}}, "b": {"psk": "00ff"}}
LINES = (
    {"op": "status"},
    {"op": "rekey", "peer": "sag-1", "what": "ike"},
    {"op": "set_prefixes", "peer": "sag-1", "prefixes": ["10.0.0.0/8"], "take_over": True},
    {"op": "set_eni_check", "addresses": ["10.0.0.1"], "enabled": True},
    {"op": "remove_peer", "peer": "sag-1"},
    {"op": "add_peer", "peer": CONFIGURATION["peers"][0], "keys": KEYS["a"]},  # type: ignore[index]
)


REQUESTS = (OpenTun(1400, vnet_header=True), OpenUnderlay(IPv4Address("198.51.100.10"), 4500), OpenControl())


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


@dataclass(frozen=True)
class Target:
    """`share` is how much of all executions is its own; `longest` bounds what is tried, in bytes."""

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    share: float
    longest: int = 512


TARGETS: Mapping[str, Target] = {
    "ike-datagram": Target(parsers.ike_datagram, tuple(recorded()), 0.1005),
    "ike-payloads": Target(parsers.ike_payloads, (REQUEST[16:17] + REQUEST[CHAIN:],), 0.08),
    "ike-doorkeeper": Target(parsers.ike_doorkeeper, (REQUEST[16:17] + REQUEST[CHAIN:],), 0.03),
    "ike-proposals": Target(parsers.ike_proposals, (REQUEST[CHAIN + 4 : CHAIN + 4 + 104],), 0.08),
    "ike-selectors": Target(parsers.ike_selectors, (pack_selectors(EVERYTHING),), 0.08),
    "ike-configuration": Target(parsers.ike_configuration, (CFG_REQUEST.body(),), 0.08),
    "ike-identity": Target(parsers.ike_identity, (b"\x0b\0\0\0sage6m2p", b"\x01\0\0\0\x0a\0\0\x01"), 0.06),
    "ike-notify": Target(parsers.ike_notify, (b"\x03\x04\x40\x09\0\0\x10\x01", b"\0\0\x40\x06cookie"), 0.06),
    "ike-delete": Target(parsers.ike_delete, (b"\x03\x04\0\x01\0\0\x10\x01", b"\x01\0\0\0"), 0.06),
    "ike-sealed": Target(parsers.ike_sealed, (b"\x29\0\0\0\x08\0\0\x40\0\0", b"\0\0"), 0.07),
    "esp": Target(parsers.esp, (b"\0" + conversation.PACKET + b"\x01\x02\x02\x04",), 0.06),
    "ipv4": Target(parsers.ipv4_packet, (conversation.PACKET, b"\x4f" + conversation.PACKET[1:] + bytes(200)), 0.06),
    "tcp-options": Target(parsers.tcp_options, (b"\2\4\5\xb4", b"\1\2\4\5\xb4\1\1\0"), 0.04),
    "path-report": Target(parsers.path_report, (b"\5\xb4\0\0\x10\1\0\0\0\1",), 0.01),
    "replay-window": Target(parsers.replay_window, (b"\0\1\0\2\0\2\0\x41\0\1",), 0.03),
    "configuration": Target(parsers.configuration, (_json(CONFIGURATION) + b"\0" + _json(KEYS),), 0.03, 2048),
    "control-line": Target(parsers.control_line, tuple(_json(line) for line in LINES), 0.03, 1024),
    "agent-request": Target(parsers.agent_request, tuple(encode(each) for each in REQUESTS), 0.02, 256),
    "conversation": Target(conversation.conversation, (b"\x01\x0a\x0b\0\0\x01",), 0.01, 128),
    "connected-conversation": Target(conversation.connected_conversation, (b"\x0b\0\x01\x01\x0b\0\0\x01",), 0.009, 128),
    "reconciliation": Target(conversation.reconciliation, (b"\x0b\0\x01\x01\x0b\0\0\x01",), 0.0005, 64),
}
