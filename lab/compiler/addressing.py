"""Addresses made fast: given a number, the ipaddress module does not write and read a text first, and none is made twice."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

_HOST = 32
_REMEMBERED = 8192  # our choice: networks are compiled again and again, to see what a change would do


@lru_cache(_REMEMBERED)
def host_network(address: IPv4Address) -> IPv4Network:
    """The /32 of an address."""
    return IPv4Network((int(address), _HOST))


@lru_cache(_REMEMBERED)
def in_network(address: IPv4Address, prefix_length: int) -> IPv4Interface:
    """An address with the length of the network it is in."""
    return IPv4Interface((int(address), prefix_length))
