"""Reading the addresses and CIDR blocks of a call, and finding free ones."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network

from lab.cloud.errors import CloudError

Cidr = str | IPv4Network
Address = str | IPv4Address


def parse_cidr(value: Cidr, code: str) -> IPv4Network:
    """An IPv4 block. Bits set beyond the prefix are refused, not cleared: they are a typing error more often than not."""
    if isinstance(value, IPv4Network):
        return value
    try:
        if not isinstance(value, str) or "/" not in value:
            raise ValueError("a prefix length is missing")
        return _network(value)
    except ValueError as error:
        raise CloudError(code, f"'{value}' is not a CIDR block such as 10.0.0.0/16: {error}") from None


def parse_address(value: Address, code: str) -> IPv4Address:
    if isinstance(value, IPv4Address):
        return value
    try:
        return IPv4Address(str(value))
    except ValueError as error:
        raise CloudError(code, f"'{value}' is not an IPv4 address: {error}") from None


def first_free(
    block: IPv4Network, start: int, reserved: frozenset[IPv4Address], is_taken: Callable[[IPv4Address], bool]
) -> IPv4Address | None:
    """The first free address of a block, searched from its `start`-th address and round. None if there is none.

    A caller that starts after as many addresses as are taken finds one at once in a block that was filled from the bottom.
    """
    size = block.num_addresses
    for step in range(size):
        address = block[(start + step) % size]
        if address not in reserved and not is_taken(address):
            return address
    return None


def _network(value: str) -> IPv4Network:
    length = value.partition("/")[2]
    if not length.isascii() or not length.isdigit():
        raise ValueError("the prefix length is not a number")
    return IPv4Network(value)
