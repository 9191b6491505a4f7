"""The part of a Topology that is about devices which phone home: what they call with, and what their controller knows.

It stands by itself because the processes that run it need no more of the Topology.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network

from lab.origin import Origin


@dataclass(frozen=True, slots=True)
class Phone:
    """With what a gateway's machine phones home: from `address`, with the serial number and key that it was given.

    `name` is that of the register's entry for the device it is to be, empty when it is nobody's. `clock` is what the machine's
    clock shows: the lab's time.
    """

    name: str
    serial_number: str
    key: bytes = field(repr=False)
    address: IPv4Address
    controller: tuple[IPv4Address, int]
    clock: datetime
    origin: Origin


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a device is told: where its tunnel ends, what lies behind that, and what it announces itself. Mbit/s."""

    gateway: str
    role: str
    point_of_presence: IPv4Address
    learned: tuple[IPv4Network, ...]
    announced: tuple[IPv4Network, ...]
    max_bandwidth: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A device in the controller's register.

    `name` is the gateway if its Control Status is this device's, else the serial number. `holder` is the node that the serial
    number belongs to, empty while no machine bears the right pair. Without a `configuration`, `withheld` says why there is none.
    """

    name: str
    serial_number: str
    key: bytes = field(repr=False)
    holder: str
    is_paired: bool  # there is another device that could take over
    configuration: Configuration | None
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate is good, both included (RFC 5280 §4.1.2.5)."""

    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Controller:
    """The service that devices phone home to, over TLS with a certificate of this validity."""

    address: IPv4Address
    port: int
    register: tuple[Entry, ...]
    certificate: Validity
