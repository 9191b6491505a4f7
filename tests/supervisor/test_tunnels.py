"""What dataplanes say of their tunnels, as a supervisor tells it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.supervisor.tunnels import tunnels_of

TALKATIVE = {
    "vpn_status": "Normal",
    "ike": {"state": "ESTABLISHED", "failure": None},
    "endpoint": ["198.51.100.10", 4500],
    "cipher": "aes-256-gcm",
    "spi_in": 1,
    "spi_out": 0x12345678,
    "age": 2.0,
    "rekey_in": 3.0,
    "heard": 0.5,
    "sent_packets": 4,
    "sent_bytes": 5,
    "received_packets": 6,
    "received_bytes": 7,
    "drops": {"REPLAYED": 8},
}
LEAST = {"vpn_status": "Abnormal", "ike": {}, "drops": {}}

CASES: dict[str, tuple[dict[str, Any], dict[str, object]]] = {
    "all that our dataplane tells": (
        TALKATIVE,
        {"endpoint": "198.51.100.10:4500", "spi_in": "0x00000001", "spi_out": "0x12345678", "reason": "", "sent_bytes": 5},
    ),
    "the least that any software tells": (
        LEAST,
        {"endpoint": "", "cipher": "", "spi_in": "", "age": None, "received_packets": 0, "reason": "PEER_NOT_HEARD"},
    ),
    "why it is not connected": (LEAST | {"ike": {"failure": "AUTHENTICATION_FAILED"}}, {"reason": "AUTHENTICATION_FAILED"}),
    "a failure before it connected is past": (TALKATIVE | {"ike": {"failure": "NO_ANSWER"}}, {"reason": ""}),
}


@pytest.mark.parametrize(("said", "expected"), CASES.values(), ids=CASES.keys())
def test_an_end_of_a_tunnel(said: dict[str, Any], expected: dict[str, object]) -> None:
    (tunnel,) = tunnels_of({"n": {"peers": {"sag-1": said}}}, {"n": "vcpe"})
    assert (tunnel.node, tunnel.peer, tunnel.vpn_status) == ("vcpe", "sag-1", said["vpn_status"])
    assert {name: getattr(tunnel, name) for name in expected} == expected
