"""Which systems the SAG app runs on, and what it can do there (document, 3.2 and 5.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.cloud.errors import CloudError
from lab.cloud.terminals import Terminal

WINDOWS, MACOS, ANDROID, IOS = "Windows", "macOS", "Android", "iOS"
STANDALONE = "standalone"
# 5.1: the system service, rolled out by an administrator, by the width of the system that it is made for.
SERVICE_WIDTHS = {"service-x86": 32, "service-x64": 64}

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Supported:
    """The versions of a system that the app runs on, both ends included; without a `last`, all later ones."""

    first: str
    last: str = ""

    def __str__(self) -> str:
        return f"{self.first} to {self.last}" if self.last else f"{self.first} and later"


SUPPORTED = {
    WINDOWS: Supported("7 SP1"),
    ANDROID: Supported("5.0", "10.0"),
    MACOS: Supported("10.11.1"),
    IOS: Supported("12.0"),
}
# 3.2: the version of the app from which on it sets DNS; elsewhere every version does.
DNS_SINCE = {ANDROID: "2.1.1", MACOS: "2.1.1"}
IOS_KEEPS_DNS_SINCE = "13"


def parse_version(text: str) -> Version:
    """Numbers to compare: "10.11.1" is (10, 11, 1), Windows' "7 SP1" (7, 0, 1). Trailing zeros do not count.

    Raises App.UnsupportedPlatform.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)*)(?: SP(\d+))?", text)
    if found is None:
        raise CloudError("App.UnsupportedPlatform", f"'{text}' is no version such as 10.15.7, or 7 SP1")
    numbers = [int(number) for number in found[1].split(".")]
    if found[2]:
        numbers = [*[*numbers, 0][:2], int(found[2])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def check_platform(terminal: Terminal) -> None:
    """Whether the app runs on this device. Raises App.UnsupportedPlatform."""
    supported = SUPPORTED.get(terminal.platform)
    if supported is None:
        raise _unsupported(terminal, f"the SAG app runs on {', '.join(SUPPORTED)} only")
    version = parse_version(terminal.os_version)
    if version < parse_version(supported.first) or (supported.last and version > parse_version(supported.last)):
        raise _unsupported(terminal, f"the SAG app runs on {terminal.platform} {supported}")
    _check_edition(terminal)


def sets_dns(terminal: Terminal) -> bool:
    """Whether the app may and can set the DNS servers of this device."""
    since = DNS_SINCE.get(terminal.platform)
    if since is not None and parse_version(terminal.app_version) < parse_version(since):
        return False
    return not (terminal.platform == MACOS and terminal.administrator_password_required)


def keeps_old_dns(terminal: Terminal) -> bool:
    """Whether the device, when its app connects for the first time, goes on with its old DNS servers (3.2: it "may")."""
    return terminal.platform == IOS and parse_version(terminal.os_version) >= parse_version(IOS_KEEPS_DNS_SINCE)


def _check_edition(terminal: Terminal) -> None:
    if terminal.edition == STANDALONE:
        return
    width = SERVICE_WIDTHS.get(terminal.edition)
    if width is None or terminal.platform != WINDOWS:
        editions = ", ".join((STANDALONE, *(SERVICE_WIDTHS if terminal.platform == WINDOWS else ())))
        raise _unsupported(terminal, f"for {terminal.platform} there is the edition {editions}, no '{terminal.edition}'")
    if width != terminal.bits:
        raise _unsupported(terminal, f"{terminal.edition} is for {width}-bit systems, and this one has {terminal.bits} bits")


def _unsupported(terminal: Terminal, why: str) -> CloudError:
    return CloudError(
        "App.UnsupportedPlatform", f"'{terminal.name or terminal.id}' is {terminal.platform} {terminal.os_version}: {why}"
    )
