"""The prefix table against a search through everything."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from lab.simulation.prefixes import PrefixTable

# Few distinct addresses, so that prefixes overlap and lookups hit.
ADDRESSES = st.integers(0, 255).map(lambda low: IPv4Address("10.0.0.0") + low * 0x00010101)
PREFIXES = st.builds(lambda address, length: IPv4Network((address, length), strict=False), ADDRESSES, st.integers(0, 32))


@given(st.lists(PREFIXES), ADDRESSES)
def test_the_longest_prefix_wins_and_of_equals_the_first(prefixes: list[IPv4Network], address: IPv4Address) -> None:
    numbered = list(enumerate(prefixes, 1))
    holding = [(prefix.prefixlen, -number) for number, prefix in numbered if address in prefix]
    expected = -max(holding)[1] if holding else None
    assert PrefixTable((prefix, number) for number, prefix in numbered).lookup(address) == expected
