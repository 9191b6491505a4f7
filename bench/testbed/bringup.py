"""Building one network with saglab, with plain Mininet and with munet: how long each takes, and what it keeps in memory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Interface
from tempfile import TemporaryDirectory
from typing import Any

from lab.emulation.emulation import Emulation
from lab.emulation.mininet import Node as MininetNode
from lab.emulation.sandbox import run_in_sandbox
from lab.status import NORMAL
from lab.topology import Topology
from testbed.usage import memory, memory_of_one

_CONNECTED_WITHIN = 60.0  # seconds; the machine may be busy
_TUNNELS = "tunnels"  # what Emulation says when nodes, links, addresses, gates and routes are there

Addresses = dict[tuple[str, str], tuple[IPv4Interface, ...]]


@dataclass(frozen=True)
class Built:
    """Seconds that it took, and processor seconds of all processes. `memory` is in bytes, shared pages divided (PSS).

    `network` is until nodes, links and addresses are there (and, of saglab, gates and routes), `up` until all works, `gone`
    from the first call that takes it down until the last process has ended.
    """

    name: str
    nodes: int
    links: int
    network: float = 0.0
    up: float = 0.0
    gone: float = 0.0
    processor: float = 0.0
    memory: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Nodes and links a second."""
        return (self.nodes + self.links) / self.network


def build_saglab(topology: Topology, name: str = "saglab") -> Built:
    """Everything: gates, routes, dataplanes and tunnels, which must all be Normal."""
    return _measured(name, topology, _saglab)


def build_mininet(topology: Topology) -> Built:
    """The same nodes, links and addresses, by Mininet's own calls. Its constructor of a whole network would change the host."""
    return _measured("Mininet", topology, _mininet)


def build_munet(topology: Topology) -> Built:
    """The same nodes and links by munet's own calls. Raises ImportError where it is not installed."""
    import munet.base  # noqa: F401 - here, not in the sandbox, so that its absence is seen

    return _measured("munet", topology, _munet)


Sides = tuple[dict[str, Any], Callable[[], None]]  # figures, and what takes the network down


def _measured(name: str, topology: Topology, build: Callable[[Topology], Sides]) -> Built:
    """Build and take down in a sandbox of its own, in a process of its own."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = run_in_sandbox(lambda: _report(writer, build, topology))
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    _, status, usage = os.wait4(pid, 0)
    ended = time.monotonic()
    if status or not text:
        raise SystemExit(f"{name} could not be built, with status {os.waitstatus_to_exitcode(status)}")
    figures = json.loads(text)
    gone = ended - figures.pop("leaving")
    processor = usage.ru_utime + usage.ru_stime
    return Built(name, len(topology.nodes), len(topology.links), gone=gone, processor=processor, **figures)


def _report(writer: int, build: Callable[[Topology], Sides], topology: Topology) -> int:
    figures, take_down = build(topology)
    figures["leaving"] = time.monotonic()
    take_down()
    with os.fdopen(writer, "w") as pipe:
        json.dump(figures, pipe)
    return 0


def _saglab(topology: Topology) -> Sides:
    marks: dict[str, float] = {}
    started = time.monotonic()
    emulation = Emulation(
        topology, connected_within=_CONNECTED_WITHIN, progress=lambda text: marks.setdefault(text, time.monotonic())
    )
    up = time.monotonic() - started
    for tunnel in topology.footings:
        if not all(end.status == NORMAL for end in emulation.vpn_ends(tunnel)):
            raise RuntimeError(f"tunnel {tunnel} is not up")
    figures = {"network": marks[_TUNNELS] - started, "up": up, "memory": _memory(emulation)}
    return figures, emulation.close


def _memory(emulation: Emulation) -> dict[str, int]:
    """Of a node, of all dataplanes with the parent that they share pages with, of how many gateways, and of the whole lab."""
    gateways = emulation.tunnel_pids()
    shells = [memory([machine.pid]) for machine in emulation.machines.values()]
    everything = memory([os.getpid()])
    dataplanes = everything - sum(shells) - memory_of_one(os.getpid())
    return {"node": sum(shells) // len(shells), "dataplanes": dataplanes, "number": len(gateways), "everything": everything}


def _mininet(topology: Topology) -> Sides:
    from mininet.link import Link

    started = time.monotonic()
    nodes = {node.name: MininetNode(f"m{number}") for number, node in enumerate(topology.nodes)}
    addresses = _addresses(topology)
    for link in topology.links:
        (a, name_a), (b, name_b) = link.a, link.b
        made = Link(nodes[a], nodes[b], intfName1=name_a, intfName2=name_b)
        for end, interface in ((link.a, made.intf1), (link.b, made.intf2)):
            for address in addresses[end]:
                interface.setIP(str(address))
    network = time.monotonic() - started

    def stop() -> None:
        for node in nodes.values():
            node.terminate()

    return {"network": network, "up": network}, stop


def _addresses(topology: Topology) -> Addresses:
    return {(node.name, interface.name): interface.addresses for node in topology.nodes for interface in node.interfaces}


def _munet(topology: Topology) -> Sides:
    import asyncio

    from munet.base import BaseMunet, LinuxNamespace

    directory = TemporaryDirectory(dir="/dev/shm")
    started = time.monotonic()
    unet = BaseMunet(rundir=directory.name, pid=False)
    names = {node.name: f"m{number}" for number, node in enumerate(topology.nodes)}
    for name in names.values():
        unet.add_host(name, cls=LinuxNamespace)
    for link in topology.links:
        (a, name_a), (b, name_b) = link.a, link.b
        unet.add_link(unet.hosts[names[a]], unet.hosts[names[b]], name_a, name_b)
    network = time.monotonic() - started
    return {"network": network, "up": network}, lambda: asyncio.run(unet.async_delete())
