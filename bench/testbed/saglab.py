"""Our own dataplane, as a lab starts it: keyed by IKE, everything through its configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from dataplane.suites import SUITES
from lab.emulation.machine import Machine
from lab.errors import MachineError
from testbed.path import INNER_MTU, LAN_P, LAN_V, NET_A, NET_B, WAN_P, WAN_V, Path

_TUN = "tun0"
_PSK = "00112233445566778899aabbccddeeff"
_V, _P = ({"type": "fqdn", "value": f"{name}.example"} for name in "vp")


def start(
    path: Path,
    cipher: str = "aes-256-gcm",
    changes: Mapping[str, Any] | None = None,
    others: int = 0,
    of_p: Mapping[str, Any] | None = None,
) -> None:
    """`changes` are members of the configuration beyond the usual, `of_p` such of one end alone; `others` is how many more peers
    each end has.

    Raises MachineError.
    """
    to_p = {"name": "p", "cipher": cipher, "prefixes": [NET_B], "ike": {"identity": _V, "remote_identity": _P}}
    to_v = {"name": "v", "cipher": cipher, "prefixes": [NET_A], "ike": {"identity": _P, "remote_identity": _V}}
    calling = {"speaks_first": True, "endpoint": [WAN_P, 500]}
    more = [_other(number, cipher) for number in range(others)]
    p = {"underlay": _underlay(WAN_P), "icmp_source": LAN_P, "peers": [*more, to_v], **(of_p or {})}
    v = {"underlay": _underlay(WAN_V), "icmp_source": LAN_V, "peers": [*more, to_p | calling]}
    ends = {gateway: _start(path, gateway, {**members, **(changes or {})}) for gateway, members in ((path.p, p), (path.v, v))}
    for gateway, process in ends.items():
        assert process.stdout is not None  # noqa: S101 - made with a pipe
        if process.stdout.readline() != b"ready\n":
            raise MachineError(f"the dataplane of {gateway.name} did not start: {path.log(gateway)}")
    path.route_into(_TUN)


def _underlay(address: str) -> dict[str, Any]:
    return {"address": address, "port": 4500}


def _other(number: int, cipher: str) -> dict[str, Any]:
    """A peer that has its associations, and is silent."""
    return {"name": f"other-{number}", "cipher": cipher, "prefixes": [f"172.16.{number // 256}.{number % 256}/32"]}


def _keys(number: int, peer: Mapping[str, Any]) -> dict[str, Any]:
    """A peer with IKE has a key to begin with, any other those of both directions."""
    if "ike" in peer:
        return {"psk": _PSK}
    length = SUITES[peer["cipher"]].material_length
    spis = {"outbound": 2**20 + 2 * number, "inbound": 2**20 + 2 * number + 1}
    return {way: {"spi": spi, "key": spi.to_bytes(length, "big").hex()} for way, spi in spis.items()}


def _start(path: Path, gateway: Machine, members: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    keys = os.memfd_create("keys")
    try:
        os.write(keys, json.dumps({peer["name"]: _keys(number, peer) for number, peer in enumerate(members["peers"])}).encode())
        control, file = (path.directory(gateway) / name for name in ("control", "config"))
        tun = {"name": _TUN, "mtu": INNER_MTU}
        file.write_text(json.dumps({"name": gateway.name, "tun": tun, "control": str(control), "keys_fd": keys, **members}))
        command = [sys.executable, "-P", "-m", "dataplane", "--config", str(file)]
        return path.spawn(gateway, *command, stdout=subprocess.PIPE, pass_fds=[keys])
    finally:
        os.close(keys)
