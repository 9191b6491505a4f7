"""Longest-prefix lookup against a linear search."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from dataplane.prefixes import PrefixTable

CLOSE = st.integers(0x0A000000, 0x0A0000FF) | st.sampled_from([0, 0xFFFFFFFF, 0x0A000100, 0x09FFFFFF])
NETWORKS = st.builds(lambda address, length: IPv4Network((address, length), strict=False), CLOSE, st.integers(0, 32))


@given(st.lists(NETWORKS, max_size=12), CLOSE)
def test_lookup_finds_the_longest(networks: list[IPv4Network], address: int) -> None:
    holding = [network for network in networks if IPv4Address(address) in network]
    expected = max(holding, key=lambda network: network.prefixlen, default=None)
    assert PrefixTable((network, network) for network in networks).lookup(address) == expected


@given(st.lists(st.tuples(NETWORKS, st.booleans()), max_size=20), CLOSE)
def test_changed_table_is_as_if_made_anew(changes: list[tuple[IPv4Network, bool]], address: int) -> None:
    table, kept = PrefixTable[str](), dict[IPv4Network, str]()
    for number, (network, insert) in enumerate(changes):
        if insert:
            table.insert(network, f"value {number}")
            kept[network] = f"value {number}"
        else:
            table.remove(network)
            kept.pop(network, None)
    assert table.lookup(address) == PrefixTable(kept.items()).lookup(address)
    assert all(table.get(network) == kept.get(network) for network, _ in changes)


def test_empty_table_holds_nothing() -> None:
    assert PrefixTable[str]().lookup(0) is None
