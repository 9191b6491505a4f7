"""Names in a running network: the servers that know them, each a dnsmasq in its node, and whom each machine asks.

A machine that asks has an /etc/resolv.conf and an /etc/nsswitch.conf of its own, in its mount namespace.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from lab.emulation.machine import Machine
from lab.emulation.sandbox import RUNTIME
from lab.errors import MachineError
from lab.topology import NameService, Topology

_READY_WITHIN = 20.0  # seconds; a slow machine under emulation takes several
_SAID = 4096  # bytes
_NOT_FOUND = 2  # getent(1)
_ANSWERED_WITHIN = 60.0  # seconds; our choice, above what a resolver waits for servers that are silent

# resolv.conf(5): our choice, so that the standby server is asked soon.
_PATIENCE = "options timeout:1 attempts:2"
_LOOKUPS = "hosts: dns\n"  # nsswitch.conf(5): a machine knows no names by itself

# dnsmasq(8). It answers for its zones alone: it has no file of names, no server to forward to, and says REFUSED to all else.
_SERVER = """
keep-in-foreground
log-facility=-
pid-file=
user=nobody
group=nogroup
no-resolv
no-hosts
no-poll
cache-size=0
bind-interfaces
except-interface=lo
"""


class Names:
    """What is asked by what. A name is looked up as the machine's own programs do it."""

    def __init__(self, machines: Mapping[str, Machine]) -> None:
        self._machines = machines
        self._servers: dict[str, _Server] = {}
        self._asked: dict[Machine, tuple[IPv4Address, ...]] = {}

    def lifelines(self) -> Iterator[int]:
        """Descriptors of the servers: each is readable once its process has ended."""
        return (server.lifeline for server in self._servers.values())

    @property
    def have_ended(self) -> bool:
        """Whether a server has died."""
        return any(server.has_ended for server in self._servers.values())

    def stop_obsolete(self, topology: Topology) -> None:
        """End the servers that have no place in a network, know something else there, or have died."""
        for node, server in list(self._servers.items()):
            wanted = topology.by_name[node].name_service if node in topology.by_name else None
            if wanted != server.service or server.has_ended:
                self._servers.pop(node).stop()

    def apply(self, topology: Topology) -> None:
        """Start what is missing, once the addresses are there, and tell the machines whom to ask."""
        new = []
        for node in topology.nodes:
            if node.name_service is not None and node.name not in self._servers:
                self._servers[node.name] = _Server(self._machines[node.name], node.name_service)
                new.append(self._servers[node.name])
            self._tell(self._machines[node.name], node.nameservers)
        for server in new:
            server.wait_until_ready()

    def _tell(self, machine: Machine, nameservers: tuple[IPv4Address, ...]) -> None:
        before = self._asked.get(machine)
        if before is None and not nameservers:
            return
        if before is None:
            _put(machine, "nsswitch.conf", _LOOKUPS)
        if before != nameservers:
            lines = [f"nameserver {server}" for server in nameservers]
            _put(machine, "resolv.conf", "\n".join([*lines, _PATIENCE, ""]), over=before is None)
        self._asked[machine] = nameservers

    def look_up(self, node: str, name: str) -> tuple[IPv4Address, ...]:
        """The addresses of a name, as a program on the machine learns them; none when it learns of none."""
        process = self._machines[node].popen("getent", "ahostsv4", name)
        out, err = process.communicate(timeout=_ANSWERED_WITHIN)
        if process.returncode not in (0, _NOT_FOUND):
            raise MachineError(f"getent failed with status {process.returncode}: {err.decode().strip()}")
        return tuple(dict.fromkeys(_addresses(out.decode())))

    def stop(self) -> None:
        for server in self._servers.values():
            server.stop()
        self._servers.clear()


class _Server:
    """A dnsmasq."""

    def __init__(self, machine: Machine, service: NameService) -> None:
        self._machine = machine
        self.service = service
        path = RUNTIME / f"{machine.name}.dnsmasq.conf"
        path.write_text(configuration(service))
        command = ["dnsmasq", f"--conf-file={path}"]
        self._process: subprocess.Popen[bytes] = machine.popen(command, stdin=subprocess.DEVNULL, stdout=-3, stderr=-1)
        self.lifeline = os.pidfd_open(self._process.pid)

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def wait_until_ready(self) -> None:
        """Raises MachineError when it does not start."""
        stderr = self._process.stderr
        if stderr is None:
            raise MachineError("the server of names has no standard error")
        poll = select.poll()
        poll.register(stderr, select.POLLIN)
        said, deadline = b"", time.monotonic() + _READY_WITHIN
        while b"started" not in said:
            piece = os.read(stderr.fileno(), _SAID) if poll.poll(1000 * max(0.0, deadline - time.monotonic())) else b""
            if not piece:
                raise MachineError(f"dnsmasq did not start in {self._machine.name}: {said.decode(errors='replace').strip()}")
            said += piece

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()
        self._process.communicate()
        os.close(self.lifeline)


def configuration(service: NameService) -> str:
    """The text of dnsmasq.conf. Names in it are made of letters, digits, '-', '_', '.' and '*' alone."""
    lines = [f"listen-address={address}" for address in service.addresses]
    lines += [f"local=/{zone}/" for zone in service.zones]
    for name in service.names:
        if name.name.startswith("*."):
            lines.append(f"address=/{name.name}/{name.address}")
        else:
            lines.append(f"host-record={name.name},{name.address},{name.ttl}")
    return _SERVER + "\n".join(lines) + "\n"


def _put(machine: Machine, name: str, text: str, *, over: bool = True) -> None:
    """Let a machine find a text in the place of a file of /etc; with `over`, for the first time."""
    path = RUNTIME / f"{machine.name}.{name}"
    path.write_text(text)
    if over:
        machine.run("mount", "-n", "--bind", str(path), str(Path("/etc", name)))


def _addresses(listing: str) -> Iterator[IPv4Address]:
    for line in listing.splitlines():
        with suppress(AddressValueError, IndexError):
            yield IPv4Address(line.split()[0])
