"""strongSwan with the kernel's own ESP as peer of the real process. Debian's stock kernel has ESP; a smaller one may not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.doctor import kernel

ROOT = Path(__file__).parents[2]
NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]

pytestmark = [pytest.mark.emulation, pytest.mark.judge("strongSwan")]

AES, CHACHA = "rfc4106(gcm(aes))", "rfc7539esp(chacha20,poly1305)"
LIFE = ["ping 4 of 4", "ping back 4 of 4", "ping under four rekeys: 0 lost, 0 twice", "closed by us"]


@pytest.fixture(autouse=True)
def kernel_has_esp() -> None:
    """Nothing can be installed for it: where the kernel has none, the test is skipped even with --interop."""
    esp = kernel.esp_in_kernel()
    if not esp.ok:
        pytest.skip(f"no ESP in this kernel: {esp.found}")


@pytest.mark.parametrize(
    ("role", "proposal", "algorithm"),
    [
        pytest.param("initiate", "aes256gcm16-x25519", AES, id="we-begin-aes-256"),
        pytest.param("respond", "aes128gcm16-ecp256", AES, id="strongswan-begins-aes-128"),
        pytest.param("respond", "chacha20poly1305-x25519", CHACHA, id="strongswan-begins-chacha20"),
    ],
)
def test_the_kernels_esp(role: str, proposal: str, algorithm: str, tmp_path: Path) -> None:
    """Each way round and with each algorithm: pings both ways, rekeys by both ends under a running ping, the end."""
    command = [*NAMESPACES, sys.executable, "-m", "tests.interop.kernel_esp", role, proposal, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"aead {algorithm} encap espinudp", *LIFE]
