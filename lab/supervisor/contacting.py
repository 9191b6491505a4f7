"""Sends the one packet of an expectation on a network that is up, and says what is seen of it."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import count

from lab.contact import Contact, Seen, missed
from lab.drops import Drop, Filter
from lab.emulation.emulation import Emulation
from lab.emulation.probe import Probing, Sighting
from lab.emulation.witness import Witnesses
from lab.simulation import Exchange, Probe

# Our choices. A packet whose answer is foretold is waited for long, and sent again: links may lose packets.
ANSWERED_WITHIN = 1.0  # seconds
ATTEMPTS = 3
SILENT_FOR = 0.25  # seconds that are waited for an answer that nobody foretells
_FIRST_PORT, _LAST_PORT = 61000, 65535  # above the kernel's own choices (net.ipv4.ip_local_port_range)
_PORT_UNREACHABLE = (3, 3)  # RFC 792: what a machine that nobody listens on says to UDP


class Contacting:
    """Each packet has a source port, or an identifier, that none had before: no node takes it for an earlier one's."""

    def __init__(self) -> None:
        self._ports = count()

    def contact(self, emulation: Emulation, wanted: Contact, foretold: Exchange) -> Seen:
        emulation.new_drops()  # what was dropped before is not about this packet
        for attempt in range(1, ATTEMPTS + 1):
            seen = self._send(emulation, wanted, foretold)
            if seen.answered or not (foretold.answered or wanted.reaches) or attempt == ATTEMPTS:
                break
        return replace(seen, drops=tuple(_about_packets(emulation.new_drops())))

    def _send(self, emulation: Emulation, wanted: Contact, foretold: Exchange) -> Seen:
        probe = replace(foretold.request.probe, source_port=self._fresh_port())
        node = foretold.request.hops[0].node.name
        receiver = foretold.request.delivered_to
        ends = {node, *([receiver.name] if receiver is not None else self._holders(emulation, probe))}
        waypoints = [name for waypoint in wanted.through for name in waypoint.nodes if name in emulation.machines]
        probing, witnesses = Probing(), Witnesses(emulation.machines, waypoints)
        try:
            probing.attend({name: emulation.machines[name] for name in ends})
            started = time.monotonic()
            sighting = probing.send(node, probe)
            within = ANSWERED_WITHIN if foretold.answered else SILENT_FOR
            answered = probing.watch(lambda: _came_back(sighting), within=within)
            rtt_ms = (time.monotonic() - started) * 1000 if answered else None
            return Seen(answered, rtt_ms, missed([node, *witnesses.saw(probe)], wanted.through))
        finally:
            probing.close()
            witnesses.close()

    def _fresh_port(self) -> int:
        return _FIRST_PORT + next(self._ports) % (_LAST_PORT - _FIRST_PORT + 1)

    def _holders(self, emulation: Emulation, probe: Probe) -> list[str]:
        """The nodes that have the destination's address: there an answer could come from, though none is foretold."""
        return [node.name for node in emulation.topology.nodes if probe.destination in node.addresses]


def _came_back(sighting: Sighting) -> bool:
    """An answer, or the destination's word that nobody listens on the port: both have come all the way there and back."""
    return bool(sighting.answered_at) or any((error.type, error.code) == _PORT_UNREACHABLE for error in sighting.errors)


def _about_packets(drops: list[Drop]) -> list[Drop]:
    return [drop for drop in drops if drop.place.filter is not Filter.HANDSHAKE]
