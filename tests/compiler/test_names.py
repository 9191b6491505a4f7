"""Only generated identifiers reach the kernel, nft and a shell, whatever a user typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import Lab
from lab.cloud.aws import SAG_VCPE
from lab.compiler.names import interface_name, table_number, transfer_addresses
from lab.emulation.ruleset import render
from lab.origin import Origin
from lab.topology import Topology

SEED = b"tests of names"
INJECTION = '"; drop'
SHELL = "$(reboot)`reboot`\n| & ' \\"
SAFE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # what an interface or a node may be called

# Amazon allows any character but control ones in a Name tag; the model takes any text.
NAMES = st.text(min_size=1, max_size=60)


def named_lab(name: str) -> Topology:
    """A lab in which everything that takes free text bears `name`."""
    lab = Lab(seed=SEED)
    vpc = lab.aws.create_vpc("10.0.0.0/16", name=name)
    subnet = lab.aws.create_subnet(vpc.id, "10.0.1.0/24", name=name)
    gateway = lab.aws.create_internet_gateway()
    lab.aws.attach_internet_gateway(gateway.id, vpc.id)
    group = lab.aws.create_security_group("group", "description", vpc.id)
    lab.alibaba.create_ticket()
    image = lab.aws.describe_images(name=SAG_VCPE)[0]
    lab.aws.authorize_security_group_ingress(group.id, ip_protocol="tcp", from_port=22, to_port=22, cidr_ip="10.0.0.0/16")
    lab.aws.run_instances(
        image.id, subnet.id, security_group_ids=[group.id], user_data=name, associate_public_ip_address=True, name=name
    )
    return lab.compile()


def identifiers(topology: Topology) -> Iterator[str]:
    """Everything of a topology that is given to the kernel or to a program as a name."""
    for node in topology.nodes:
        yield node.name
        yield from (interface.name for interface in node.interfaces)
        yield from (name for table in node.tables for name in table.selected_by)
        yield from (peer.name for service in node.services for peer in service.peers)


def rulesets(topology: Topology) -> list[str]:
    return [render(node).text for node in topology.nodes if node.forwards]


@pytest.mark.parametrize("name", [INJECTION, SHELL, "aws", "名前", "x" * 200], ids=["nft", "shell", "plain", "chinese", "long"])
def test_a_name_changes_nothing_but_the_label(name: str) -> None:
    ours, plain = named_lab(name), named_lab("plain")
    assert list(identifiers(ours)) == list(identifiers(plain))
    assert rulesets(ours) == rulesets(plain)
    assert {node.label for node in ours.nodes} == {"internet", name}


@settings(max_examples=25, deadline=None)
@given(NAMES)
def test_no_text_reaches_an_identifier(name: str) -> None:
    topology = named_lab(name)
    assert all(SAFE_NAME.fullmatch(identifier) for identifier in identifiers(topology))
    assert rulesets(topology) == rulesets(named_lab("plain"))


def test_interface_names_fit_the_kernel() -> None:
    for node in named_lab("aws").nodes:
        for interface in node.interfaces:
            assert 1 <= len(interface.name) <= 15, interface.name


@given(st.from_regex(r"[a-z]{1,4}", fullmatch=True), st.from_regex(r"[a-z]{1,5}-[0-9a-z]{17,20}", fullmatch=True))
def test_generated_interface_names_fit_the_kernel(prefix: str, resource: str) -> None:
    name = interface_name(prefix[:3], resource)
    assert len(name) <= 15
    assert SAFE_NAME.fullmatch(name)


@given(st.integers(1, 2**19 - 1), st.integers(1, 2**19 - 1))
def test_transfer_links_share_no_address(first: int, second: int) -> None:
    one, other = (transfer_addresses(Origin("x", "x.y", number)) for number in (first, second))
    assert one[0].network == one[1].network
    assert {address.ip for address in one} <= set(one[0].network.hosts())
    assert (one[0].network == other[0].network) == (first == second)


def test_transfer_addresses_lie_in_shared_address_space() -> None:
    assert transfer_addresses(Origin("x", "x.y", 1))[0].ip == IPv4Address("100.64.0.5")


@given(st.integers(0, 2**20))
def test_table_numbers_stay_clear_of_the_kernels_own(number: int) -> None:
    assert table_number(Origin("x", "x.y", number)) > 255
