"""A packet that died, with everything that its remedies are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.cloud import Cloud
from lab.cloud.aws.resources import Vpc as AwsVpc
from lab.drops import Place
from lab.explanation.place import place_of
from lab.explanation.question import Party
from lab.explanation.site import Site, block_of_client, site_of_address, site_of_interface
from lab.explanation.words import as_judged
from lab.reasons import Reason
from lab.simulation import Consultation, Drop, Failure, Hop, Probe
from lab.topology import Gate, Topology


@dataclass(frozen=True)
class Situation:
    """`parties` are the two ends of the question; `failure` is the cause, so of an unheard peer the death of its datagram."""

    cloud: Cloud
    topology: Topology
    parties: tuple[Party, Party]
    failure: Failure
    hop: Hop

    @property
    def reason(self) -> Reason | Drop:
        return self.failure.reason

    @property
    def packet(self) -> Probe:
        """The packet as the gates of the node where it died saw it."""
        return as_judged(self.hop)

    @property
    def place(self) -> Place | None:
        return place_of(self.failure)

    @property
    def asked(self) -> Consultation | None:
        """The gate that denied."""
        last = self.hop.gates[-1] if self.hop.gates else None
        return last if last is not None and not last.permit else None

    @property
    def gate(self) -> Gate | None:
        gate = self.asked.gate if self.asked is not None else None
        return gate if isinstance(gate, Gate) else None

    def interface_resource(self) -> str:
        """The network interface that the denying gate stands at; empty when no gate denied."""
        if self.asked is None:
            return ""
        name = self.asked.gate.interface
        return next((interface.resource for interface in self.hop.node.interfaces if interface.name == name), "")

    def site(self, address: IPv4Address) -> Site | None:
        """The VPC an address is at home in: a party's own, else one whose block holds it."""
        for party in self.parties:
            if party.address == address and party.node in self.topology.by_name:
                home = site_of_interface(self.cloud, self.topology.by_name[party.node].interfaces[0].resource)
                if home is not None:
                    return home
        return None if block_of_client(self.cloud, address) is not None else site_of_address(self.cloud, address)

    def block(self, address: IPv4Address) -> IPv4Network:
        """What a rule or a route for an address names: the block of its VPC or of its client's instance, or the address alone."""
        clients = block_of_client(self.cloud, address)
        if clients is not None:
            return clients
        home = self.site(address)
        return home.cidr_block if home is not None else IPv4Network(address)

    def vpc_of_node(self) -> AwsVpc | None:
        """The AWS VPC whose fabric the packet died in."""
        return self.cloud.store.find(AwsVpc, self.hop.node.resource)
