"""Addresses as the ipaddress module makes them fast: given a number it does not write and read a text first."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

_HOST = 32


def host_network(address: IPv4Address) -> IPv4Network:
    """The /32 of an address."""
    return IPv4Network((int(address), _HOST))


def in_network(address: IPv4Address, prefix_length: int) -> IPv4Interface:
    """An address with the length of the network it is in."""
    return IPv4Interface((int(address), prefix_length))
