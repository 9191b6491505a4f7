"""One IKE SA: its SPIs, its keys, its two windows. It seals and opens messages; what they mean is not its business."""

from __future__ import annotations

from collections.abc import Sequence

from dataplane.errors import LocalError
from dataplane.ike.errors import IkeUnexpected
from dataplane.ike.jobs import Job
from dataplane.ike.keys import IkeKeys
from dataplane.ike.message import NO_SPI, Datagram, Header, Payloads, open_message, pack_message, seal_message
from dataplane.ike.numbers import Exchange, Flag
from dataplane.ike.offers import IkeSuite
from dataplane.ike.payloads import Payload
from dataplane.ike.policy import Retransmission
from dataplane.ike.sealing import Opener, Sealer
from dataplane.ike.states import Phase
from dataplane.ike.window import Inbox, Outbox


class IkeSa:
    """`initiator` says whether this end sent the request that created the SA, which settles flags and keys for its whole life."""

    def __init__(self, local_spi: bytes, remote_spi: bytes, retransmission: Retransmission, *, initiator: bool) -> None:
        self.local_spi = local_spi
        self.remote_spi = remote_spi
        self.initiator = initiator
        self.phase = Phase.OPEN
        self.outbox: Outbox[Job] = Outbox(retransmission)
        self.inbox = Inbox()
        self.keys: IkeKeys | None = None
        self.suite: IkeSuite | None = None
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None
        self.rekey_at: float | None = None
        self.gone_at: float | None = None
        """When a superseded SA is forgotten, which until then repeats its last response."""

    def __repr__(self) -> str:
        return f"IkeSa(local_spi={self.local_spi.hex()}, remote_spi={self.remote_spi.hex()}, phase={self.phase})"

    @property
    def spi_i(self) -> bytes:
        return self.local_spi if self.initiator else self.remote_spi

    @property
    def spi_r(self) -> bytes:
        return self.remote_spi if self.initiator else self.local_spi

    def key(self, suite: IkeSuite, keys: IkeKeys) -> None:
        """From now on messages are sealed."""
        outward, inward = (keys.seal_i, keys.seal_r) if self.initiator else (keys.seal_r, keys.seal_i)
        self.suite, self.keys = suite, keys
        self._sealer, self._opener = Sealer(suite.cipher, outward), Opener(suite.cipher, inward)

    def require_keys(self) -> IkeKeys:
        """Raises LocalError before `key`."""
        if self.keys is None:
            raise LocalError(f"{self!r} has no keys yet")
        return self.keys

    def init_message(self, payloads: Sequence[Payload], *, response: bool) -> bytes:
        """A message of IKE_SA_INIT, the only exchange in the clear."""
        return pack_message(self._header(Exchange.IKE_SA_INIT, 0, response=response), payloads)

    def request(self, exchange: Exchange, payloads: Sequence[Payload]) -> bytes:
        """The next request, sealed."""
        return seal_message(self._header(exchange, self.outbox.next_id, response=False), payloads, self._require_sealer())

    def response(self, exchange: int, payloads: Sequence[Payload]) -> bytes:
        """The response to the next request, sealed."""
        return seal_message(self._header(exchange, self.inbox.next_id, response=True), payloads, self._require_sealer())

    def open(self, datagram: Datagram) -> Payloads:
        """Raises IkeUnexpected, MalformedIke, IkeForged, InvalidSyntax, UnsupportedCritical."""
        if self._opener is None:
            raise IkeUnexpected(f"{self!r} has no keys yet")
        return open_message(datagram, self._opener)

    def _require_sealer(self) -> Sealer:
        if self._sealer is None:
            raise LocalError(f"{self!r} has no keys yet")
        return self._sealer

    def _header(self, exchange: int, message_id: int, *, response: bool) -> Header:
        flags = Flag(0)
        if self.initiator:
            flags |= Flag.INITIATOR
        if response:
            flags |= Flag.RESPONSE
        return Header(self.spi_i, self.spi_r or NO_SPI, exchange, flags, message_id)
