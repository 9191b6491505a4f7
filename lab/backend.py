"""What a session needs of something that carries packets: the emulation, or the simulation in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Protocol

from dataplane.meters import Reading
from lab.contact import Contact, Seen
from lab.drops import Drop
from lab.logon import AppAnswer, AppRequest, Serve
from lab.results import Echo, PingResult
from lab.status import StatusEnd
from lab.topology import Topology

if TYPE_CHECKING:
    from lab.simulation import Exchange


class Backend(Protocol):
    """A running network. Nodes go by their names in the topology that was applied last."""

    def apply(self, topology: Topology) -> None:
        """Make the running network the one described."""

    def ping(self, node: str, source: IPv4Address, destination: IPv4Address, *, count: int) -> PingResult: ...

    def echo(self, echoes: Sequence[Echo], expected: Sequence[bool]) -> Sequence[bool]:
        """Send them all at once, and say which are answered. Those that are not expected to be are not waited for long."""

    def flow(self, echo: Echo, protocol: str, *, rate: float, seconds: float) -> float | None:
        """Bit/s that arrive of data sent along the way of an echo; None where no time passes. UDP is sent at `rate`."""

    def contact(self, wanted: Contact, foretold: Exchange) -> Seen | None:
        """Send the packet whose walk is foretold, and say what is seen of it; None where nothing is ever sent."""

    def vpn_ends(self, tunnel: str, *, within: float) -> Sequence[StatusEnd]:
        """How the ends of a tunnel see it, the gateway's own first, once they have tried for so many seconds at most."""

    def control_ends(self, device: str, *, within: float) -> Sequence[StatusEnd]:
        """How a gateway's device and its controller see it, the device first, once it has called for so many seconds at most."""

    def new_drops(self, *, lost: int = 0) -> list[Drop]:
        """What was dropped since the last call. `lost` packets did not come: the drops of all of them are waited for."""

    def look_up(self, node: str, name: str) -> tuple[IPv4Address, ...]:
        """The addresses of a name, as a program on a machine learns them; none when it learns of none."""

    def meters(self) -> Mapping[str, Reading]:
        """What points of presence have counted of each account of the SAG app, by its id; nothing where nothing is counted."""

    def fail(self, node: str) -> None:
        """End a gateway's software at once, as by kill -9."""

    def ask_apps(self, requests: Mapping[str, AppRequest], serve: Serve) -> Mapping[str, AppAnswer]:
        """Let the SAG apps of terminals make a request each to the controller, at once; `serve` answers for the provider."""

    def device_news(self) -> list[tuple[str, bool]]:
        """The devices, by serial number, that serve nobody any more (False), or serve again (True), since the last call."""
