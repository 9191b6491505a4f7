"""The real process and strongSwan, with kernel packets through the tunnel. Run by test_strongswan_process.py.

    our process 10.99.0.1, tun0, behind it 10.7.0.1 ──── veth ──── charon 10.99.0.2, behind it 192.168.99.1

Usage: python -m tests.dataplane.strongswan_process ROLE DIRECTORY. It has to run in network, mount and PID namespaces that were
made for it. What it proved it prints, one line each; when something is not as it should be, it raises.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dataplane.control import request
from tests.dataplane.ike.strongswan_driver import FAR_HOST, HOST, OURS, PSK, THEIRS, Charon, run, wait
from tests.steady_ping import SteadyPing

PEER = "strongswan"
# All at once: after the first answer ping waits for the others no longer than the interval or two round trips.
FOUR = "ping", "-c", "4", "-l", "4", "-i", "1", "-W", "10"
IKE, ESP = "aes256gcm16-prfsha256-x25519", "aes256gcm16-x25519"


class Ours:
    """Our process, in the namespace of this one."""

    def __init__(self, directory: Path, *, begins: bool, psk: str) -> None:
        self.control = directory / "ours.sock"
        config = {
            "name": "ours",
            "tun": {"name": "tun0"},
            "underlay": {"address": OURS, "port": 4500},
            "icmp_source": HOST,
            "control": str(self.control),
            "peers": [peer(begins=begins)],
        }
        keys = os.memfd_create("keys", 0)
        os.write(keys, json.dumps({PEER: {"psk": psk.encode().hex()}}).encode())
        path = directory / "ours.json"
        path.write_text(json.dumps({**config, "keys_fd": keys}))
        command = [sys.executable, "-m", "dataplane", "--config", str(path)]
        self.process = subprocess.Popen(command, pass_fds=[keys], stdout=subprocess.PIPE, text=True)
        os.close(keys)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        run("ip", "address", "add", f"{HOST}/32", "dev", "lo")
        run("ip", "route", "add", "192.168.99.0/24", "dev", "tun0", "src", HOST)

    def peer(self) -> dict[str, Any]:
        result: dict[str, Any] = request(self.control, op="status")["peers"][PEER]
        return result

    def rekey(self, what: str) -> None:
        request(self.control, op="rekey", peer=PEER, what=what)

    def wait_for(self, what: str, condition: Callable[[dict[str, Any]], object]) -> None:
        wait(what, lambda: condition(self.peer()))


def peer(*, begins: bool) -> dict[str, Any]:
    return {
        "name": PEER,
        "prefixes": ["192.168.99.0/24"],
        "endpoint": [THEIRS, 500] if begins else None,
        "speaks_first": begins,
        "ike": {
            "identity": {"type": "key_id", "value": "sage6m2p"},
            "remote_identity": {"type": "fqdn", "value": "pop.example"},
        },
    }


def answered(output: str) -> str:
    found = re.search(r"(\d+) packets transmitted, (\d+) received", output)
    assert found is not None, output
    return f"{found[2]} of {found[1]}"


def initiate(directory: Path) -> None:
    charon = Charon(directory, IKE, ESP)
    live(Ours(directory, begins=True, psk=PSK), charon)


def respond(directory: Path) -> None:
    charon = Charon(directory, IKE, ESP)
    ours = Ours(directory, begins=False, psk=PSK)
    charon.swanctl("--initiate", "--child", "net")
    live(ours, charon)


def live(ours: Ours, charon: Charon, interval: float = 0.01) -> None:
    """Pings both ways, every kind of rekey by both ends under a ping that goes on every so many seconds, and the end."""
    ours.wait_for("VPN Status Normal", lambda status: status["vpn_status"] == "Normal")
    print("ping", answered(run(*FOUR, FAR_HOST)))
    print("ping back", answered(charon.inside(*FOUR, "-I", FAR_HOST, HOST)))
    ping = SteadyPing(charon.directory / "ping.log", FAR_HOST, interval=interval)
    for count, act in (
        ("child_rekeys", lambda: ours.rekey("child")),
        ("child_rekeys", lambda: charon.swanctl("--rekey", "--child", "net")),
        ("rekeys", lambda: ours.rekey("ike")),
        ("rekeys", lambda: charon.swanctl("--rekey", "--ike", "lab")),
    ):
        renew(ours, count, act)
        ping.more(5)
    print("ping under four rekeys:", ping.end())
    assert ours.peer()["drops"] == {}, ours.peer()
    ours.process.terminate()
    assert ours.process.wait(10) == 0
    wait("strongSwan to hear of the end", lambda: "ESTABLISHED" not in charon.sas())
    print("closed by us")


def renew(ours: Ours, count: str, act: Callable[[], object]) -> None:
    before = ours.peer()["ike"][count]
    act()
    ours.wait_for(count, lambda status: status["ike"][count] > before)


def wrong_key(directory: Path) -> None:
    Charon(directory, IKE, ESP)
    ours = Ours(directory, begins=True, psk="wrong")
    ours.wait_for("a reason", lambda status: status["ike"]["failure"])
    status = ours.peer()
    print(status["vpn_status"], status["ike"]["failure"])


def killed(directory: Path) -> None:
    """Our process is killed: it can not take leave, and strongSwan has to ask."""
    charon = Charon(directory, IKE, ESP, hasty=True)
    ours = Ours(directory, begins=True, psk=PSK)
    ours.wait_for("VPN Status Normal", lambda status: status["vpn_status"] == "Normal")
    ours.process.kill()
    wait("strongSwan to miss us", lambda: "ESTABLISHED" not in charon.sas())
    print(*re.findall(r"giving up after \d+ retransmits", (directory / "charon.log").read_text()))


ROLES = {each.__name__: each for each in (initiate, respond, wrong_key, killed)}


def main(role: str, directory: str) -> None:
    """What it starts ends with its PID namespace."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    ROLES[role](Path(directory))


if __name__ == "__main__":
    main(*sys.argv[1:])
