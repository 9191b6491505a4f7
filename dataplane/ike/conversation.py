"""A conversation with one peer: its IKE SAs and children, and the books about them. Renewal, Life and Session build on it.

It performs no I/O and reads no clock; times are seconds of a monotonic clock. The tables of what may follow what are in `states`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar
from typing import Protocol as TypingProtocol

from dataplane.errors import DropReason, LocalError
from dataplane.ike import children
from dataplane.ike.algorithms import Entropy
from dataplane.ike.association import IkeSa
from dataplane.ike.children import ChildSa
from dataplane.ike.events import (
    Child,
    ChildDeleted,
    Closed,
    Event,
    Failed,
    Moved,
    Output,
    Transmit,
)
from dataplane.ike.handshake import Initiation, Response
from dataplane.ike.identity import Identity
from dataplane.ike.jobs import DeleteIke, Job
from dataplane.ike.lifetimes import jittered
from dataplane.ike.numbers import Exchange, Protocol
from dataplane.ike.paths import Nat, Path
from dataplane.ike.payloads import Delete, Payload
from dataplane.ike.policy import Lookup, Policy, Settings
from dataplane.ike.states import Phase, State, Step, advance
from dataplane.packets import Endpoint

LINGER_SECONDS = 30.0
"""How long what has ended repeats its last response. Our choice: as long as its peer goes on asking."""

RETRY_SECONDS = 2.0
"""How long to wait after TEMPORARY_FAILURE, more or less by half at random, so that two ends get out of step. Our choice."""

Value = TypeVar("Value")


class Registry(TypingProtocol):
    """The table that holds a conversation. It hands out SPIs that nobody else at this end has, takes them back, and counts."""

    def new_ike_spi(self, session: Any) -> bytes:
        """`session` is the whole of the conversation that asks; messages under the SPI are for it."""

    def new_child_spi(self) -> int: ...

    def release_ike_spi(self, spi: bytes) -> None: ...

    def release_child_spi(self, spi: int) -> None: ...

    def count(self, reason: DropReason) -> None:
        """Something came that is not as it should be, though it was answered."""


class Conversation:
    """`path` is where the peer is, by our last knowledge. `identity` and `policy` are known once it has proved who it is."""

    def __init__(self, settings: Settings, registry: Registry, entropy: Entropy, path: Path) -> None:
        self.settings = settings
        self.path = path
        self.state = State.NEW
        self.policy: Policy | None = None
        self.identity: Identity | None = None
        self.children: dict[int, ChildSa] = {}
        self.heard_at: float | None = None
        self.initiator_key: tuple[bytes, Endpoint] | None = None  # of the table that holds the session, when the peer began
        self.nat = Nat(here=False, there=False)
        self._registry = registry
        self._entropy = entropy
        self._sas: dict[bytes, IkeSa] = {}
        self._current: IkeSa
        self._initiation: Initiation | None = None
        self._response: Response | None = None
        self._init_request = b""
        self._lookup: Lookup | None = None
        self._initial_contact = False
        self._objection: Failed | None = None  # why the handshake fails, unless a better answer comes
        self._wishes: deque[Callable[[float], None]] = deque()
        self._ends_at: float | None = None
        self._ike_expires_at = float("inf")
        self._child_spis: set[int] = set()
        self._out: list[Output] = []

    @property
    def current(self) -> IkeSa:
        """The IKE SA over which our requests go."""
        return self._current

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing can come of it any more."""
        return self.state is State.ENDED and self._ends_at is None

    def _step(self, step: Step) -> None:
        self.state = advance(self.state, step)

    def _new_sa(self, remote_spi: bytes, *, initiator: bool) -> IkeSa:
        sa = IkeSa(self._registry.new_ike_spi(self), remote_spi, self.settings.retransmission, initiator=initiator)
        self._sas[sa.local_spi] = sa
        return sa

    def _new_child_spi(self) -> int:
        spi = self._registry.new_child_spi()
        self._child_spis.add(spi)
        return spi

    def _release_child_spi(self, spi: int) -> None:
        self._child_spis.discard(spi)
        self._registry.release_child_spi(spi)

    def _adopt(self, sa: IkeSa, now: float) -> None:
        self._sas[sa.local_spi] = sa
        self._start_life(sa, now)

    def _start_life(self, sa: IkeSa, now: float) -> None:
        lifetimes = self.settings.lifetimes
        sa.outbox.follow(self.settings.liveness)
        sa.rekey_at = now + jittered(lifetimes.ike, self._fraction())
        self._ike_expires_at = now + lifetimes.ike_hard

    def _retire(self, sa: IkeSa, now: float) -> None:
        sa.phase, sa.rekey_at, sa.gone_at = Phase.REPLACED, None, now + LINGER_SECONDS

    def _forget_sa(self, sa: IkeSa) -> None:
        self._sas.pop(sa.local_spi, None)
        self._registry.release_ike_spi(sa.local_spi)

    def _install(self, child: Child, now: float) -> ChildSa:
        lifetimes = self.settings.lifetimes
        sa = ChildSa(child, now, now + jittered(lifetimes.child, self._fraction()), now + lifetimes.child_hard)
        self.children[child.spi] = sa
        return sa

    def _confirm_children(self, sa: IkeSa) -> None:
        """The peer sends one request at a time, so a fresh one shows that the response to the one before has come."""
        for child in self.children.values():
            if child.unsure_by == sa.local_spi:
                child.unsure_by = None

    def _child_of_peer(self, protocol: int, spi: bytes) -> ChildSa | None:
        """The child that a peer names by the SPI under which it receives."""
        if protocol != Protocol.ESP:
            return None
        return next((sa for sa in self.children.values() if children.pack_spi(sa.child.keys.outbound.spi) == spi), None)

    def _lose_child(self, old: ChildSa) -> None:
        """It is of no use any more, and the owner is told, once."""
        if old.told:
            old.told = False
            self._emit(ChildDeleted(old.child.spi))
        self._forget_child(old)

    def _forget_child(self, old: ChildSa) -> None:
        if self.children.pop(old.child.spi, None) is not None:
            self._release_child_spi(old.child.spi)

    def _hear(self, path: Path, now: float) -> None:
        """A fresh and authentic message came. The peer is followed to where it came from, unless we are behind a NAT (§2.23).

        The step from port 500 to the shared ports, which an initiator takes with IKE_AUTH, is followed in any case.
        """
        self.heard_at = now
        if path != self.path and (not self.nat.here or self.state is State.INIT_ANSWERED):
            self.path = path
            self._emit(Moved(path))

    def _wish(self, wish: Callable[[float], None]) -> None:
        """Do something as soon as no other request is under way."""
        self._wishes.append(wish)

    def _grant_wishes(self, now: float) -> None:
        while self._wishes and self.state is State.ESTABLISHED and self._current.outbox.pending is None:
            self._wishes.popleft()(now)

    def _request(self, sa: IkeSa, exchange: Exchange, payloads: list[Payload], job: Job, now: float) -> None:
        data = sa.request(exchange, payloads)
        sa.outbox.post(exchange, data, job, now)
        self._transmit(data, self.path)

    def _fail(self, event: Failed | Closed, now: float) -> None:
        """End an established conversation and tell the peer."""
        self._lose_all(event)
        self._step(Step.CLOSE)
        self._current.outbox.settle()
        self._delete_sa(self._current, now)

    def _delete_sa(self, sa: IkeSa, now: float) -> None:
        sa.phase, sa.rekey_at, sa.gone_at = Phase.DELETING, None, None
        self._request(sa, Exchange.INFORMATIONAL, [Delete(Protocol.IKE)], DeleteIke(), now)

    def _end(self, event: Failed | Closed | None, now: float) -> None:
        """There is nothing more to say but the last response again. No event when the owner was told before."""
        if event is not None:
            self._lose_all(event)
        self._step(Step.END)
        self._ends_at = now + LINGER_SECONDS
        self._initiation = self._response = self._lookup = None
        for sa in self._sas.values():
            sa.outbox.settle()
        for spi in list(self._child_spis):
            self._release_child_spi(spi)

    def _lose_all(self, event: Failed | Closed) -> None:
        self._wishes.clear()
        for child in list(self.children.values()):
            self._lose_child(child)
        self._emit(event)

    def _fraction(self) -> float:
        """From 0 to 1, at random."""
        return int.from_bytes(self._entropy(2), "big") / 0xFFFF

    def _retry_wait(self) -> float:
        return RETRY_SECONDS * (0.5 + self._fraction())

    def _emit(self, event: Event) -> None:
        self._out.append(event)

    def _transmit(self, data: bytes, path: Path) -> None:
        self._out.append(Transmit(path.marker + data, path))

    def _flush(self) -> list[Output]:
        out, self._out = self._out, []
        return out


def present(value: Value | None) -> Value:
    """What the state says is there. Raises LocalError when it is not."""
    if value is None:
        raise LocalError("the state and what it stands for do not agree")
    return value
