"""All IKE conversations of one gateway, whichever end began them. It finds the one that a message belongs to by its SPI.

An initiator that nobody knows costs a session and a key exchange. So while many handshakes are half open, it first has to show
with a cookie that it receives what is sent to its address; and there are never more than a fixed number half open.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

from dataplane.errors import DropReason, RemoteError
from dataplane.esp import FIRST_FREE_SPI
from dataplane.ike.algorithms import Entropy
from dataplane.ike.cookies import Cookies
from dataplane.ike.errors import IkeOverloaded, Refusal, UnknownIkeSpi, UnsupportedCritical
from dataplane.ike.events import Authenticated, Output, Transmit
from dataplane.ike.identity import Identity
from dataplane.ike.message import NO_SPI, SPI_LENGTH, Datagram, Header, Payloads, pack_message, parse_datagram, parse_message
from dataplane.ike.numbers import Exchange, Flag, Notice
from dataplane.ike.paths import Path
from dataplane.ike.payloads import Nonce, Notify
from dataplane.ike.policy import Lookup, Policy, Settings
from dataplane.ike.session import Session
from dataplane.ike.states import State
from dataplane.packets import Buffer, Endpoint

CHILD_SPI_LENGTH = 4

COOKIE_THRESHOLD = 64
"""Half-open handshakes from which on cookies are asked for. Our choice: a busy moment, not a flood."""

MOST_HALF_OPEN = 1024
"""Half-open handshakes at most. Our choice: a few megabytes."""


class Outcome(NamedTuple):
    """What came of a call, and in which conversation; None for an answer that begins none."""

    session: Session | None
    output: Output


class Table:
    """`lookup` finds the policy of a peer that says who it is. `now` is in seconds of a monotonic clock, always the same one."""

    def __init__(self, settings: Settings, lookup: Lookup, entropy: Entropy, now: float) -> None:
        self.settings = settings
        self.drops: Counter[DropReason] = Counter()
        self.sessions: set[Session] = set()
        self._lookup = lookup
        self._entropy = entropy
        self._cookies = Cookies(entropy, now)
        self._by_spi: dict[bytes, Session] = {}
        self._by_initiator: dict[tuple[bytes, Endpoint] | None, Session] = {}
        self._by_identity: dict[Identity, set[Session]] = {}
        self._child_spis: set[int] = set()
        self._half_open: set[Session] = set()
        self._agenda: list[tuple[float, int, Session]] = []
        self._order = count()

    @property
    def half_open(self) -> int:
        return len(self._half_open)

    # What the owner asks for

    def connect(self, policy: Policy, path: Path, now: float) -> tuple[Session, list[Outcome]]:
        """Begin a conversation with a peer."""
        session = Session(self.settings, self, self._entropy, path)
        self.sessions.add(session)
        first = all(other.state in (State.CLOSING, State.ENDED) for other in self._by_identity.get(policy.remote, ()))
        return session, self._note(session, session.connect(policy, now, initial_contact=first), now)

    def carry(self, session: Session, outputs: Iterable[Output], now: float) -> list[Outcome]:
        """Keep the books after a call to one of the sessions, such as `close` or `rekey_ike`."""
        return self._note(session, outputs, now)

    # What comes in

    def receive(self, payload: Buffer, path: Path, now: float) -> list[Outcome]:
        """Take a message, without the non-ESP marker. One that breaks a rule is counted and dropped."""
        try:
            return self._receive(parse_datagram(payload), path, now)
        except RemoteError as error:
            self.drops[error.reason] += 1
            return []

    def _receive(self, datagram: Datagram, path: Path, now: float) -> list[Outcome]:
        header = datagram.header
        if header.receiver_spi == NO_SPI and header.exchange == Exchange.IKE_SA_INIT and not header.is_response:
            return self._receive_init(datagram, path, now)
        session = self._by_spi.get(header.receiver_spi)
        if session is None:
            raise UnknownIkeSpi(f"SPI {header.receiver_spi.hex()}")
        return self._note(session, session.receive(datagram, path, now), now)

    def _receive_init(self, datagram: Datagram, path: Path, now: float) -> list[Outcome]:
        known = self._by_initiator.get((datagram.header.initiator_spi, path.remote))
        if known is not None:
            return self._note(known, known.repeat_init(datagram, path), now)
        try:
            request = parse_message(datagram)
            self._admit(datagram.header, request, path, now)
            return self._begin(datagram, request, path, now)
        except Refusal as refusal:
            return [_reply(datagram.header, Notify(refusal.notice, refusal.data), path)]
        except UnsupportedCritical as error:
            return [_reply(datagram.header, Notify(Notice.UNSUPPORTED_CRITICAL_PAYLOAD, bytes([error.payload_type])), path)]

    def _admit(self, header: Header, request: Payloads, path: Path, now: float) -> None:
        """Raises Refusal with a COOKIE where one is wanted, IkeOverloaded."""
        if len(self._half_open) < COOKIE_THRESHOLD:
            return
        nonce, host = request.one(Nonce).data, path.remote[0]
        cookies = request.notices(Notice.COOKIE)
        if not cookies or not self._cookies.is_valid(cookies[0].data, nonce, host, header.initiator_spi, now):
            cookie = self._cookies.make(nonce, host, header.initiator_spi, now)
            raise Refusal(Notice.COOKIE, "many handshakes are half open", cookie)
        if len(self._half_open) >= MOST_HALF_OPEN:
            raise IkeOverloaded(f"{len(self._half_open)} handshakes are half open")

    def _begin(self, datagram: Datagram, request: Payloads, path: Path, now: float) -> list[Outcome]:
        session = Session(self.settings, self, self._entropy, path)
        outputs = session.respond(datagram, request, self._lookup, now)
        self.sessions.add(session)
        self._half_open.add(session)
        session.initiator_key = (datagram.header.initiator_spi, path.remote)
        self._by_initiator[session.initiator_key] = session
        return self._note(session, outputs, now)

    # What time brings

    def tick(self, now: float) -> list[Outcome]:
        """Carry out what is due."""
        outcomes: list[Outcome] = []
        while self._agenda and self._agenda[0][0] <= now:
            due, _, session = heapq.heappop(self._agenda)
            if session in self.sessions and session.planned_at == due:
                session.planned_at = None
                outcomes += self._note(session, session.tick(now), now)
        return outcomes

    def deadline(self) -> float | None:
        """When `tick` is to be called next, None for never."""
        return self._agenda[0][0] if self._agenda else None

    # Keeping the books

    def _note(self, session: Session, outputs: Iterable[Output], now: float) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for output in outputs:
            if isinstance(output, Authenticated):
                outcomes += self._authenticated(session, output, now)
            outcomes.append(Outcome(session, output))
        if session.state is not State.INIT_ANSWERED:
            self._half_open.discard(session)
        if session.is_forgotten:
            self._forget(session)
        else:
            self._plan(session)
        return outcomes

    def _authenticated(self, session: Session, event: Authenticated, now: float) -> list[Outcome]:
        """A peer that knows of no other conversation has lost those that we know of (RFC 7296 §2.4)."""
        others = self._by_identity.setdefault(event.identity, set())
        outcomes: list[Outcome] = []
        if event.initial_contact:
            for other in list(others):
                outcomes += self._note(other, other.abandon(now), now)
            others.clear()
        others.add(session)
        return outcomes

    def _plan(self, session: Session) -> None:
        deadline = session.deadline()
        if deadline is not None and (session.planned_at is None or deadline < session.planned_at):
            session.planned_at = deadline
            heapq.heappush(self._agenda, (deadline, next(self._order), session))

    def _forget(self, session: Session) -> None:
        self.sessions.discard(session)
        self._by_initiator.pop(session.initiator_key, None)
        if session.identity is not None:
            sessions = self._by_identity.get(session.identity, set())
            sessions.discard(session)
            if not sessions:
                self._by_identity.pop(session.identity, None)

    # SPIs that nobody else has

    def new_ike_spi(self, session: Session) -> bytes:
        while (spi := self._entropy(SPI_LENGTH)) in self._by_spi or spi == NO_SPI:
            pass
        self._by_spi[spi] = session
        return spi

    def new_child_spi(self) -> int:
        while (spi := int.from_bytes(self._entropy(CHILD_SPI_LENGTH), "big")) in self._child_spis or spi < FIRST_FREE_SPI:
            pass
        self._child_spis.add(spi)
        return spi

    def release_ike_spi(self, spi: bytes) -> None:
        self._by_spi.pop(spi, None)

    def release_child_spi(self, spi: int) -> None:
        self._child_spis.discard(spi)


def _reply(header: Header, notify: Notify, path: Path) -> Outcome:
    """An answer to an IKE_SA_INIT that leaves nothing behind here."""
    answer = Header(header.initiator_spi, NO_SPI, Exchange.IKE_SA_INIT, Flag.RESPONSE, header.message_id)
    return Outcome(None, Transmit(path.marker + pack_message(answer, [notify]), path))
