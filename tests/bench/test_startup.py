"""The lab whose bring-up is measured is the one that is promised: its hosts, VPCs and gateways."""

from __future__ import annotations

from collections import Counter

import pytest

from lab.topology import NodeKind
from startup import lab_of


@pytest.mark.parametrize(
    ("hosts", "vpcs", "gateways"), [(10, 2, 1), (100, 10, 5), (300, 30, 10)], ids=["10 hosts", "100 hosts", "300 hosts"]
)
def test_a_lab_has_so_many(hosts: int, vpcs: int, gateways: int) -> None:
    kinds = Counter(node.kind for node in lab_of(hosts).nodes)
    assert (kinds[NodeKind.HOST], kinds[NodeKind.VPC], kinds[NodeKind.GATEWAY]) == (hosts, vpcs, gateways)
    assert kinds[NodeKind.CCN] == gateways  # each has a point of presence of its own
