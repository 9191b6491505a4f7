"""Machines of one name, told apart by their network's."""

from __future__ import annotations

import pytest

from lab.errors import UsageError
from lab.explanation.question import find_machine
from lab.explanation.state import State
from lab.files import LabFile
from lab.files.source import Source
from lab.topology import Topology

TWO = "aws: {vpcs: {a: {cidr_block: 10.0.0.0/16, instances: {app: , web: }}, b: {cidr_block: 10.1.0.0/16, instances: {app: }}}}"


@pytest.fixture(scope="module")
def topology() -> Topology:
    return State(LabFile.of(Source("lab.yaml", TWO)).cloud()).topology


@pytest.mark.parametrize(
    ("name", "address"), [("web", "10.0.0.5"), ("a/app", "10.0.0.4"), ("b/app", "10.1.0.4"), ("a/web", "10.0.0.5")]
)
def test_a_machine_is_found(topology: Topology, name: str, address: str) -> None:
    assert str(find_machine(topology, name).address) == address


def test_a_name_that_two_have_says_which_there_are(topology: Topology) -> None:
    with pytest.raises(UsageError, match=r"2 machines are called 'app'; .* of one: a/app \(i-.*, b/app \(i-"):
        find_machine(topology, "app")


def test_a_full_name_that_nobody_has(topology: Topology) -> None:
    with pytest.raises(UsageError, match="no machine 'b/web' runs"):
        find_machine(topology, "b/web")
