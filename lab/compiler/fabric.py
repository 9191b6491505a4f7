"""What the VPCs of both clouds have in common: a port for each network interface, and the machine behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from lab.compiler.draft import Draft, NodeDraft
from lab.compiler.names import interface_name
from lab.origin import Origin
from lab.topology import ANY, Interface, Route


@dataclass(frozen=True, slots=True)
class Port:
    """A network interface plugged into a fabric. `name` is the fabric's side, `device` the machine's."""

    resource: str
    addresses: tuple[IPv4Address, ...]
    subnet: IPv4Network
    device: str
    origin: Origin

    @property
    def name(self) -> str:
        return interface_name("eni", self.resource)

    @property
    def router(self) -> IPv4Address:
        """The address at which the subnet's router answers: the first one after the network's."""
        return self.subnet[1]


def plug(draft: Draft, fabric: NodeDraft, machine: NodeDraft, port: Port) -> None:
    """Connect a machine to the fabric and give it the routes that DHCP would: its subnet, and a default to the router."""
    outside = Interface(port.name, (IPv4Interface(port.router),), proxy_arp=True, resource=port.resource)
    own = tuple(IPv4Interface((address, port.subnet.prefixlen)) for address in port.addresses)
    inside = Interface(port.device, own, resource=port.resource)
    draft.link(fabric, outside, machine, inside)
    machine.main.append(Route(port.subnet, port.origin, port.device, source=port.addresses[0]))
    if len(machine.interfaces) == 1:
        machine.main.append(Route(ANY, port.origin, port.device, via=port.router, source=port.addresses[0]))


def local_routes(ports: Iterable[Port]) -> Iterator[Route]:
    """A /32 for each address of each network interface: how a fabric finds its machines."""
    for port in ports:
        for address in port.addresses:
            yield Route(IPv4Network(address), port.origin, port.name)
