"""A dataplane process in a node: started, asked, stopped."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from dataplane.check import EniCheck
from dataplane.control import ControlError, request
from dataplane.ike.identity import Identity
from dataplane.ike.numbers import IKE_PORT, IdKind
from dataplane.ike.policy import Lease
from lab.emulation.machine import Machine
from lab.emulation.meters import meters_path
from lab.emulation.sandbox import RUNTIME
from lab.emulation.warm.parent import WarmParent
from lab.errors import MachineError
from lab.topology import Tunnel, TunnelPeer

_READY_WITHIN = 20.0  # seconds; a slow machine under emulation takes several

_NO_DESCRIPTOR = 1 << 30  # the keys travel beside the configuration

_KINDS = {IdKind.KEY_ID: "key_id", IdKind.FQDN: "fqdn", IdKind.IPV4_ADDR: "ipv4"}

Json = dict[str, Any]  # an object of JSON


@dataclass(frozen=True, slots=True)
class Options:
    """How every dataplane of a network is run.

    `keylog`, a directory, takes the keys of all associations as Wireshark wants them. `patience` is how many seconds pass before
    an end asks whether a silent peer is alive, and before a child's keys are replaced; by default the dataplane's own choices.
    `meters` is the directory for what is counted beyond the life of a process; without it, nothing is.
    """

    cipher: str
    keylog: Path | None = None
    patience: int | None = None
    meters: Path | None = None

    def config(self) -> Json:
        """What they are in the configuration of a dataplane, beside the peers'."""
        patient = ("probe_after", "probe_waiting", "child_lifetime") if self.patience is not None else ()
        return {"keylog": self.keylog and str(self.keylog), "ike": dict.fromkeys(patient, self.patience)}


def control_path(machine: Machine) -> Path:
    """Where the dataplane of a machine is asked."""
    return RUNTIME / f"{machine.name}.sock"


class GatewayProcess:
    """A dataplane in the namespaces of a machine, forked from `parent`. `peers` are those it begins with. Keys go by memfd and
    socket only, unless a key log is asked for."""

    def __init__(
        self, machine: Machine, tunnel: Tunnel, peers: Collection[TunnelPeer], *, mtu: int, options: Options, parent: WarmParent
    ) -> None:
        self.machine = machine
        self._options = options
        self.control = control_path(machine)
        config = RUNTIME / f"{machine.name}.json"
        config.touch(0o600)
        config.write_text(json.dumps(self._config(tunnel, peers, mtu) | options.config()))
        keys = _memfd({peer.name: key_json(peer) for peer in peers})
        try:
            self._process = parent.bear(machine.pid, config, keys)
        finally:
            os.close(keys)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lifeline(self) -> int:
        return self._process.pidfd

    @property
    def has_ended(self) -> bool:
        return self._process.has_ended

    def wait_until_ready(self) -> None:
        """Wait for the process to say that its TUN device and its socket are there. Raises MachineError."""
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        if not poll.poll(1000 * _READY_WITHIN):
            raise MachineError(f"the dataplane of {self.machine.name} was not ready within {_READY_WITHIN:.0f} s")
        if self._process.stdout.readline() != b"ready\n":
            said = self._process.stderr.read().decode(errors="replace").strip()
            raise MachineError(f"the dataplane of {self.machine.name} did not start: {said}")

    def status(self) -> Json:
        """Counters, peers and drops. Raises MachineError when the process has died."""
        return self.ask(op="status")

    def add_peer(self, peer: TunnelPeer) -> None:
        """Serve one more peer."""
        self.ask(op="add_peer", peer=peer_json(peer, self._options.cipher), keys=key_json(peer))

    def remove_peer(self, peer: str) -> None:
        self.ask(op="remove_peer", peer=peer)

    def set_prefixes(self, peer: str, prefixes: Sequence[IPv4Network], *, take_over: bool = False) -> None:
        self.ask(op="set_prefixes", peer=peer, prefixes=[str(prefix) for prefix in prefixes], take_over=take_over)

    def set_check(self, check: EniCheck) -> None:
        self.ask(op="set_eni_check", **_check(check))

    def set_bandwidth(self, peer: TunnelPeer) -> None:
        self.ask(op="set_bandwidth", peer=peer.name, **_bandwidths(peer))

    def rekey(self, peer: str, what: str) -> None:
        """Replace a peer's "child" or its "ike" association."""
        self.ask(op="rekey", peer=peer, what=what)

    def ask(self, **message: Any) -> Json:
        """Send a message to the control socket. Raises MachineError when it is refused, or nobody answers."""
        try:
            return request(str(self.control), **message)
        except ControlError as error:
            raise MachineError(f"the dataplane of {self.machine.name} does not do {message['op']}: {error}") from error

    def stop(self) -> None:
        self._process.stop()

    def _meters(self, tunnel: Tunnel) -> str | None:
        directory = self._options.meters
        return str(meters_path(directory, tunnel.meters)) if directory is not None and tunnel.meters else None

    def _config(self, tunnel: Tunnel, peers: Collection[TunnelPeer], mtu: int) -> Json:
        return {
            "name": self.machine.name,
            "tun": {"name": tunnel.interface, "mtu": mtu},
            "underlay": {"address": str(tunnel.address), "port": tunnel.port, "ike": True},
            "icmp_source": str(tunnel.address),
            "control": str(self.control),
            "keys_fd": _NO_DESCRIPTOR,
            "eni_check": tunnel.check and _check(tunnel.check),
            "peers": [peer_json(peer, self._options.cipher) for peer in peers],
            "meters": self._meters(tunnel),
            # Every datagram is a packet of its own on the wires of a lab: in captures, for counters, and for bad links.
            "offloads": {"underlay_send": False},
        }


def _memfd(keys: Json) -> int:
    """A file that exists in memory only. The caller closes it."""
    fd = os.memfd_create("keys", os.MFD_CLOEXEC)
    os.write(fd, json.dumps(keys).encode())
    return fd


def _check(check: EniCheck) -> Json:
    return {"addresses": [str(address) for address in check.addresses], "enabled": check.enabled}


def key_json(peer: TunnelPeer) -> Json:
    return {"psk": peer.authentication.key.hex()}


def peer_json(peer: TunnelPeer, cipher: str) -> Json:
    """A peer as the dataplane reads it. The end that speaks first begins where IKE does."""
    return {
        "name": peer.name,
        "cipher": cipher,
        "prefixes": [str(prefix) for prefix in peer.prefixes],
        "endpoint": [str(peer.endpoint[0]), IKE_PORT] if peer.endpoint else None,
        "speaks_first": peer.speaks_first,
        "meter": peer.meter or None,
        **_bandwidths(peer),
        "ike": {
            "identity": _identity(peer.authentication.local),
            "remote_identity": _identity(peer.authentication.remote),
            "lease": _lease(peer.lease) if peer.lease and not peer.request_lease else None,
            "request_lease": peer.request_lease,
            "once": peer.once,
        },
    }


def _lease(lease: Lease) -> Json:
    return {"address": str(lease.address), "dns": [str(server) for server in lease.dns]}


def _bandwidths(peer: TunnelPeer) -> Json:
    """Without a limit there is no such member."""
    limits = {"bandwidth": peer.bandwidth, "inbound_bandwidth": peer.inbound_bandwidth}
    return {name: limit for name, limit in limits.items() if limit}


def _identity(identity: Identity) -> Json:
    return {"type": _KINDS[IdKind(identity.kind)], "value": str(identity)}
