"""A Topology made of namespaces, veth pairs, kernel routes, nftables and dataplane processes."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dataplane.config import LONGEST_SILENCE
from dataplane.meters import Reading
from lab.drops import Drop, Filter
from lab.emulation.capture import Capture, Point
from lab.emulation.descriptors import allow_many
from lab.emulation.gates import Gates
from lab.emulation.gateway import Options
from lab.emulation.home.home import Home
from lab.emulation.line.lines import Lines, Way
from lab.emulation.machine import Machine, terminate_all
from lab.emulation.meters import MeterFiles
from lab.emulation.names import Names
from lab.emulation.network import Network, check_interface_names
from lab.emulation.ping import ping
from lab.emulation.tunnel_end import TunnelEnd
from lab.emulation.tunnels import CONNECTED_WITHIN, DEFAULT_CIPHER, End, Tunnels
from lab.errors import MachineError
from lab.impairments import Order
from lab.logon import AppAnswer, AppRequest, Serve
from lab.results import Echo, PingResult
from lab.status import StatusEnd
from lab.topology import Link, Node, Topology

# Linux, net/netfilter/nf_conntrack_proto_udp.c: tunnels are the only connections that live for longer than a question.
NEVER_EXPIRING: dict[str, str | int] = {
    "netfilter/nf_conntrack_udp_timeout": LONGEST_SILENCE,
    "netfilter/nf_conntrack_udp_timeout_stream": LONGEST_SILENCE,
}

Progress = Callable[[str], None]
Orders = Mapping[Link, Order]  # which links are to be bad, and how
Onlooker = Callable[[list[tuple[Machine, Node, str]]], None]  # is told of machines, what they stand for, and an interface each


_TRIES = 5
"""How often healing begins anew when something else dies meanwhile. Our choice: what one kill takes along dies one by one."""


DROPPED_WITHIN = 3.0  # seconds until a packet that is on its way has met what drops it, on a busy machine
_AGAIN_AFTER = 0.1
_DIES_WITHIN = 1.0  # seconds from what a dying process does not do any more to its end
_KILLED_WITHIN = 20.0  # seconds; a busy machine takes its time


class NodeDied(MachineError):
    """A node has ended by itself."""


@dataclass(frozen=True, slots=True)
class Healed:
    """What had died and was started anew: the nodes of dataplanes, the links of lines, and whether it was the controller."""

    dataplanes: tuple[str, ...] = ()
    lines: tuple[Link, ...] = ()
    controller: bool = False

    def __bool__(self) -> bool:
        return bool(self.dataplanes or self.lines or self.controller)

    def __add__(self, other: Healed) -> Healed:
        """Each once."""
        dataplanes, lines = (*self.dataplanes, *other.dataplanes), (*self.lines, *other.lines)
        return Healed(tuple(dict.fromkeys(dataplanes)), tuple(dict.fromkeys(lines)), self.controller or other.controller)


class Emulation:
    """A running network. Make it inside the sandbox; `close` ends it, and so does the death of the process.

    Several may run in one sandbox. Tunnels are given `connected_within` seconds to open, here and after each change; a network
    whose tunnel can not open is built too. `cipher`, `keylog` and `meters` are those of `gateway.Options`; without it, what is
    counted goes with the network. In a `timeless` network, as in the simulation, nothing comes of time alone: connections do not
    expire, nor do peers that fell silent.
    The links of `orders` are bad from the first packet on. `onlooker` is told of each interface once it is up and before anything
    is routed through it.
    """

    _names = count()  # of all networks of a process: sockets and files of a node are named after it

    def __init__(
        self,
        topology: Topology,
        *,
        cipher: str = DEFAULT_CIPHER,
        progress: Progress = lambda _text: None,
        connected_within: float = CONNECTED_WITHIN,
        keylog: Path | None = None,
        meters: Path | None = None,
        timeless: bool = False,
        orders: Orders = MappingProxyType({}),
        onlooker: Onlooker = lambda _interfaces: None,
    ) -> None:
        allow_many()
        self.topology = Topology()
        self.orders: Orders = {}
        self.machines: dict[str, Machine] = {}
        self._network = Network(self.machines)
        self._lines = Lines(self.machines, lambda: self._new_machines(1)[0])
        patience = LONGEST_SILENCE if timeless else None
        self._meters = MeterFiles(meters)
        self._tunnels = Tunnels(self.machines, Options(cipher, keylog, patience, self._meters.directory))
        self._home = Home(self.machines, patience=patience)
        self._resolving = Names(self.machines)
        self._parameters = NEVER_EXPIRING if timeless else {}
        self._connected_within = connected_within
        self._gates = Gates(self.machines)
        self._seen: dict[tuple[str, str], int] = {}
        self._onlooker = onlooker
        self._shown: set[tuple[str, str]] = set()
        self._is_changing = False
        self._change(topology, orders, progress)

    def apply(self, topology: Topology, orders: Orders | None = None) -> None:
        """Turn the running network into another one, touching only what differs. No node is started anew.

        `orders` take the place of those before; without them, these stay. A link that becomes bad, or good, is made anew: what is
        under way on it is lost. Raises MachineError when something fails; then the network is again what it was before.
        """
        before, ordered = self.topology, self.orders
        try:
            self._change(topology, ordered if orders is None else orders)
        except (MachineError, OSError) as error:
            self._change(before, ordered)
            raise MachineError(f"the change could not be applied, and the lab is as it was before: {error}") from error

    def heal(self) -> Healed:
        """Start anew what has died: dataplanes, with new keys for their tunnels, lines, the controller. Says what it was.

        Other tunnels go on meanwhile. Raises NodeDied when a node has ended, which nothing can heal, and MachineError when
        something can not be started.
        """
        healed = Healed()
        for last in (*[False] * (_TRIES - 1), True):
            self._check_nodes()
            dataplanes = tuple(node for node, _ in self._tunnels.ended())
            healed += Healed(dataplanes, tuple(self._lines.ended()), self._home.has_ended)
            try:
                if not self.is_whole:
                    self._change(self.topology, self.orders)
            except (MachineError, OSError):
                if last:
                    raise
                self._await_death()
        return healed

    def _await_death(self) -> None:
        """What fails because its process is just dying is seen to have died a little later."""
        _await_end([*self._tunnels.lifelines(), *self._lines.lifelines()], _DIES_WITHIN)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is to be healed: all lives, and the last change went through to its end."""
        dead = self._tunnels.ended() or self._tunnels.parent_has_ended or self._lines.ended() or self._home.has_ended
        return not dead and not self._resolving.have_ended and not self._is_changing

    def _check_nodes(self) -> None:
        dead = [self.topology.by_name[name].label for name, machine in self.machines.items() if machine.has_ended]
        dead += ["the lines"] if self._lines.machine_has_ended else []
        if dead:
            raise NodeDied(f"the process of {', '.join(dead)} has ended, and the node with it")

    def lifelines(self) -> Iterator[int]:
        """Descriptors of all processes that the network stands on: each is readable once its process has ended. Then, `heal`.

        One is readable when the controller asks something. Then, `serve`.
        """
        yield from (machine.lifeline for machine in self.machines.values())
        yield from self._tunnels.lifelines()
        yield from self._lines.lifelines()
        yield from self._home.lifelines()
        yield from self._resolving.lifelines()

    @property
    def ways(self) -> Mapping[Link, Way]:
        """How each order is carried out."""
        return self._lines.ways()

    def _change(self, topology: Topology, orders: Orders, progress: Progress = lambda _text: None) -> None:
        check_interface_names(topology.nodes)
        self._is_changing = True
        orders = {link: order for link, order in orders.items() if link in topology.links}
        progress(f"{len(topology.nodes)} nodes, {len(topology.links)} links")
        self._tunnels.warm_up(topology)
        self._home.warm_up(topology)
        self._forget_devices(self._tunnels.forget_ended())
        self._tunnels.hold()
        self._home.hold()
        self._forget_devices(self._tunnels.stop_obsolete(topology))
        self._resolving.stop_obsolete(topology)
        self._lines.stop_obsolete(orders)
        middles = self._lines.middles(orders)
        self._shown.difference_update(self._network.remove_links(topology, middles))
        self._remove_machines(topology)
        self._add_machines(topology)
        self._network.add_links(topology, middles)
        self._lines.carry_out(orders, topology)
        progress("addresses, gates and routes")
        for node in topology.nodes:
            self._network.configure(node, tunnels=False)
            self._gates.load(node)
        self._show(topology, tunnels=False)
        self._tunnels.hand_over(topology)
        for node in topology.nodes:
            self._network.route(node, tunnels=False)
        self._resolving.apply(topology)
        progress("tunnels")
        self._tunnels.apply(topology, ready=lambda: self._address_tunnels(topology))
        self._show(topology, tunnels=True)
        for node in topology.nodes:
            if node.services:
                self._network.route(node, tunnels=True)
        self._home.apply(topology)
        self.topology, self.orders, self._is_changing = topology, orders, False
        self._tunnels.wait(self._connected_within)

    def _address_tunnels(self, topology: Topology) -> None:
        """Give TUN devices their addresses before anybody connects: strongSwan routes from its own as soon as it has."""
        for node in topology.nodes:
            if node.services:
                self._network.configure(node, tunnels=True)

    def _forget_devices(self, ends: Collection[End]) -> None:
        for node, device in ends:
            self._network.forget_device(node, device)
            self._shown.discard((node, device))

    def _show(self, topology: Topology, *, tunnels: bool) -> None:
        there = {(node.name, interface.name): interface.tunnel for node in topology.nodes for interface in node.interfaces}
        self._shown &= there.keys()
        fresh = [key for key, tunnel in there.items() if tunnel == tunnels and key not in self._shown]
        self._shown.update(fresh)
        if fresh:
            self._onlooker([(self.machines[name], topology.by_name[name], interface) for name, interface in fresh])

    def _remove_machines(self, topology: Topology) -> None:
        obsolete = [name for name in self.machines if name not in topology.by_name]
        terminate_all([self.machines.pop(name) for name in obsolete])
        for name in obsolete:
            self._network.forget(name)
            self._gates.forget(name)

    def _add_machines(self, topology: Topology) -> None:
        new = [node.name for node in topology.nodes if node.name not in self.machines]
        self.machines.update(zip(new, self._new_machines(len(new)), strict=True))

    def _new_machines(self, number: int) -> list[Machine]:
        """So many, which start side by side."""
        machines = [Machine(f"n{next(self._names)}", ready=False) for _ in range(number)]
        try:
            for machine in machines:
                machine.get_ready()
                machine.namespace.set_sysctls(self._parameters)
        except BaseException:
            terminate_all(machines)
            raise
        return machines

    def ping(self, node: str, source: IPv4Address, destination: IPv4Address, *, count: int) -> PingResult:
        return ping(self.machines[node], source, destination, count=count)

    def echo(self, echoes: Sequence[Echo], expected: Sequence[bool]) -> list[bool]:
        """Send them all at once, and say which are answered; see `echoes.send`."""
        from lab.emulation.echoes import send  # few scenarios need it, and it takes long to load

        return send(self.machines, echoes, expected)

    def flow(self, echo: Echo, protocol: str, *, rate: float, seconds: float) -> float:
        """Bit/s that arrive of data sent along the way of an echo; see `flow.flow`."""
        from lab.emulation.flow import flow

        receiver = next(node.name for node in self.topology.nodes if echo.destination in node.addresses)
        ends = (self.machines[echo.node], echo.source), (self.machines[receiver], echo.destination)
        return flow(*ends, protocol, rate=rate, seconds=seconds)

    def vpn_ends(self, tunnel: str, *, within: float = 0.0) -> tuple[StatusEnd, ...]:
        """How the ends of a tunnel see it, when no end is trying any more or so many seconds have passed."""
        self._tunnels.wait(within)
        return self._tunnels.vpn_ends(tunnel)

    def control_ends(self, device: str, *, within: float = 0.0) -> tuple[StatusEnd, ...]:
        """How a device, or that which a gateway's routes follow, and its controller see its Control Status."""
        return self._home.ends(device, within=within)

    def ask_apps(self, requests: Mapping[str, AppRequest], serve: Serve) -> dict[str, AppAnswer]:
        """Let the SAG apps of terminals make a request each over the network, at once; `serve` answers for the provider."""
        return self._home.ask_apps(requests, serve)

    @property
    def authority(self) -> str:
        """The certificate that whoever speaks to the controller is to trust, as PEM; empty where there is none."""
        return self._home.authority

    def serve(self, serve: Serve) -> None:
        """Answer the requests of apps that came by themselves."""
        self._home.serve(serve)

    def control_reasons(self) -> dict[str, str]:
        """Why the Control Status of each machine that phones home is Abnormal, by node; empty where it is Normal."""
        return self._home.reasons()

    def device_news(self) -> list[tuple[str, bool]]:
        """The devices, by serial number, that serve again (True), or no longer, since the last call, as their controller hears.

        It is told at once, and so is the caller, which of them have just died here and are to be healed.
        """
        return [*self._home.bury(self.ended_dataplanes()), *self._home.news()]

    def ended_dataplanes(self) -> list[str]:
        """The nodes whose dataplane has died and is to be healed."""
        return [node for node, _ in self._tunnels.ended()]

    def fail(self, node: str) -> None:
        """Kill what ends the tunnels of a node, and wait until it has ended. Raises MachineError for a node without any."""
        process = self._tunnels.processes().get(node)
        if process is None:
            raise MachineError(f"{node} ends no tunnel")
        os.kill(process.pid, signal.SIGKILL)
        if not _await_end([process.lifeline], _KILLED_WITHIN):
            raise MachineError(f"what ends the tunnels of {node} was killed, and has not ended within {_KILLED_WITHIN:.0f} s")

    def home_pids(self) -> dict[str, int]:
        """The processes of the controller and of the devices that phone home, by what they are."""
        return self._home.pids()

    def tunnel_ends(self, tunnel: str) -> dict[str, TunnelEnd]:
        """The processes at the ends of a tunnel, by node, for who wants to do something to one."""
        return self._tunnels.ends(tunnel)

    def tunnel_status(self) -> dict[str, dict[str, Any]]:
        """What each dataplane says of itself, by node."""
        return self._tunnels.status()

    def meters(self) -> dict[str, Reading]:
        """What has been counted in all, by meter, now and in the networks before this one in the same directory."""
        return self._meters.totals()

    def look_up(self, node: str, name: str) -> tuple[IPv4Address, ...]:
        """The addresses of a name, as a program on a machine learns them; none when it learns of none."""
        return self._resolving.look_up(node, name)

    def tunnel_pids(self) -> dict[str, int]:
        """The process that ends the tunnels of a node, by node: the worker of a dataplane, or strongSwan's charon."""
        return self._tunnels.pids()

    def line_pids(self) -> dict[Link, int]:
        """The processes that are lines, by link; where the kernel is the line there is none."""
        return self._lines.pids()

    def new_drops(self, *, lost: int = 0) -> list[Drop]:
        """What was dropped since the last call, from the counters of every gate and every dataplane.

        On a busy machine a packet may be under way still: while the drops do not account for the `lost`, they are read again.
        """
        until = time.monotonic() + DROPPED_WITHIN
        while True:
            counted = dict((*self._gates.drops(), *self._tunnels.drops()))
            grown = {key: drop.packets - self._seen.get(key, 0) for key, drop in counted.items()}
            fresh = [replace(counted[key], packets=packets) for key, packets in grown.items() if packets > 0]
            told = sum(drop.packets for drop in fresh if drop.place.filter is not Filter.HANDSHAKE)
            if told >= lost or time.monotonic() > until:
                self._seen.update({key: drop.packets for key, drop in counted.items()})
                return fresh
            time.sleep(_AGAIN_AFTER)

    @contextmanager
    def capture(self, node: str, interface: str, path: Path, directory: int) -> Iterator[None]:
        """Write what passes an interface to `path`, a name inside the open `directory`."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644, dir_fd=directory)
        try:
            capture = Capture(Point(f"{node}:{interface}", tuple(self.machines[node].entry()), interface), fd)
        finally:
            os.close(fd)
        capture.wait_until_listening()
        try:
            yield
        finally:
            capture.stop()

    def close(self) -> None:
        self._home.stop()
        self._tunnels.stop()
        self._resolving.stop()
        self._meters.close()
        self._lines.stop()
        terminate_all(self.machines.values())
        self.machines.clear()


def _await_end(lifelines: Iterable[int], within: float) -> bool:
    """Whether one of the processes has ended when so many seconds have passed."""
    poll = select.poll()
    for lifeline in lifelines:
        poll.register(lifeline, select.POLLIN)
    return bool(poll.poll(1000 * within))
