"""The real process and a strongSwan that leaves ESP to the kernel. Run by test_kernel_esp.py.

    our process 10.99.0.1, tun0, behind it 10.7.0.1 ──── veth ──── charon and xfrm 10.99.0.2, behind it 192.168.99.1

Usage: python -m tests.interop.kernel_esp ROLE ESP-PROPOSAL DIRECTORY. It has to run in network, mount and PID namespaces that
were made for it. What it proved it prints, one line each; when something is not as it should be, it raises.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.dataplane.ike.strongswan_driver import PLUGINS, PSK, Charon, run
from tests.dataplane.strongswan_process import IKE, Ours, live

INTERVAL = 0.2  # seconds between two echoes: the kernels that have ESP are also tried on emulated machines, which are slow
KERNEL = PLUGINS.replace("kernel-libipsec ", "")


def main(role: str, esp: str, directory: str) -> None:
    """What it starts ends with its PID namespace."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    charon = Charon(Path(directory), IKE, esp, plugins=KERNEL)
    ours = Ours(Path(directory), begins=role == "initiate", psk=PSK)
    if role == "respond":
        charon.swanctl("--initiate", "--child", "net")
    ours.wait_for("VPN Status Normal", lambda status: status["vpn_status"] == "Normal")
    state = charon.inside("ip", "xfrm", "state")
    print("aead", *set(re.findall(r"aead (\S+)", state)), "encap", *set(re.findall(r"encap type (\S+)", state)))
    live(ours, charon, INTERVAL)


if __name__ == "__main__":
    main(*sys.argv[1:])
