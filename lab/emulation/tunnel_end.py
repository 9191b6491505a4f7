"""The end of a tunnel, whichever software it is: something that is started, told its peers, asked how they are, and stopped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import IPv4Network
from typing import Any, Protocol

from dataplane.check import EniCheck
from lab.emulation.gateway import GatewayProcess, Options
from lab.emulation.machine import Machine
from lab.emulation.warm.parent import WarmParent
from lab.topology import Software, Tunnel, TunnelPeer


class TunnelEnd(Protocol):
    """A process in the namespaces of a machine. Each method raises MachineError when it has died, or refuses."""

    @property
    def pid(self) -> int: ...

    @property
    def lifeline(self) -> int:
        """A descriptor that is readable once it has ended."""

    @property
    def has_ended(self) -> bool:
        """Whether it has died, of whatever. Then only `stop` is of use."""

    def wait_until_ready(self) -> None:
        """Wait until it has its TUN device and listens."""

    def status(self) -> dict[str, Any]:
        """What it counted, in the form of the dataplane's status, and of each peer at least `vpn_status`, `ike` and `drops`."""

    def add_peer(self, peer: TunnelPeer) -> None:
        """Serve one more peer; of two ends the one that speaks first begins at once."""

    def remove_peer(self, peer: str) -> None:
        """Take leave of a peer, and serve it no longer."""

    def set_prefixes(self, peer: str, prefixes: Sequence[IPv4Network], *, take_over: bool = False) -> None:
        """What lies behind a peer from now on.

        With `take_over` it may lie behind another one yet, from which it is taken too until that one's prefixes are set.
        """

    def set_check(self, check: EniCheck) -> None:
        """The source/destination check from now on."""

    def set_bandwidth(self, peer: TunnelPeer) -> None:
        """The most that is sent to a peer and taken from it from now on. strongSwan holds neither."""

    def rekey(self, peer: str, what: str) -> None:
        """Replace a peer's "child" or its "ike" association."""

    def stop(self) -> None:
        """Take leave of all peers, and end."""


def start_end(
    machine: Machine, tunnel: Tunnel, peers: Collection[TunnelPeer], *, mtu: int, options: Options, parent: WarmParent
) -> TunnelEnd:
    """Start the software that a tunnel is to end in. `peers` are those it begins with; our own is forked from `parent`."""
    if tunnel.software is Software.STRONGSWAN:
        from lab.emulation.strongswan import StrongswanProcess  # vici is needed by it alone

        return StrongswanProcess(machine, tunnel, peers, mtu=mtu, options=options)
    return GatewayProcess(machine, tunnel, peers, mtu=mtu, options=options, parent=parent)
