"""A name, looked up as a machine's programs do it: the servers are asked in their order, until one answers."""

from __future__ import annotations

from ipaddress import IPv4Address

from lab.simulation.probe import Probe
from lab.simulation.simulation import Simulation
from lab.topology import NameService

DNS_PORT = 53  # RFC 1035 §4.2
_SOURCE_PORT = 40000  # any that is free


def look_up(simulation: Simulation, node: str, name: str) -> tuple[IPv4Address, ...]:
    """The addresses of a name; none when nobody answers, or who does knows of none. Raises LookupError for an unknown node."""
    for server in simulation.topology.by_name[node].nameservers:
        route = simulation.router(node).route(server, "")
        if route is None or route.source is None:
            continue
        probe = Probe(route.source, server, "udp", source_port=_SOURCE_PORT, destination_port=DNS_PORT)
        exchange = simulation.exchange(probe, node)
        there = exchange.request.delivered_to
        if exchange.answered and there is not None and there.name_service is not None:
            found = answer_of(there.name_service, name)
            if found is not None:
                return found
    return ()


def answer_of(service: NameService, name: str) -> tuple[IPv4Address, ...] | None:
    """What servers answer: the addresses of a name in their zones, none where it has none; None for a refusal."""
    name = name.lower().removesuffix(".")
    if not any(name == zone or name.endswith(f".{zone}") for zone in service.zones):
        return None
    exact = tuple(known.address for known in service.names if known.name == name)
    if exact:
        return exact
    wild = [known for known in service.names if known.name.startswith("*.") and name.endswith(known.name[1:])]
    closest = max((len(known.name) for known in wild), default=0)
    return tuple(known.address for known in wild if len(known.name) == closest)
