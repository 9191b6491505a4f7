"""A charon process in a node: started, told its peer, asked, stopped."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from vici import Session
from vici.exception import CommandException

from dataplane.check import EniCheck
from dataplane.errors import DropReason
from lab.doctor.judges import STRONGSWAN, judge
from lab.emulation.gateway import Options
from lab.emulation.machine import Machine
from lab.emulation.sandbox import RUNTIME
from lab.emulation.strongswan.associations import peer_status
from lab.emulation.strongswan.configuration import CHILD, CONNECTION, charon_conf, connection, secret
from lab.emulation.strongswan.journal import Journal
from lab.emulation.strongswan.selectors import Selectors
from lab.errors import MachineError
from lab.software import STRONGSWAN_DEVICE
from lab.topology import Tunnel, TunnelPeer

_CHARON = Path("/usr/lib/ipsec/charon")
_READY_WITHIN = 20.0  # seconds; a slow machine under emulation takes several
_ANSWERS_WITHIN = 5.0  # seconds
_LEAVES_WITHIN = 500  # milliseconds; a peer that does not answer a DELETE is forgotten all the same
_STOPPED_WITHIN = 10.0  # seconds; it takes leave of its peer first


class StrongswanProcess:
    """charon in the namespaces of a machine, with one peer at most.

    It has a /run of its own, which the machine's other processes see too: `on NODE swanctl --list-sas` finds it there.
    """

    def __init__(self, machine: Machine, tunnel: Tunnel, peers: Collection[TunnelPeer], *, mtu: int, options: Options) -> None:
        _require_installed()
        self.machine = machine
        self._tunnel = tunnel
        self._mtu = mtu
        self._options = options
        self._peers = {peer.name: peer for peer in peers}
        self._journal = Journal(RUNTIME / f"{machine.name}.charon.log")
        self._resolver = RUNTIME / f"{machine.name}.charon.resolv.conf"
        self._selectors: Selectors | None = None
        self._counted: Counter[DropReason] = Counter()
        self._drops: dict[str, Counter[DropReason]] = {}  # by peer, "" for what was dropped while there was none
        require_possible(tunnel, self._peers)
        machine.run("mount", "-n", "-t", "tmpfs", "-o", "nosuid,nodev,mode=755", "tmpfs", "/run")
        self._process = self._start()
        self.lifeline = os.pidfd_open(self._process.pid)

    def _start(self) -> subprocess.Popen[bytes]:
        conf = RUNTIME / f"{self.machine.name}.strongswan.conf"
        conf.write_text(charon_conf(str(self._journal.path), str(self._resolver)))
        command = ["env", f"STRONGSWAN_CONF={conf}", str(_unconfined_charon())]
        with self._journal.path.open("ab") as log:  # charon itself appends to it, once it has read its settings
            process: subprocess.Popen[bytes] = self.machine.popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def wait_until_ready(self) -> None:
        """Wait for charon to answer, and tell it its peer. Raises MachineError."""
        deadline = time.monotonic() + _READY_WITHIN
        while not self._answers():
            if self._process.poll() is not None:
                raise MachineError(f"strongSwan did not start in {self.machine.name}: {self._journal.path.read_text()[-500:]}")
            if time.monotonic() > deadline:
                raise MachineError(f"strongSwan was not ready in {self.machine.name} within {_READY_WITHIN:.0f} s")
            time.sleep(0.01)  # a poll of the condition, with the deadline above
        index = self.machine.interface_index(STRONGSWAN_DEVICE)
        self.machine.kernel.set_up(index, self._mtu)
        self._selectors = Selectors(self.machine, STRONGSWAN_DEVICE)
        for peer in self._peers.values():
            self._introduce(peer)

    def _answers(self) -> bool:
        try:
            with self._socket():
                return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def add_peer(self, peer: TunnelPeer) -> None:
        """Serve a peer. Raises MachineError when there is one already."""
        require_possible(self._tunnel, {**self._peers, peer.name: peer})
        self._peers[peer.name] = peer
        self._introduce(peer)

    def _introduce(self, peer: TunnelPeer) -> None:
        self._settle()
        self._journal.failure = None
        self.set_prefixes(peer.name, peer.prefixes)
        self._ask("load-shared", secret(peer))
        self._ask("load-conn", connection(self._tunnel, peer, self._options))

    def remove_peer(self, peer: str) -> None:
        """Take leave of a peer, and forget it, and what was dropped for it."""
        self._settle()
        del self._peers[peer]
        self._drops.pop(peer, None)
        self._ask("unload-conn", {"name": CONNECTION})
        self._ask("unload-shared", {"id": CONNECTION})
        self._take_leave()
        self._rules.set(())

    def _take_leave(self) -> None:
        if not self._associations():
            return
        try:
            self._ask("terminate", {"ike": CONNECTION, "force": "yes", "timeout": str(_LEAVES_WITHIN)})
        except MachineError:
            if self._associations():
                raise
            # the peer took leave in this very moment

    def set_prefixes(self, peer: str, prefixes: Collection[IPv4Network], *, take_over: bool = False) -> None:
        """What lies behind its only peer from now on. There is nobody to take it over from."""
        self._peers[peer] = replace(self._peers[peer], prefixes=tuple(prefixes))
        self._rules.set(prefixes)

    def set_check(self, check: EniCheck) -> None:
        """Raises MachineError for a check that is to be made."""
        self._tunnel = replace(self._tunnel, check=check)
        require_possible(self._tunnel, self._peers)

    def set_bandwidth(self, peer: TunnelPeer) -> None:
        """It has no shaper, and sends what there is (decision 0020)."""

    def rekey(self, peer: str, what: str) -> None:
        """Replace the "child" or the "ike" association of the peer."""
        if peer not in self._peers:
            raise MachineError(f"strongSwan of {self.machine.name} has no peer {peer}")
        self._ask("rekey", {what: CONNECTION if what == "ike" else CHILD})

    def status(self) -> dict[str, Any]:
        """In the shape of the dataplane's status, as far as charon tells. Raises MachineError when it has died."""
        self._settle()
        return {"peers": {peer.name: self._peer_status(peer) for peer in self._peers.values()}, "drops": self._drops_of("")}

    def _settle(self) -> None:
        """Put what was dropped since to the account of the peer that there is."""
        self._journal.read_on()
        counted = self._journal.drops + Counter(self._rules.drops())
        self._drops.setdefault(next(iter(self._peers), ""), Counter()).update(counted - self._counted)
        self._counted = counted

    def _drops_of(self, peer: str) -> dict[str, int]:
        return {str(reason): packets for reason, packets in self._drops.get(peer, {}).items()}

    def _peer_status(self, peer: TunnelPeer) -> dict[str, Any]:
        failure = self._journal.failure
        proof = peer.authentication
        answer = peer_status(self._associations(), None if failure is None else str(failure), self._servers())
        answer["ike"] |= {"identity": str(proof.local), "remote_identity": str(proof.remote)}
        return answer | {"prefixes": [str(prefix) for prefix in peer.prefixes], "drops": self._drops_of(peer.name)}

    def _servers(self) -> list[str]:
        """The DNS servers that charon was given, in the order of the lease: it writes each above those before it."""
        written = self._resolver.read_text() if self._resolver.exists() else ""
        return [line.split()[1] for line in reversed(written.splitlines()) if line.startswith("nameserver")]

    def stop(self) -> None:
        """Let charon take leave of its peer, and leave the machine as it was."""
        self._process.terminate()
        try:
            self._process.wait(_STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self.lifeline)
        if self._selectors is not None:
            self._selectors.remove()
        self.machine.run("umount", "/run")

    @property
    def _rules(self) -> Selectors:
        if self._selectors is None:
            raise MachineError(f"strongSwan of {self.machine.name} is asked before it is ready")
        return self._selectors

    def _associations(self) -> list[dict[str, Any]]:
        """Every IKE association of the connection, with its children, as vici's list-sas has them."""
        with self._session() as session:
            return [found for event in session.list_sas({"ike": CONNECTION}) for found in event.values()]

    def _ask(self, command: str, message: dict[str, Any]) -> None:
        """Send charon a command. Raises MachineError with its own words when it does not do it."""
        with self._session() as session:
            try:
                session.request(command, message)
            except CommandException as error:
                raise MachineError(f"strongSwan of {self.machine.name} does not do {command}: {error}") from error

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            with self._socket() as connected:
                yield Session(connected)
        except OSError as error:
            raise MachineError(f"strongSwan of {self.machine.name} does not answer: {error}") from error

    def _socket(self) -> socket.socket:
        """Connected to charon, whose /run is seen only inside its node. Raises OSError."""
        connected = socket.socket(socket.AF_UNIX)
        try:
            connected.settimeout(_ANSWERS_WITHIN)
            connected.connect(f"/proc/{self.machine.pid}/root/run/charon.vici")
        except OSError:
            connected.close()
            raise
        return connected


def _require_installed() -> None:
    check = judge(STRONGSWAN)
    if not check.ok:
        raise MachineError(f"strongSwan is missing, {check.found}: {check.remedy}")


def require_possible(tunnel: Tunnel, peers: Collection[str]) -> None:
    """Raises MachineError for what charon can not do: tell apart peers that all negotiate 0.0.0.0/0, check sources."""
    if len(peers) > 1:
        raise MachineError(f"strongSwan serves one gateway in a lab, and here are {len(peers)}: {', '.join(sorted(peers))}")
    if tunnel.check is not None and tunnel.check.enabled:
        raise MachineError("strongSwan has no source/destination check, and on this machine the gateway's software is to do it")


def _unconfined_charon() -> Path:
    """A copy that bears another name: Debian's AppArmor profile is bound to charon's path, and forbids files of a lab."""
    copy = RUNTIME / "charon"
    if not copy.exists():
        shutil.copy(_CHARON, copy)
    return copy
