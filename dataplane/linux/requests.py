"""What a worker may ask of the agent: the whole list. Each is one message of JSON, read exactly.

The worker handles what strangers send, so the agent trusts it no further than this: a message that is not on the list, or not
exactly so, ends the worker. What a request is about is the agent's to know, not the worker's to say: its TUN device, its control
socket and its key log have no name here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from dataplane.config import MAXIMUM_MTU, MINIMUM_MTU
from dataplane.errors import LocalError
from dataplane.fields import Fields
from dataplane.keylog import Table

MESSAGE_LENGTH = 4096
"""Bytes. Our choice: no request comes near."""

MOST_NANOSECONDS = 1_000_000
"""Of a flush timeout. Our choice: a millisecond is far more than any use of it wants."""

MOST_DEFERRALS = 100
"""Of interrupts. Our choice, likewise."""


class MalformedRequest(LocalError):
    """The worker asked for what is not on the list, or not in its form."""


@dataclass(frozen=True, slots=True)
class OpenTun:
    """A queue of the TUN device, as `open_tun` has it."""

    mtu: int
    vnet_header: bool = False
    multi_queue: bool = False


@dataclass(frozen=True, slots=True)
class OpenUnderlay:
    """A socket of the underlay, as `open_underlay` has it."""

    address: IPv4Address
    port: int
    shared: bool = False


@dataclass(frozen=True, slots=True)
class OpenControl:
    """The socket that listens for those who control the dataplane."""


@dataclass(frozen=True, slots=True)
class OpenKeyLog:
    """A file of the key log, to be appended to."""

    table: Table


@dataclass(frozen=True, slots=True)
class OpenMeters:
    """The file in which is counted what outlives the process, to be mapped."""


@dataclass(frozen=True, slots=True)
class SetMtu:
    """The MTU of the TUN device."""

    mtu: int


@dataclass(frozen=True, slots=True)
class AddAddress:
    """To the TUN device."""

    address: IPv4Address
    length: int  # of the prefix, in bits


@dataclass(frozen=True, slots=True)
class RemoveAddress:
    address: IPv4Address
    length: int


@dataclass(frozen=True, slots=True)
class AddRoute:
    """Into the TUN device, in the place of one to the same destination."""

    destination: IPv4Network
    source: IPv4Address | None = None  # preferred for what this machine sends


@dataclass(frozen=True, slots=True)
class RemoveRoute:
    destination: IPv4Network


@dataclass(frozen=True, slots=True)
class Tune:
    """How an interface of the gateway gathers what it receives; put back when the agent ends."""

    interface: str
    gro: bool
    udp_gro_forwarding: bool
    gro_flush_timeout: int  # nanoseconds
    napi_defer_hard_irqs: int


@dataclass(frozen=True, slots=True)
class Untune:
    """Put an interface back at once."""

    interface: str


Request = (
    OpenTun | OpenUnderlay | OpenControl | OpenKeyLog
    | OpenMeters | SetMtu | AddAddress | RemoveAddress | AddRoute | RemoveRoute | Tune | Untune
)  # fmt: skip

_TABLES = {str(table): table for table in Table}
_READERS: Mapping[type[Request], Callable[[Fields], Request]] = {
    OpenTun: lambda of: OpenTun(_mtu(of), of.flag("vnet_header"), of.flag("multi_queue")),
    OpenUnderlay: lambda of: OpenUnderlay(of.address("address"), of.integer("port", 1, 65535), of.flag("shared")),
    OpenControl: lambda _: OpenControl(),
    OpenKeyLog: lambda of: OpenKeyLog(Table(of.choice("table", _TABLES))),
    OpenMeters: lambda _: OpenMeters(),
    SetMtu: lambda of: SetMtu(_mtu(of)),
    AddAddress: lambda of: AddAddress(of.address("address"), of.integer("length", 0, 32)),
    RemoveAddress: lambda of: RemoveAddress(of.address("address"), of.integer("length", 0, 32)),
    AddRoute: lambda of: AddRoute(of.prefix("destination"), of.address("source") if "source" in of else None),
    RemoveRoute: lambda of: RemoveRoute(of.prefix("destination")),
    Tune: lambda of: Tune(
        of.interface("interface"),
        of.flag("gro"),
        of.flag("udp_gro_forwarding"),
        of.integer("gro_flush_timeout", 0, MOST_NANOSECONDS),
        of.integer("napi_defer_hard_irqs", 0, MOST_DEFERRALS),
    ),
    Untune: lambda of: Untune(of.interface("interface")),
}
_KINDS = {kind.__name__: kind for kind in _READERS}


def encode(request: Request) -> bytes:
    values = {field.name: _plain(getattr(request, field.name)) for field in fields(request)}
    return json.dumps({"request": type(request).__name__, **values}).encode()


def decode(message: bytes) -> Request:
    """Raises MalformedRequest with every error that the message has."""
    errors: list[str] = []
    values = Fields(_load(message), "", errors)
    kind = _KINDS[values.choice("request", _KINDS)]
    if not errors:
        values.only("request", *(field.name for field in fields(kind)))
    request = _READERS[kind](values)
    if errors:
        raise MalformedRequest("; ".join(errors))
    return request


def _load(message: bytes) -> Any:
    if len(message) > MESSAGE_LENGTH:
        raise MalformedRequest(f"it is longer than {MESSAGE_LENGTH} bytes")
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        raise MalformedRequest("it is no JSON") from None


def _plain(value: object) -> object:
    """A value as JSON can hold it."""
    return str(value) if isinstance(value, IPv4Address | IPv4Network | StrEnum) else value


def _mtu(of: Fields) -> int:
    return of.integer("mtu", MINIMUM_MTU, MAXIMUM_MTU)
