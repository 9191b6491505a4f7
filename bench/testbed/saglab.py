"""Our own dataplane, as a lab starts it: keyed by IKE, everything through its configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from lab.emulation.machine import Machine
from lab.emulation.sandbox import RUNTIME
from lab.errors import MachineError
from testbed.path import INNER_MTU, LAN_P, LAN_V, NET_A, NET_B, WAN_P, WAN_V, Path

_TUN = "tun0"
_PSK = "00112233445566778899aabbccddeeff"
_V, _P = ({"type": "fqdn", "value": f"{name}.example"} for name in "vp")


def start(path: Path, cipher: str, changes: Mapping[str, Any]) -> None:
    """`changes` are members of the configuration that differ from the usual. Raises MachineError."""
    v = {"name": "p", "cipher": cipher, "prefixes": [NET_B], "ike": {"identity": _V, "remote_identity": _P}}
    p = {"name": "v", "cipher": cipher, "prefixes": [NET_A], "ike": {"identity": _P, "remote_identity": _V}}
    ends = [
        _start(path, path.p, {"underlay": _underlay(WAN_P), "icmp_source": LAN_P, "peers": [p], **changes}),
        _start(path, path.v, {"underlay": _underlay(WAN_V), "icmp_source": LAN_V, "peers": [_calling(v, WAN_P)], **changes}),
    ]
    for process in ends:
        _wait(process)
    path.route_into(_TUN)


def _underlay(address: str) -> dict[str, Any]:
    return {"address": address, "port": 4500}


def _calling(peer: Mapping[str, Any], endpoint: str) -> dict[str, Any]:
    return {**peer, "speaks_first": True, "endpoint": [endpoint, 500]}


def _start(path: Path, gateway: Machine, members: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    keys = os.memfd_create("keys")
    try:
        os.write(keys, json.dumps({peer["name"]: {"psk": _PSK} for peer in members["peers"]}).encode())
        control = RUNTIME / f"{gateway.name}.sock"
        tun = {"name": _TUN, "mtu": INNER_MTU}
        config = {"name": gateway.name, "tun": tun, "control": str(control), "keys_fd": keys, **members}
        file = RUNTIME / f"{gateway.name}.json"
        file.write_text(json.dumps(config))
        return path.spawn(gateway, sys.executable, "-P", "-m", "dataplane", "--config", str(file), pass_fds=[keys])
    finally:
        os.close(keys)


def _wait(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - made with pipes
    if process.stdout.readline() != b"ready\n":
        raise MachineError(f"the dataplane did not start: {process.stderr.read().decode(errors='replace').strip()}")
