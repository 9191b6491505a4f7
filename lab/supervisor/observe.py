"""Brings a network up, sends the packet that was asked about, and looks what became of it."""

from __future__ import annotations

from collections.abc import Callable

from lab.drops import Filter, Place
from lab.emulation.emulation import Emulation
from lab.emulation.probe import Probing, Sighting
from lab.explanation.explanation import Explanation
from lab.explanation.place import drop_of
from lab.simulation import Probe, Simulation
from lab.supervisor.observation import Observation
from lab.topology import Topology

# Our choices, in seconds, far above the round trip on one machine: for an answer that is foretold, and for one that is not.
ANSWERED_WITHIN = 3.0
SILENT_FOR = 1.0
_PORT_UNREACHABLE = (3, 3)  # RFC 792: what a machine that nobody listens on says to UDP


def observe(explanation: Explanation, *, progress: Callable[[str], None] = lambda _text: None) -> Observation:
    """Send the packet for real; inside the sandbox only. Raises MachineError, and ValueError when there is nothing to send."""
    exchange = explanation.fate.exchange
    if exchange is None:
        raise ValueError(f"{explanation.problem}, so it sends nothing")
    emulation = Emulation(explanation.topology, progress=progress)
    try:
        progress("the packet")
        return send(emulation, explanation, exchange.request.probe)
    finally:
        emulation.close()


def send(emulation: Emulation, explanation: Explanation, probe: Probe) -> Observation:
    """Send the packet on a network that is up already."""
    probing = Probing()
    try:
        probing.attend(emulation.machines)
        emulation.new_drops()  # what was dropped while tunnels opened is not about this packet
        sighting = probing.send(explanation.source.node, probe)
        exchange = explanation.fate.exchange
        within = ANSWERED_WITHIN if exchange is not None and exchange.answered else SILENT_FOR
        probing.watch(lambda: _came_back(sighting) or bool(sighting.errors or sighting.refused), within=within)
        answered = _came_back(sighting)
        arrived = answered or _arrived(explanation, sighting)
        errors = tuple((error.type, error.code) for error in sighting.errors)
        others = _of_others(emulation.topology, explanation)
        lost = 0 if answered or explanation.drop is None else 1
        drops = tuple(drop for drop in emulation.new_drops(lost=lost) if (drop.node, drop.place) not in others)
        drops = tuple(drop for drop in drops if drop.place.filter is not Filter.HANDSHAKE)
        return Observation(arrived, answered, drops, errors, sighting.refused)
    finally:
        probing.close()


def _of_others(topology: Topology, explanation: Explanation) -> set[tuple[str, Place]]:
    """Where packets die that nobody asked for, of tunnels and of devices that phone home, but for the place that is predicted."""
    places = {(drop.node, drop.place) for walk in Simulation(topology).chatter() if (drop := drop_of(walk)) is not None}
    return places - ({(explanation.drop.node, explanation.drop.place)} if explanation.drop is not None else set())


def _arrived(explanation: Explanation, sighting: Sighting) -> bool:
    """Whether the packet got to the machine meant, which for a public address is the one that the prediction found behind it."""
    exchange = explanation.fate.exchange
    predicted = exchange.request.delivered_to if exchange is not None else None
    receiver = predicted.name if predicted is not None else explanation.destination.node
    return receiver in sighting.delivered_to if receiver else bool(sighting.delivered_to)


def _came_back(sighting: Sighting) -> bool:
    """An answer, or the destination's word that nobody listens on the port: both have come all the way there and back."""
    return bool(sighting.answered_at) or any((error.type, error.code) == _PORT_UNREACHABLE for error in sighting.errors)
