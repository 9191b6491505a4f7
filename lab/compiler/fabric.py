"""What the VPCs of both clouds and ENS networks have in common: a port for each network interface, and the machine behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.compiler.addressing import host_network, in_network
from lab.compiler.draft import Draft, NodeDraft
from lab.compiler.names import interface_name
from lab.origin import Origin
from lab.topology import ANY, Interface, Route

# Where the subnet's router answers: AWS, "Subnet sizing"; Alibaba Cloud, "Plan a VPC".
AWS_ROUTER = 1  # the first address after the network's
ALIBABA_ROUTER = -3  # the second before the broadcast address


@dataclass(frozen=True, slots=True)
class Port:
    """A network interface plugged into a fabric. `name` is the fabric's side, `device` the machine's."""

    resource: str
    addresses: tuple[IPv4Address, ...]
    subnet: IPv4Network
    device: str
    origin: Origin
    router_rank: int = AWS_ROUTER

    @property
    def name(self) -> str:
        return interface_name("eni", self.resource)

    @property
    def router(self) -> IPv4Address:
        """The address at which the subnet's router answers."""
        return self.subnet[self.router_rank]


def plug(draft: Draft, fabric: NodeDraft, machine: NodeDraft, port: Port, *, default: bool = True) -> None:
    """Connect a machine to the fabric and give it the routes that DHCP would: its subnet, and, with `default`, the rest.

    What a machine has a route to already goes on leaving by the interface plugged in first.
    """
    outside = Interface(port.name, (in_network(port.router, 32),), proxy_arp=True, resource=port.resource)
    own = tuple(in_network(address, port.subnet.prefixlen) for address in port.addresses)
    inside = Interface(port.device, own, resource=port.resource)
    draft.link(fabric, outside, machine, inside)
    source = port.addresses[0]
    known = {route.destination for route in machine.main}
    if port.subnet not in known:
        machine.main.append(Route(port.subnet, port.origin, port.device, source=source))
    if default and ANY not in known:
        machine.main.append(Route(ANY, port.origin, port.device, via=port.router, source=source))


def local_routes(ports: Iterable[Port]) -> Iterator[Route]:
    """A /32 for each address of each network interface: how a fabric finds its machines."""
    for port in ports:
        for address in port.addresses:
            yield Route(host_network(address), port.origin, port.name)
