"""What a lab file says of the SAG app: instances and their accounts, and the devices that people use it on."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from lab.files.schema.base import SINGAPORE, Address, Cidr, Name, Part


class Account(Part):
    """A client account."""

    NOUN: ClassVar[str] = "account"

    mail: str | None = None
    """by default NAME@example.com"""
    password: str | None = None
    """by default one that all accounts of lab files have; nobody is asked for it here"""
    client_ip: Address | None = None
    """the address that it always connects with, inside a block of the instance; by default any that is idle"""
    bandwidth: int | None = None
    """peak bandwidth in Kbit/s"""
    enabled: bool = True


class SagApp(Part):
    """An SAG app instance, and its client accounts."""

    NOUN: ClassVar[str] = "SAG app instance"

    region: str = SINGAPORE
    cloud_connect_network: Name | None = None
    """the CCN that its clients come to; by default the only one of its region"""
    cidr_blocks: list[Cidr] = Field(default=[])
    """the private blocks that clients are numbered from; without any no network is configured"""
    dns_servers: list[Address] = []
    user_count: int | None = None
    accounts: dict[Name, Account] = {}


class HomeRouter(Part):
    """A router at somebody's home, with a public address."""

    NOUN: ClassVar[str] = "home router"

    cidr_block: Cidr | None = None


class LogOn(Part):
    """Who is logged on with the SAG app of a device."""

    NOUN: ClassVar[str] = "log-on"

    sag_app: Name
    account: Name
    connected: bool = True
    """whether CONNECT was clicked, too"""


class Terminal(Part):
    """Somebody's own device, on the internet or behind a home router."""

    NOUN: ClassVar[str] = "terminal"

    platform: Literal["Windows", "macOS", "Android", "iOS"] = "Windows"
    os_version: str | None = None
    app_version: str | None = None
    home_router: Name | None = None
    """the router it is behind; by default it has a public address of its own"""
    log_on: LogOn | None = None


class Terminals(Part):
    """People's own devices."""

    NOUN: ClassVar[str] = "terminals"

    home_routers: dict[Name, HomeRouter] = {}
    terminals: dict[Name, Terminal] = {}
