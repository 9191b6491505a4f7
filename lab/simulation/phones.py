"""Devices that phone home, and apps that log on: who reaches the controller, and what that makes of its Control Status.

A call is a TCP connection, walked as its SYN and the answer to it. Unlike a tunnel, what has been said before counts for nothing:
the statuses are those of calls that are made now.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from lab.controller.admission import Refusal, check_admission, check_validity
from lab.logon import AppAnswer, AppPhone, AppRequest, AppVisit, Serve, unreachable, untrusted
from lab.phoning import Controller, Entry, Phone
from lab.simulation.probe import Probe
from lab.simulation.walk import Exchange, Walk
from lab.status import CONTROLLER_UNREACHABLE, NOT_REPORTING, WRONG_KEY, StatusEnd
from lab.topology import Node, Topology

_PORT = 49152  # RFC 6335 §6: the first of those that nobody is assigned
_SYN = 60  # bytes with both headers, with the options that Linux sends


class Network(Protocol):
    """What a call needs of the simulation."""

    topology: Topology

    def exchange(self, probe: Probe, node: str) -> Exchange: ...


def control_ends(network: Network, name: str) -> tuple[StatusEnd, ...]:
    """How those who know of a register's entry see it: the machines that are, or claim to be, the device, then the controller."""
    topology = network.topology
    home = topology.controller
    entry = _entry(topology, name)
    if home is None or entry is None:
        return ()
    outcomes = {node.name: _outcome(network, node, phone) for node, phone in _phones(topology)}
    callers = [node for node, phone in _phones(topology) if phone.name == entry.name and entry.holder in ("", node.name)]
    return (
        *(StatusEnd(node.name, outcomes[node.name]) for node in callers),
        StatusEnd(home.name, _seen_from_home(topology, entry, outcomes)),
    )


def device_end(network: Network, node: Node) -> StatusEnd | None:
    """How a machine that phones home fares; None for one that does not."""
    return None if node.phone is None else StatusEnd(node.name, _outcome(network, node, node.phone))


def calls(network: Network) -> Iterator[Walk]:
    """The first packet of each call, and its answer."""
    for node, phone in _phones(network.topology):
        exchange = _call(network, node, phone)
        yield exchange.request
        if exchange.reply is not None:
            yield exchange.reply


def ask_app(network: Network, node: Node, request: AppRequest, serve: Serve) -> AppAnswer:
    """What comes of a request that the app of a terminal makes."""
    if node.app is None:
        return unreachable(node.label)
    exchange = _call(network, node, node.app)
    called = exchange.request.delivered_to
    if not exchange.answered or called is None or called.controller is None:
        return unreachable(node.label)
    try:
        check_validity(called.controller.certificate, node.app.clock)
    except Refusal as refusal:
        return untrusted(refusal.reason)
    return serve(AppVisit(node.name, exchange.request.packet.source, request))


def _call(network: Network, node: Node, phone: Phone | AppPhone) -> Exchange:
    address, port = phone.controller
    return network.exchange(Probe(phone.address, address, "tcp", _PORT, port, size=_SYN, dont_fragment=True), node.name)


def _outcome(network: Network, node: Node, phone: Phone) -> str:
    """What a machine learns by calling: a reason, empty when it is given its configuration."""
    exchange = _call(network, node, phone)
    called = exchange.request.delivered_to
    if not exchange.answered or called is None or called.controller is None:
        return CONTROLLER_UNREACHABLE
    try:
        check_validity(called.controller.certificate, phone.clock)
        entry = _by_serial_number(called.controller, phone.serial_number)
        return check_admission(entry, proves_key=entry is not None and entry.key == phone.key, machine=node.name).withheld
    except Refusal as refusal:
        return refusal.reason


def _seen_from_home(topology: Topology, entry: Entry, outcomes: dict[str, str]) -> str:
    """A device that reports has nothing else against it than that there is no configuration for it."""
    if entry.holder and outcomes.get(entry.holder) == entry.withheld:
        return entry.withheld
    same = [outcomes[node.name] for node, phone in _phones(topology) if phone.serial_number == entry.serial_number]
    return WRONG_KEY if WRONG_KEY in same else NOT_REPORTING


def _phones(topology: Topology) -> Iterator[tuple[Node, Phone]]:
    return ((node, node.phone) for node in topology.nodes if node.phone is not None)


def _entry(topology: Topology, name: str) -> Entry | None:
    home = topology.controller
    register = home.controller.register if home is not None and home.controller is not None else ()
    return next((entry for entry in register if name in (entry.name, entry.serial_number)), None)


def _by_serial_number(controller: Controller, serial_number: str) -> Entry | None:
    return next((entry for entry in controller.register if entry.serial_number == serial_number), None)
