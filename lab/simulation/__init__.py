"""Walks a packet over a Topology in memory, hop by hop. Needs no root, no kernel and no network.

    simulation = Simulation(topology)
    exchange = simulation.exchange(Probe(app, ecs, "icmp"), "app")
    exchange.request.verdict, exchange.request.reason, exchange.request.at

A walk says what the namespaces of the emulation would do with the same packet, in the order in which Linux does it.
`visit` holds that order, `connections` what is remembered of a flow, `tunnels` what lies between two dataplanes.
"""

from __future__ import annotations

from lab.simulation.drops import Drop
from lab.simulation.gates import Consultation, Ground
from lab.simulation.probe import InvalidProbeError, Probe, answer
from lab.simulation.simulation import Simulation
from lab.simulation.walk import Exchange, Failure, Hop, IcmpError, Passage, TunnelEnd, Verdict, Walk

__all__ = [
    "Consultation",
    "Drop",
    "Exchange",
    "Failure",
    "Ground",
    "Hop",
    "IcmpError",
    "InvalidProbeError",
    "Passage",
    "Probe",
    "Simulation",
    "TunnelEnd",
    "Verdict",
    "Walk",
    "answer",
]
