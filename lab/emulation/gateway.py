"""A dataplane process in a node: started, asked, stopped."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from typing import Any

from dataplane.control import ControlError, request
from lab.emulation.machine import Machine
from lab.emulation.sandbox import RUNTIME
from lab.errors import MachineError
from lab.topology import Tunnel, TunnelPeer

_READY_WITHIN = 20.0  # seconds; a slow machine under emulation takes several

Keys = Mapping[str, Mapping[str, object]]  # of one tunnel: outbound and inbound, as the dataplane reads them


class GatewayProcess:
    """`python -m dataplane` in the namespaces of a machine. `keys` of each peer as the dataplane reads them, by its name."""

    def __init__(
        self, machine: Machine, tunnel: Tunnel, peers: Collection[TunnelPeer], *, mtu: int, cipher: str, keys: Mapping[str, Keys]
    ) -> None:
        self.machine = machine
        self.control = RUNTIME / f"{machine.name}.sock"
        fd = _memfd(keys)
        try:
            config = RUNTIME / f"{machine.name}.json"
            config.write_text(json.dumps(self._config(tunnel, peers, mtu, cipher, fd)))
            command = [sys.executable, "-P", "-m", "dataplane", "--config", str(config)]
            self._process: subprocess.Popen[bytes] = machine.popen(command, stdin=subprocess.DEVNULL, pass_fds=[fd])
        finally:
            os.close(fd)

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Wait for the process to say that its TUN device and its socket are there. Raises MachineError."""
        assert self._process.stdout is not None and self._process.stderr is not None  # noqa: S101, PT018 - made with pipes
        ready, _, _ = select.select([self._process.stdout], [], [], _READY_WITHIN)
        if not ready:
            raise MachineError(f"the dataplane of {self.machine.name} was not ready within {_READY_WITHIN:.0f} s")
        if self._process.stdout.readline() != b"ready\n":
            said = self._process.stderr.read().decode(errors="replace").strip()
            raise MachineError(f"the dataplane of {self.machine.name} did not start: {said}")

    def wait_until_heard(self, within: float) -> bool:
        """Wait until every peer has been heard; False when one stays silent for so many seconds."""
        deadline = time.monotonic() + within
        while any(peer["heard"] is None for peer in self.status()["peers"].values()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)  # a poll of the condition, with the deadline above
        return True

    def status(self) -> dict[str, Any]:
        """Counters, peers and drops. Raises MachineError when the process has died."""
        return self.ask(op="status")

    def add_peer(self, peer: TunnelPeer, cipher: str, keys: Keys) -> None:
        """Serve one more peer."""
        self.ask(op="add_peer", peer=_peer(peer, cipher), keys=keys)

    def ask(self, **message: Any) -> dict[str, Any]:
        """Send a message to the control socket. Raises MachineError when it is refused, or nobody answers."""
        try:
            return request(str(self.control), **message)
        except ControlError as error:
            raise MachineError(f"the dataplane of {self.machine.name} does not do {message['op']}: {error}") from error

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate()

    def _config(self, tunnel: Tunnel, peers: Collection[TunnelPeer], mtu: int, cipher: str, fd: int) -> dict[str, Any]:
        check = tunnel.check and {"addresses": [str(a) for a in tunnel.check.addresses], "enabled": tunnel.check.enabled}
        return {
            "name": self.machine.name,
            "tun": {"name": tunnel.interface, "mtu": mtu},
            "underlay": {"address": str(tunnel.address), "port": tunnel.port},
            "icmp_source": str(tunnel.address),
            "control": str(self.control),
            "keys_fd": fd,
            "eni_check": check,
            "peers": [_peer(peer, cipher) for peer in peers],
        }


def _memfd(keys: Mapping[str, Keys]) -> int:
    """A file that exists in memory only, for a child to inherit. The caller closes it."""
    fd = os.memfd_create("keys", os.MFD_CLOEXEC)
    os.write(fd, json.dumps(keys).encode())
    return fd


def _peer(peer: TunnelPeer, cipher: str) -> dict[str, Any]:
    return {
        "name": peer.name,
        "cipher": cipher,
        "prefixes": [str(prefix) for prefix in peer.prefixes],
        "endpoint": [str(peer.endpoint[0]), peer.endpoint[1]] if peer.endpoint else None,
        "speaks_first": peer.speaks_first,
    }
