"""The peers of a gateway: by their names, by the SPIs under which they come, and by what lies behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network

from dataplane.errors import LocalError
from dataplane.peer import RemoteGateway
from dataplane.prefixes import PrefixTable


class Directory:
    """No two peers share a name, an inbound SPI or a prefix. Every lookup takes constant time, however many they are.

    Raises LocalError when two of `peers` share an SPI.
    """

    def __init__(self, peers: Iterable[RemoteGateway]) -> None:
        self.by_name = {peer.name: peer for peer in peers}
        spis = [(spi, peer) for peer in self.by_name.values() for spi in peer.inbound_spis()]
        self.by_spi = dict(spis)
        if len(self.by_spi) < len(spis):
            raise LocalError("two peers share an inbound SPI")
        self._by_prefix = PrefixTable((prefix, peer) for peer in self.by_name.values() for prefix in peer.prefixes)
        self.behind = self._by_prefix.lookup
        """The peer that an address lies behind, None for none."""

    def named(self, name: str) -> RemoteGateway:
        """Raises LocalError for an unknown one."""
        peer = self.by_name.get(name)
        if peer is None:
            raise LocalError(f"peer {name!r} is unknown; known: {', '.join(sorted(self.by_name))}")
        return peer

    def refuse(self, peer: RemoteGateway) -> None:
        """Raises LocalError when `add` cannot be."""
        if peer.name in self.by_name:
            raise LocalError(f"peer {peer.name!r} is there already; remove it first")
        for spi in peer.inbound_spis():
            if spi in self.by_spi:
                raise LocalError(f"SPI {spi} of {peer.name} is that of {self.by_spi[spi].name}")
        self._refuse_shared(peer.name, peer.prefixes)

    def add(self, peer: RemoteGateway) -> None:
        """Know a peer that `refuse` has nothing against."""
        self.by_name[peer.name] = peer
        self.by_spi.update((spi, peer) for spi in peer.inbound_spis())
        self._note_prefixes(peer)

    def remove(self, name: str) -> RemoteGateway:
        """Forget a peer, and return it. Raises LocalError for an unknown one."""
        peer = self.named(name)
        del self.by_name[name]
        for spi in peer.inbound_spis():
            del self.by_spi[spi]
        self._forget_prefixes(peer)
        return peer

    def set_prefixes(self, name: str, prefixes: Sequence[IPv4Network], *, take_over: bool = False) -> None:
        """Change what lies behind a peer. Raises LocalError, and then nothing is changed.

        With `take_over` a prefix may be another peer's, which keeps it for what it sends itself, but is not looked up by it.
        """
        peer = self.named(name)
        if not take_over:
            self._refuse_shared(name, prefixes)
        self._forget_prefixes(peer)
        peer.prefixes = tuple(prefixes)
        self._note_prefixes(peer)

    def _refuse_shared(self, name: str, prefixes: Sequence[IPv4Network]) -> None:
        """A prefix lies behind one peer only."""
        for prefix in prefixes:
            other = self._by_prefix.get(prefix)
            if other is not None and other.name != name:
                raise LocalError(f"prefix {prefix} of {name} already lies behind {other.name}; take it away there first")

    def _note_prefixes(self, peer: RemoteGateway) -> None:
        for prefix in peer.prefixes:
            self._by_prefix.insert(prefix, peer)

    def _forget_prefixes(self, peer: RemoteGateway) -> None:
        for prefix in peer.prefixes:
            if self._by_prefix.get(prefix) is peer:  # else another one has taken it over
                self._by_prefix.remove(prefix)
