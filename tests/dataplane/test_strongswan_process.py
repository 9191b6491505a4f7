"""strongSwan as peer of the real process: pings through the tunnel, rekeys under them, a wrong key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]

pytestmark = [pytest.mark.emulation, pytest.mark.judge("strongSwan")]

LIFE = ["ping 4 of 4", "ping back 4 of 4", "ping under four rekeys: 0 lost, 0 twice", "closed by us"]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        pytest.param("initiate", LIFE, id="we-begin"),
        pytest.param("respond", LIFE, id="strongswan-begins"),
        pytest.param("killed", ["giving up after 3 retransmits"], id="we-are-killed"),
        pytest.param("wrong_key", ["Abnormal AUTHENTICATION_FAILED"], id="wrong-key"),
    ],
)
def test_strongswan_and_the_process(role: str, expected: list[str], tmp_path: Path) -> None:
    command = [*NAMESPACES, sys.executable, "-m", "tests.dataplane.strongswan_process", role, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == expected
