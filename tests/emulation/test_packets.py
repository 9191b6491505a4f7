"""The source/destination check in the kernel: for every packet, nftables decides what EniCheck's predicates say."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from scapy.layers.inet import IP, UDP

from dataplane.check import EniCheck
from lab import Lab
from lab.drops import Filter
from lab.emulation.emulation import Emulation
from lab.topology import EniGate, Node, NodeKind, Route, Topology
from tests.emulation.lab_process import in_lab

pytestmark = pytest.mark.emulation

SEED = b"tests of the check"
PORT = 9  # discard
ETH_P_IP = 0x0800
WITHIN = 30.0  # seconds for a packet to arrive or be counted
SECONDARY = IPv4Address("10.0.1.99")
BEYOND = IPv4Network("172.16.0.0/12")  # a route leads from both subnets to the machine "open"
ADDRESSES = {"strict": IPv4Address("10.0.1.10"), "two": IPv4Address("10.0.1.20"), "open": IPv4Address("10.0.2.30")}
CHECKS = {
    "strict": EniCheck((ADDRESSES["strict"],)),
    "two": EniCheck((ADDRESSES["two"], SECONDARY)),
    "open": EniCheck((ADDRESSES["open"],), enabled=False),
}
FOREIGN = IPv4Address("172.16.0.1")


@dataclass(frozen=True)
class Case:
    """A packet that `sender` sends from `source`; the fabric takes it to `receiver`."""

    sender: str
    source: IPv4Address
    receiver: str
    destination: IPv4Address

    def __str__(self) -> str:
        return f"{self.sender} {self.source} to {self.receiver} {self.destination}"

    @property
    def expected(self) -> Filter | None:
        """The half of the check that stops it, by the predicates."""
        if not CHECKS[self.sender].permits_outbound(self.source):
            return Filter.SOURCE_CHECK
        if not CHECKS[self.receiver].permits_inbound(self.destination):
            return Filter.DESTINATION_CHECK
        return None


SOURCES = (*ADDRESSES.values(), SECONDARY, FOREIGN)
TARGETS = [
    ("strict", ADDRESSES["strict"]),
    ("two", ADDRESSES["two"]),
    ("two", SECONDARY),
    ("open", ADDRESSES["open"]),
    ("open", FOREIGN),
    ("strict", IPv4Address("10.64.0.1")),  # a route leads to "strict", whose address it is not
]
CASES = [
    Case(sender, source, receiver, destination)
    for sender in ADDRESSES
    for source in SOURCES
    for receiver, destination in TARGETS
    if sender != receiver and source != destination
]


def network() -> Topology:
    """An AWS VPC with three machines whose groups admit everything, and whose checks are those of CHECKS."""
    lab = Lab(seed=SEED)
    vpc = lab.aws.create_vpc("10.0.0.0/16")
    subnets = [lab.aws.create_subnet(vpc.id, cidr) for cidr in ("10.0.1.0/24", "10.0.2.0/24")]
    group = lab.aws.create_security_group("open", "admits everything", vpc.id)
    lab.aws.authorize_security_group_ingress(group.id, ip_protocol="-1", cidr_ip="0.0.0.0/0")
    image = lab.aws.describe_images(name="al2023-*")[0]
    machines = {
        name: lab.aws.run_instances(
            image.id, subnets[name == "open"].id, security_group_ids=[group.id], private_ip_address=str(address), name=name
        )
        for name, address in ADDRESSES.items()
    }
    table = vpc.main_route_table_id
    lab.aws.create_route(table, str(BEYOND), network_interface_id=machines["open"].network_interface_ids[0])
    lab.aws.create_route(table, "10.64.0.0/16", network_interface_id=machines["strict"].network_interface_ids[0])
    return _with_checks(lab.compile())


def _with_checks(topology: Topology) -> Topology:
    """The network with the checks of CHECKS, and a second address where one names it."""
    labels = {node.name: node.label for node in topology.nodes}
    behind = {here[1]: labels[far[0]] for here, far in topology.far_end.items()}

    def checked(node: Node) -> Node:
        if node.label == "two":
            (interface,) = node.interfaces
            addresses = (*interface.addresses, IPv4Interface((SECONDARY, 24)))
            return replace(node, interfaces=(replace(interface, addresses=addresses),))
        if not node.checks:
            return node
        checks = tuple(EniGate(gate.interface, CHECKS[behind[gate.interface]], gate.origin) for gate in node.checks)
        tables = tuple(replace(table, routes=tuple(_with_secondary(table.routes))) for table in node.tables)
        return replace(node, checks=checks, tables=tables)

    return Topology(tuple(map(checked, topology.nodes)), topology.links)


def _with_secondary(routes: Iterable[Route]) -> Iterator[Route]:
    for route in routes:
        yield route
        if route.destination == IPv4Network(ADDRESSES["two"]):
            yield replace(route, destination=IPv4Network(SECONDARY))


def _observe() -> dict[str, Filter | None]:
    emulation = Emulation(network())
    try:
        return {str(case): _send(emulation, case, number) for number, case in enumerate(CASES)}
    finally:
        emulation.close()


def _send(emulation: Emulation, case: Case, number: int) -> Filter | None:
    """Send one packet and wait until it has arrived or been counted. Returns the filter that stopped it."""
    nodes = {node.label: node.name for node in emulation.topology.nodes}
    fabrics = [node.name for node in emulation.topology.nodes if node.kind is NodeKind.VPC]
    sender, receiver = (emulation.machines[nodes[label]] for label in (case.sender, case.receiver))
    with receiver.namespace.inside():
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        taker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # an open port is not answered by an ICMP error
        taker.bind(("", PORT))
    with sender.namespace.inside():
        speaker = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    packet = bytes(IP(src=str(case.source), dst=str(case.destination), id=number + 1) / UDP(sport=number + 1, dport=PORT))
    with listener, taker, speaker:
        listener.settimeout(0.02)
        speaker.sendto(packet, (str(case.destination), 0))
        deadline = time.monotonic() + WITHIN
        while time.monotonic() < deadline:
            if _arrived(listener, number + 1):
                return None
            drops = [drop for drop in emulation.new_drops() if drop.node in fabrics]  # not what a machine does with it
            if drops:
                assert [drop.packets for drop in drops] == [1], f"{case}: {drops}"
                return drops[0].place.filter
    raise AssertionError(f"{case}: neither arrived nor counted within {WITHIN:.0f} s")


def _arrived(listener: socket.socket, source_port: int) -> bool:
    """Whether the packet from that port is among what the machine has received by now."""
    try:
        while True:
            packet = IP(listener.recv(2048))
            if UDP in packet and packet[UDP].sport == source_port:
                return True
    except TimeoutError:
        return False


@pytest.fixture(scope="module")
def observed() -> dict[str, Filter | None]:
    return in_lab(_observe)


@pytest.mark.requirement("S0-044")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_kernel_decides_as_the_predicates_do(observed: dict[str, Filter | None], case: Case) -> None:
    assert observed[str(case)] == case.expected


def test_the_table_holds_every_verdict() -> None:
    assert {case.expected for case in CASES} == {None, Filter.SOURCE_CHECK, Filter.DESTINATION_CHECK}
