"""strongSwan as live peer, in both roles: every cipher, both groups, rekeys by either end, refusals, a dead peer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("strongswan_driver.py")
NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]

pytestmark = [pytest.mark.emulation, pytest.mark.judge("strongSwan")]

# What the driver of the namespaces prints when all went well.
LIFE = [
    "ping 4 of 4",
    "child rekeyed by us, ping 4 of 4",
    "child rekeyed by strongSwan, ping 4 of 4",
    "IKE SA rekeyed by us, ping 4 of 4",
    "IKE SA rekeyed by strongSwan, ping 4 of 4",
    "child rekeyed under the new IKE SA, ping 4 of 4",
]
REFUSED_BY_PEER = ["Failed(reason=<Reason.AUTHENTICATION_FAILED: 'AUTHENTICATION_FAILED'>, by_peer=True)"]
REFUSED_BY_US = ["Failed(reason=<Reason.AUTHENTICATION_FAILED: 'AUTHENTICATION_FAILED'>, by_peer=False)"]
DEAD = ["Failed(reason=<Reason.NO_ANSWER: 'NO_ANSWER'>, by_peer=False)"]

AES_256, AES_128 = "aes256gcm16-prfsha256-x25519", "aes128gcm16-prfsha384-ecp256"
CHACHA = "chacha20poly1305-prfsha256-x25519"

# Where strongSwan takes ECP-256 only, our first offer is X25519, and it answers INVALID_KE_PAYLOAD. The last ESP proposal has no
# group, so strongSwan wants no key exchange for a child.
CASES = [
    pytest.param("initiate", AES_256, "aes256gcm16-x25519", [*LIFE, "closed by us"], id="initiate-aes-256-x25519"),
    pytest.param("initiate", AES_128, "aes128gcm16-ecp256", [*LIFE, "closed by us"], id="initiate-aes-128-ecp256"),
    pytest.param("initiate", CHACHA, "chacha20poly1305", [*LIFE, "closed by us"], id="initiate-chacha20-without-pfs"),
    pytest.param("respond", AES_256, "chacha20poly1305-x25519", [*LIFE, "closed by strongSwan"], id="respond-chacha20-x25519"),
    pytest.param("respond", AES_128, "aes256gcm16-ecp256", [*LIFE, "closed by strongSwan"], id="respond-aes-256-ecp256"),
    pytest.param("respond", CHACHA, "aes128gcm16", [*LIFE, "closed by strongSwan"], id="respond-aes-128-without-pfs"),
    pytest.param("wrong_key_initiate", AES_256, "aes256gcm16", REFUSED_BY_PEER, id="wrong-key-initiate"),
    pytest.param("wrong_key_respond", AES_256, "aes256gcm16", REFUSED_BY_US, id="wrong-key-respond"),
    pytest.param("dead_peer", AES_256, "aes256gcm16", DEAD, id="dead-peer"),
]


@pytest.mark.parametrize(("scenario", "ike", "esp", "expected"), CASES)
def test_strongswan(scenario: str, ike: str, esp: str, expected: list[str], tmp_path: Path) -> None:
    command = [*NAMESPACES, sys.executable, str(DRIVER), scenario, ike, esp, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == expected
