"""Terminals and home routers, as frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from lab.cloud.record import Record
from lab.origin import Origin


@dataclass(frozen=True, kw_only=True)
class HomeRouter(Record):
    """A router whose one public address the devices behind it share. The first host of `cidr_block` is its own."""

    NOUN: ClassVar[str] = "home router"
    NOT_FOUND: ClassVar[str] = "InvalidHomeRouterId.NotFound"

    name: str
    public_ip_address: IPv4Address
    cidr_block: IPv4Network

    @property
    def inner_address(self) -> IPv4Address:
        return self.cidr_block[1]


@dataclass(frozen=True, kw_only=True)
class Terminal(Record):
    """A computer or a phone. `address` is public, or one of the home network while it is behind a home router.

    `os_version` is as people say it: "10", "7 SP1", "12.4". `bits` is the width of a Windows system. `edition` of the app is
    "standalone", "service-x64" or "service-x86". `administrator_password_required` is the setting of macOS without which an app
    may change nothing of the system. `network_origin` is the call that brought it to the network it is in.
    """

    NOUN: ClassVar[str] = "terminal"
    NOT_FOUND: ClassVar[str] = "InvalidTerminalId.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("home_router_id", "place")

    name: str
    platform: str
    os_version: str
    bits: int
    app_version: str
    edition: str
    administrator_password_required: bool
    address: IPv4Address
    home_router_id: str | None
    network_origin: Origin

    @property
    def place(self) -> tuple[tuple[str | None, IPv4Address], ...]:
        """The address with its network, which no two terminals have."""
        return ((self.home_router_id, self.address),)
