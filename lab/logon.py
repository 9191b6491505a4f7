"""What the SAG app and its service say to each other. It stands by itself because the processes that say it need no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any

from lab.status import CONTROLLER_UNREACHABLE

LOG_ON, CONNECT, DISCONNECT, LOG_OFF = "log_on", "connect", "disconnect", "log_off"

# Answers of the way to the service, beside the provider's own codes.
STALE_REQUEST = "StaleRequest"
TOO_MANY_ATTEMPTS = "TooManyAttempts"
SERVICE_UNAVAILABLE = "ServiceUnavailable"


@dataclass(frozen=True, slots=True)
class AppPhone:
    """With what a terminal's app speaks to the controller. `clock` is what the terminal's clock shows: the lab's time."""

    address: IPv4Address
    controller: tuple[IPv4Address, int]
    clock: datetime


@dataclass(frozen=True, slots=True)
class AppRequest:
    """`operation` is one of those above. A log-on names the user and proves it, all others bear the token that it returned."""

    operation: str
    arguments: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AppAnswer:
    """`code` is empty when it was granted; then `told` is what the app needs to know."""

    code: str = ""
    message: str = ""
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class AppVisit:
    """A request as it arrives: the terminal that says to make it, and the address that it was seen to come from."""

    terminal: str
    source: IPv4Address
    request: AppRequest


Serve = Callable[[AppVisit], AppAnswer]  # what the provider does with a request


def untrusted(reason: str) -> AppAnswer:
    """What the app says of a controller whose certificate it does not trust."""
    return AppAnswer(reason, "the controller's certificate is not valid")


def unreachable(terminal: str) -> AppAnswer:
    """What the app says when nobody answers."""
    return AppAnswer(CONTROLLER_UNREACHABLE, f"{terminal} does not reach the controller")
