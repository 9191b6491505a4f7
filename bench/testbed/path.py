"""The path that every dataplane is measured on: two hosts, their gateways, and a router for the internet.

        a ─────────── v ══════════ w ══════════ p ─────────── b
    10.1.0.2   10.1.0.1 192.0.2.1     198.51.100.1 10.2.0.1   10.2.0.2

A tunnel runs between v and p. The hosts' links have the inner MTU, so that the path without a tunnel carries the same packets.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path as File
from tempfile import TemporaryDirectory
from typing import Any

from lab.emulation.line.kernel import KernelLine
from lab.emulation.line.middle import Middle
from lab.emulation.line.process import CUT_UP, LineProcess
from lab.emulation.machine import Machine
from lab.emulation.ping import ping
from lab.emulation.sandbox import RUNTIME
from lab.errors import MachineError
from lab.impairments import Both
from testbed.tuning import Tuning, tune
from testbed.waiting import until

INNER_MTU = 1400
OUTER_MTU = 1500
A, B = "10.1.0.2", "10.2.0.2"
LAN_V, LAN_P = "10.1.0.1", "10.2.0.1"
WAN_V, WAN_P = "192.0.2.1", "198.51.100.1"
NET_A, NET_B = "10.1.0.0/16", "10.2.0.0/16"
_WAN_W = {WAN_V: "192.0.2.2", WAN_P: "198.51.100.2"}

_CARRIES_WITHIN = 20.0  # seconds for a dataplane to carry its first packet
_ENDS_WITHIN = 5.0  # seconds


class Path:
    """The running path. What is started on it with `spawn` ends with it."""

    def __init__(self, *, cores: int, tuning: Tuning, line: Both | None = None, seed: str | None = "") -> None:
        """`cores` is how many processors the dataplane of one gateway may use. With `line`, w is no router but a bad wire.

        Without a `seed`, the wire is the kernel; CannotDo is raised for what it does not do.
        """
        self.a, self.v, self.w, self.p, self.b = self.machines = [Machine(name) for name in "avwpb"]
        self.cores = cores
        self._processors = {self.v: _processors(0, cores), self.p: _processors(cores, cores)}
        self._processes: dict[Machine, list[subprocess.Popen[bytes]]] = {self.v: [], self.p: []}
        self._files = TemporaryDirectory(dir=RUNTIME)
        self._line: LineProcess | KernelLine | None = None
        self._seed = seed
        self._build()
        if line:
            self._make_wire(line)
        for gateway in (self.v, self.p):
            tune(gateway, ("lan", "wan"), tuning)
        for host in (self.a, self.b):
            # The host's card cuts UDP super-packets up: a gateway receives packets, as from any network, and may coalesce them.
            host.run("ethtool", "-K", "eth0", "tx-udp-segmentation", "off")

    def __enter__(self) -> Path:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self._processes[self.v], *self._processes[self.p]):
            _end(process)
        if self._line:
            self._line.stop()
        for machine in self.machines:
            machine.terminate()
        self._files.cleanup()

    def _build(self) -> None:
        _link((self.a, "eth0", f"{A}/24"), (self.v, "lan", f"{LAN_V}/24"), INNER_MTU)
        _link((self.v, "wan", f"{WAN_V}/24"), (self.w, "left", f"{_WAN_W[WAN_V]}/24"), OUTER_MTU)
        _link((self.p, "wan", f"{WAN_P}/24"), (self.w, "right", f"{_WAN_W[WAN_P]}/24"), OUTER_MTU)
        _link((self.b, "eth0", f"{B}/24"), (self.p, "lan", f"{LAN_P}/24"), INNER_MTU)
        for machine, gateway in ((self.a, LAN_V), (self.v, _WAN_W[WAN_V]), (self.p, _WAN_W[WAN_P]), (self.b, LAN_P)):
            machine.netlink.route("add", dst="default", gateway=gateway)
        for router in (self.v, self.w, self.p):
            router.set_forwarding(True)

    def _make_wire(self, line: Both) -> None:
        """The gateways become neighbours, with w between them as a wire."""
        for gateway, peer, end in ((self.v, WAN_P, "left"), (self.p, WAN_V, "right")):
            self.w.netlink.flush_addr(index=self.w.interface_index(end))
            gateway.run("ethtool", "-K", "wan", *CUT_UP)
            gateway.netlink.route("replace", dst="default", gateway=peer, oif=gateway.interface_index("wan"), flags="onlink")
        self.w.set_forwarding(False)
        self._line = self._start_line(line)

    def _start_line(self, line: Both) -> LineProcess | KernelLine:
        if self._seed is None:
            return KernelLine(Middle(self.w, "left", "right"), line)
        return LineProcess(self.w, "left", "right", line, self._seed)

    def impair(self, line: Both) -> None:
        """Have the wire do something else. Raises MachineError where there is none."""
        if self._line is None:
            raise MachineError("the path has no wire in its middle")
        if isinstance(self._line, LineProcess):
            self._line.set(line)
        else:
            self._line.stop()
            self._line = self._start_line(line)

    def line_counters(self) -> dict[str, dict[str, int]]:
        """What a wire of our own did, in each direction; nothing where there is none."""
        return self._line.counters() if isinstance(self._line, LineProcess) else {}

    def route_plainly(self) -> None:
        """Carry the hosts' packets between the gateways as they are."""
        if not self._line:  # else each gateway's default route leads to the other
            self.w.netlink.route("add", dst=NET_A, gateway=WAN_V)
            self.w.netlink.route("add", dst=NET_B, gateway=WAN_P)

    def route_into(self, device: str) -> None:
        """Carry the hosts' packets through a tunnel device, which both gateways will have by this name. Raises MachineError."""
        for gateway, network in ((self.v, NET_B), (self.p, NET_A)):
            until(f"the device {device} of {gateway.name}", partial(_has_device, gateway, device))
            index = gateway.interface_index(device)
            gateway.netlink.link("set", index=index, mtu=INNER_MTU, state="up")
            gateway.netlink.route("add", dst=network, oif=index)

    def directory(self, gateway: Machine) -> File:
        """A gateway's directory for the files of its dataplane. What it logs is there too."""
        directory = File(self._files.name, gateway.name)
        directory.mkdir(exist_ok=True)
        return directory

    def spawn(self, gateway: Machine, *command: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a process of a gateway's dataplane, kept to the gateway's processors. It ends with the path."""
        processors = ",".join(map(str, self._processors[gateway]))
        with self._log(gateway).open("ab") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log} | options
            process: subprocess.Popen[bytes] = gateway.popen("taskset", "--cpu-list", processors, *command, **options)
        self._processes[gateway].append(process)
        return process

    def log(self, gateway: Machine) -> str:
        """What the gateway's dataplane wrote."""
        return self._log(gateway).read_text(errors="replace").strip()

    def _log(self, gateway: Machine) -> File:
        return self.directory(gateway) / "log"

    def dataplane(self, gateway: Machine) -> list[int]:
        """The ids of the processes that were started on a gateway. Raises MachineError when one has ended."""
        processes = self._processes[gateway]
        if any(process.poll() is not None for process in processes):
            raise MachineError(f"the dataplane of {gateway.name} has ended: {self.log(gateway)}")
        return [process.pid for process in processes]

    def wait_until_it_carries(self) -> None:
        """Wait for an echo from a to b. Raises MachineError when none comes back in time, or a dataplane has ended."""
        deadline = time.monotonic() + _CARRIES_WITHIN
        while not _echo(self.a):
            for gateway in self._processes:
                self.dataplane(gateway)
            if time.monotonic() > deadline:
                raise MachineError(f"no packet passed the path within {_CARRIES_WITHIN:.0f} s")


def _processors(first: int, count: int) -> Sequence[int]:
    """`count` of this machine's processors, from the `first` one, around the end."""
    available = sorted(os.sched_getaffinity(0))
    return sorted({available[number % len(available)] for number in range(first, first + count)})


def _link(left: tuple[Machine, str, str], right: tuple[Machine, str, str], mtu: int) -> None:
    """A veth pair between two nodes; each end is given as node, name and address."""
    (a, name_a, _), (b, name_b, _) = left, right
    a.netlink.link("add", kind="veth", ifname=name_a, peer={"ifname": name_b, "net_ns_fd": b.namespace.fd})
    for machine, name, address in (left, right):
        index = machine.interface_index(name)
        machine.netlink.link("set", index=index, mtu=mtu, state="up")
        host, _, length = address.partition("/")
        machine.netlink.addr("add", index=index, address=host, prefixlen=int(length))


def _has_device(machine: Machine, name: str) -> bool:
    return bool(machine.netlink.link_lookup(ifname=name))


def _echo(machine: Machine) -> bool:

    return ping(machine, IPv4Address(A), IPv4Address(B), count=1).received == 1


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
