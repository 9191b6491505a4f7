"""All IKE conversations of one gateway, whichever end began them. It finds the one that a message belongs to by its SPI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from typing import NamedTuple

from dataplane.agenda import Agenda
from dataplane.errors import DropReason, RemoteError
from dataplane.esp import FIRST_FREE_SPI
from dataplane.ike.algorithms import Entropy
from dataplane.ike.doorkeeper import Doorkeeper
from dataplane.ike.errors import Refusal, UnknownIkeSpi, UnsupportedCritical
from dataplane.ike.events import Authenticated, Output, Transmit
from dataplane.ike.identity import Identity
from dataplane.ike.message import (
    EXCHANGE_OFFSET,
    FLAGS_OFFSET,
    HEADER_LENGTH,
    NO_SPI,
    SPI_LENGTH,
    Datagram,
    Header,
    pack_message,
    parse_datagram,
    parse_message,
)
from dataplane.ike.numbers import Exchange, Flag, Notice
from dataplane.ike.paths import Path
from dataplane.ike.payloads import Notify
from dataplane.ike.policy import Lookup, Policy, Settings
from dataplane.ike.session import Session
from dataplane.ike.states import State
from dataplane.packets import Buffer, Endpoint

CHILD_SPI_LENGTH = 4


_ROLE = int(Flag.INITIATOR | Flag.RESPONSE)  # whole numbers, for an enumeration is slow to reckon with
_FIRST = int(Flag.INITIATOR)


class Outcome(NamedTuple):
    """What came of a call, and in which conversation; None for an answer that begins none."""

    session: Session | None
    output: Output


class Table:
    """`lookup` finds the policy of a peer that says who it is. `now` is in seconds of a monotonic clock, always the same one.

    What is dropped is counted in `drops`, which the owner may share. No child gets an SPI that is `taken`.
    """

    def __init__(
        self,
        settings: Settings,
        lookup: Lookup,
        entropy: Entropy,
        now: float,
        drops: Counter[DropReason] | None = None,
        taken: Container[int] = (),
    ) -> None:
        self.settings = settings
        self.drops: Counter[DropReason] = Counter() if drops is None else drops
        self.sessions: set[Session] = set()
        self._lookup = lookup
        self._entropy = entropy
        self._doorkeeper = Doorkeeper(entropy, now)
        self._by_spi: dict[bytes, Session] = {}
        self._by_initiator: dict[tuple[bytes, Endpoint] | None, Session] = {}
        self._by_identity: dict[Identity, set[Session]] = {}
        self._child_spis: set[int] = set()
        self._taken = taken
        self._agenda = Agenda[Session]()

    @property
    def half_open(self) -> int:
        return self._doorkeeper.half_open

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
            message = bytes(payload)
            if _is_first(message):
                return self._receive_init(message, path, now)
            return self._receive(parse_datagram(message), path, now)
        except RemoteError as error:
            self.drops[error.reason] += 1
            return []

    def _receive(self, datagram: Datagram, path: Path, now: float) -> list[Outcome]:
        session = self._by_spi.get(datagram.header.receiver_spi)
        if session is None:
            raise UnknownIkeSpi(f"SPI {datagram.header.receiver_spi.hex()}")
        return self._note(session, session.receive(datagram, path, now), now)

    def _receive_init(self, message: bytes, path: Path, now: float) -> list[Outcome]:
        known = self._by_initiator.get((message[:SPI_LENGTH], path.remote))
        if known is not None:
            return self._note(known, known.repeat_init(parse_datagram(message), path), now)
        question = self._doorkeeper.screen(message, path.remote[0], now)
        if question is not None:
            self.drops[DropReason.IKE_COOKIE_WANTED] += 1
            return [_answer(question, path)]
        datagram = parse_datagram(message)
        try:
            return self._begin(datagram, path, now)
        except Refusal as refusal:
            self.drops[refusal.reason] += 1
            return [_refuse(datagram.header, Notify(refusal.notice, refusal.data), path)]
        except UnsupportedCritical as error:
            self.drops[error.reason] += 1
            notify = Notify(Notice.UNSUPPORTED_CRITICAL_PAYLOAD, bytes([error.payload_type]))
            return [_refuse(datagram.header, notify, path)]

    def _begin(self, datagram: Datagram, path: Path, now: float) -> list[Outcome]:
        """Raises MalformedIke, Refusal."""
        request = parse_message(datagram)
        session = Session(self.settings, self, self._entropy, path)
        outputs = session.respond(datagram, request, self._lookup, now)
        self.sessions.add(session)
        self._doorkeeper.note(session, path.remote[0])
        session.initiator_key = (datagram.header.initiator_spi, path.remote)
        self._by_initiator[session.initiator_key] = session
        return self._note(session, outputs, now)

    # What time brings

    def tick(self, now: float) -> list[Outcome]:
        """Carry out what is due."""
        outcomes: list[Outcome] = []
        for session in self._agenda.take(now):
            if session in self.sessions:
                outcomes += self._note(session, session.tick(now), now)
        return outcomes

    def deadline(self) -> float:
        """When `tick` is to be called next, infinity for never."""
        return self._agenda.next()

    # Keeping the books

    def _note(self, session: Session, outputs: Iterable[Output], now: float) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for output in outputs:
            if isinstance(output, Authenticated):
                outcomes += self._authenticated(session, output, now)
            outcomes.append(Outcome(session, output))
        if session.identity is not None:
            self._doorkeeper.forget(session)
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
        if deadline is not None:
            self._agenda.plan(session, deadline)

    def _forget(self, session: Session) -> None:
        self.sessions.discard(session)
        self._doorkeeper.forget(session)
        self._agenda.cancel(session)
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
        spi = 0
        while spi < FIRST_FREE_SPI or spi in self._child_spis or spi in self._taken:
            spi = int.from_bytes(self._entropy(CHILD_SPI_LENGTH), "big")
        self._child_spis.add(spi)
        return spi

    def release_ike_spi(self, spi: bytes) -> None:
        self._by_spi.pop(spi, None)

    def release_child_spi(self, spi: int) -> None:
        self._child_spis.discard(spi)

    def count(self, reason: DropReason) -> None:
        self.drops[reason] += 1


def _is_first(message: bytes) -> bool:
    """Whether this is the first message of a conversation, by its header. One that holds no header is not."""
    if len(message) < HEADER_LENGTH or message[SPI_LENGTH : 2 * SPI_LENGTH] != NO_SPI:
        return False
    return message[EXCHANGE_OFFSET] == Exchange.IKE_SA_INIT and message[FLAGS_OFFSET] & _ROLE == _FIRST


def _refuse(header: Header, notify: Notify, path: Path) -> Outcome:
    """An answer to an IKE_SA_INIT that leaves nothing behind here."""
    answer = Header(header.initiator_spi, NO_SPI, Exchange.IKE_SA_INIT, Flag.RESPONSE, header.message_id)
    return _answer(pack_message(answer, [notify]), path)


def _answer(message: bytes, path: Path) -> Outcome:
    return Outcome(None, Transmit(path.marker + message, path))
