"""The file that `saglab init` writes is the document's network, as the scenario vcpe-ping configures it."""

from __future__ import annotations

import pytest

from lab.cli import find_scenario
from lab.compiler import compile_topology
from lab.files import LabFile
from lab.files.first import FIRST
from lab.files.source import Source
from lab.topology import Topology
from tests.files.canonical import canonical


def topology_of(text: str) -> Topology:
    return compile_topology(LabFile.of(Source("lab.yaml", text)).cloud())


def test_the_first_file_is_the_network_of_vcpe_ping() -> None:
    assert canonical(topology_of(FIRST)) == canonical(find_scenario("vcpe-ping").topology((), b"seed"))


OTHERS = {
    "another rule": ("tcp 22 from 10.0.0.0/16", "tcp 23 from 10.0.0.0/16"),
    "another route": ("main: {192.168.0.0/16: vcpe}", "main: {192.168.0.0/17: vcpe}"),
    "the check is on": ("security_groups: [vcpe]}", "security_groups: [vcpe], source_dest_check: true}"),
    "another block behind the gateway": ("cidr_blocks: [10.0.0.0/16]", "cidr_blocks: [10.0.0.0/17]"),
    "the VPC is not attached": ("[ccn-singapore, alibaba]", "[ccn-singapore]"),
    "another address": ("10.0.1.10", "10.0.1.11"),
}


@pytest.mark.parametrize(("what", "instead"), OTHERS.values(), ids=OTHERS.keys())
def test_another_network_compares_unequal(what: str, instead: str) -> None:
    assert what in FIRST
    assert canonical(topology_of(FIRST.replace(what, instead))) != canonical(topology_of(FIRST))


def test_the_order_of_calls_does_not_matter() -> None:
    app = "        app: {subnet: app, private_ip_address: 10.0.1.10, security_groups: [app]}\n"
    vcpe = "        vcpe: {subnet: vcpe, private_ip_address: 10.0.2.10, security_groups: [vcpe]}\n"
    moved = FIRST.replace(app, "").replace(vcpe, vcpe + app)
    assert app in FIRST
    assert topology_of(moved) != topology_of(FIRST)
    assert canonical(topology_of(moved)) == canonical(topology_of(FIRST))
