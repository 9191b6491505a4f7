"""A conversation from its first message to its last: what the owner asks for, what comes in, the handshake. RFC 7296 §1.

Each method returns what is to be sent and what happened, in order.
"""

from __future__ import annotations

from functools import partial

from dataplane.errors import DropReason, LocalError
from dataplane.ike.association import IkeSa
from dataplane.ike.conversation import present
from dataplane.ike.errors import IkeUnexpected, InvalidSyntax, MalformedIke, Refusal, UnknownIkeSpi, UnsupportedCritical
from dataplane.ike.events import (
    Authenticated,
    ChildEstablished,
    Closed,
    Configured,
    Failed,
    Output,
    Reason,
    Refused,
    reason_of,
)
from dataplane.ike.handshake import Initiation, Response, Welcome, lease_from
from dataplane.ike.jobs import Authenticate, DeleteChild, DeleteIke, Initiate, Probe, RekeyChild, RekeyIke
from dataplane.ike.life import Life
from dataplane.ike.message import NO_SPI, Datagram, Payloads, parse_message
from dataplane.ike.numbers import Exchange, Notice
from dataplane.ike.paths import Path, detect_nat
from dataplane.ike.payloads import Notify, Payload, SecurityAssociation
from dataplane.ike.policy import Lookup, Policy
from dataplane.ike.states import REQUESTS, State, Step

HALF_OPEN_SECONDS = 30.0
"""How long a responder waits for IKE_AUTH. Our choice: as long as an initiator goes on asking."""


class Session(Life):
    """A conversation as its owner sees it."""

    # How it begins

    def connect(self, policy: Policy, now: float, *, initial_contact: bool = True) -> list[Output]:
        """Begin a handshake. With `initial_contact` the peer is told to forget other conversations with us (§2.4)."""
        self.policy = policy
        self._initial_contact = initial_contact
        self._current = self._new_sa(NO_SPI, initiator=True)
        self._initiation = Initiation(self.settings, policy, self._entropy)
        self._send_init(Step.CONNECT, now)
        return self._flush()

    def respond(self, datagram: Datagram, request: Payloads, lookup: Lookup, now: float) -> list[Output]:
        """Answer an IKE_SA_INIT. Raises MalformedIke, Refusal, and then the session is of no use."""
        self._lookup = lookup
        self._current = self._new_sa(datagram.header.initiator_spi, initiator=False)
        self._response = Response(self.settings, self._entropy)
        sa = self._current
        try:
            answer = self._response.init_response(sa, request, datagram.data, self.path)
        except (MalformedIke, Refusal):
            self._forget_sa(sa)
            raise
        self.nat = detect_nat(request, sa.spi_i, NO_SPI, self.path)
        sa.inbox.answer(answer)
        self._init_request = datagram.data
        self._step(Step.ASKED)
        self._ends_at = now + HALF_OPEN_SECONDS
        self._transmit(answer, self.path)
        return self._flush()

    def repeat_init(self, datagram: Datagram, path: Path) -> list[Output]:
        """An IKE_SA_INIT with the SPI of ours came again. Raises IkeUnexpected when it is another one."""
        if datagram.data != self._init_request or self.state is not State.INIT_ANSWERED:
            raise IkeUnexpected("an IKE_SA_INIT with the SPI of another")
        self._registry.count(DropReason.IKE_REPEATED)
        self._transmit(self._current.inbox.last_answer, path)
        return self._flush()

    # What comes in

    def receive(self, datagram: Datagram, path: Path, now: float) -> list[Output]:
        """Take a message under one of our SPIs.

        Raises RemoteError, and then nothing has changed and nothing is to be sent.
        """
        header = datagram.header
        sa = self._sas.get(header.receiver_spi)
        if sa is None:
            raise UnknownIkeSpi(f"SPI {header.receiver_spi.hex()}")
        if header.exchange == Exchange.IKE_SA_INIT:
            self._receive_init_response(sa, datagram, path, now)
        elif (header.initiator_spi, header.responder_spi) != (sa.spi_i, sa.spi_r):
            raise UnknownIkeSpi(f"SPIs {header.initiator_spi.hex()} and {header.responder_spi.hex()}")
        elif header.is_response:
            self._receive_response(sa, datagram, path, now)
        else:
            self._receive_request(sa, datagram, path, now)
        self._grant_wishes(now)
        return self._flush()

    def _receive_init_response(self, sa: IkeSa, datagram: Datagram, path: Path, now: float) -> None:
        """It is not authentic yet, so whatever is wrong with it is dropped, and the right one may still come."""
        initiation = self._initiation
        if not datagram.header.is_response or initiation is None or self.state is not State.INIT_SENT:
            raise IkeUnexpected("an IKE_SA_INIT that answers nothing")
        sa.outbox.expect(datagram.header.message_id, datagram.header.exchange)
        response = parse_message(datagram)
        try:
            if initiation.wants_retry(response):
                self._send_init(Step.RETRY, now)
                return
            self._settle(initiation, sa, datagram, response)
        except Refusal as refusal:
            self._doubt(Failed(reason_of(refusal.notice), by_peer=bool(response.notices(refusal.notice))))
            return
        sa.outbox.settle()
        self._objection = None
        self.nat = detect_nat(response, sa.spi_i, sa.spi_r, path)
        self._send_auth(initiation, sa, now)

    def _settle(self, initiation: Initiation, sa: IkeSa, datagram: Datagram, response: Payloads) -> None:
        spi = datagram.header.responder_spi
        if spi == NO_SPI and response.all(SecurityAssociation):
            raise MalformedIke("IKE message: the responder's SPI is zero")
        sa.remote_spi = spi
        try:
            initiation.settle(sa, response, datagram.data)
        except (MalformedIke, Refusal):
            sa.remote_spi = NO_SPI
            raise

    def _doubt(self, objection: Failed) -> None:
        """Anybody may have sent this refusal, so a better answer is waited for as long as for any (§2.21.1)."""
        if objection != self._objection:
            self._objection = objection
            self._emit(Refused(objection.reason))

    def _receive_request(self, sa: IkeSa, datagram: Datagram, path: Path, now: float) -> None:
        header = datagram.header
        if sa.inbox.is_repeated(header.message_id):
            _authenticate(sa, datagram)
            self._registry.count(DropReason.IKE_REPEATED)
            self._transmit(sa.inbox.last_answer, path)
            return
        if header.exchange not in REQUESTS.get(self.state, ()):
            raise IkeUnexpected(f"a request of exchange {header.exchange} in state {self.state.name}")
        answer = self._carry_out(sa, datagram, path, now)
        data = sa.response(header.exchange, answer)
        sa.inbox.answer(data)
        self._transmit(data, path)

    def _carry_out(self, sa: IkeSa, datagram: Datagram, path: Path, now: float) -> list[Payload]:
        """What an authentic request is answered with."""
        try:
            request = sa.open(datagram)
            self._hear(path, now)
            self._confirm_children(sa)
            return self._answer(sa, datagram.header.exchange, request, now)
        except Refusal as refusal:
            return self._refuse(Notify(refusal.notice, refusal.data), refusal.reason, now)
        except UnsupportedCritical as error:
            self._hear(path, now)
            return self._refuse(Notify(Notice.UNSUPPORTED_CRITICAL_PAYLOAD, bytes([error.payload_type])), error.reason, now)
        except InvalidSyntax as error:
            self._registry.count(error.reason)
            self._end(Failed(Reason.INVALID_SYNTAX, by_peer=False), now)
            return [Notify(Notice.INVALID_SYNTAX)]

    def _answer(self, sa: IkeSa, exchange: int, request: Payloads, now: float) -> list[Payload]:
        try:
            if exchange == Exchange.IKE_AUTH:
                return self._answer_auth(sa, request, now)
            if exchange == Exchange.CREATE_CHILD_SA:
                return self._answer_create(sa, request, now)
            return self._answer_informational(sa, request, now)
        except UnsupportedCritical:
            raise
        except MalformedIke as error:
            raise InvalidSyntax(str(error)) from None

    def _refuse(self, notify: Notify, reason: DropReason, now: float) -> list[Payload]:
        """What is refused during the handshake ends the conversation; later it changes nothing."""
        if self.state is State.INIT_ANSWERED:
            self._registry.count(reason)
            self._end(Failed(reason_of(notify.notice), by_peer=False), now)
        return [notify]

    def _receive_response(self, sa: IkeSa, datagram: Datagram, path: Path, now: float) -> None:
        pending = sa.outbox.expect(datagram.header.message_id, datagram.header.exchange)
        try:
            response = sa.open(datagram)
        except InvalidSyntax:
            self._misanswered(sa, now)
            return
        sa.outbox.settle()
        self._hear(path, now)
        try:
            self._conclude(sa, pending.purpose, response, now)
        except MalformedIke:
            self._misanswered(sa, now)

    def _misanswered(self, sa: IkeSa, now: float) -> None:
        """An authentic response makes no sense, so the ends do not understand each other (§2.21.3)."""
        self._registry.count(DropReason.MALFORMED_IKE)
        sa.outbox.settle()
        event = Failed(Reason.INVALID_SYNTAX, by_peer=False)
        if self.state is State.ESTABLISHED:
            self._fail(event, now)
        else:
            self._end(None if self.state is State.CLOSING else event, now)

    def _conclude(self, sa: IkeSa, purpose: object, response: Payloads, now: float) -> None:
        match purpose:
            case Authenticate():
                self._conclude_auth(sa, purpose, response, now)
            case RekeyChild():
                self._conclude_rekey_child(sa, purpose, response, now)
            case RekeyIke():
                self._conclude_rekey_ike(sa, purpose, response, now)
            case DeleteChild(old):
                self._lose_child(old)
            case DeleteIke():
                self._conclude_delete(sa, now)
            case Probe():
                pass  # that it came is all that was asked
            case _:
                raise LocalError(f"{purpose!r} cannot be answered by a sealed message")

    # The handshake

    def _send_init(self, step: Step, now: float) -> None:
        initiation, sa = present(self._initiation), self._current
        self._step(step)
        sa.outbox.next_id = 0  # each attempt is message 0: RFC 7296 §2.2
        data = initiation.init_request(sa, self.path)
        sa.outbox.post(Exchange.IKE_SA_INIT, data, Initiate(), now)
        self._transmit(data, self.path)

    def _send_auth(self, initiation: Initiation, sa: IkeSa, now: float) -> None:
        if self.nat.here or self.nat.there or self.settings.encapsulate:
            self.path = self.path.floated()
        self._step(Step.SETTLED)
        spi = self._new_child_spi()
        payloads = initiation.auth_request(sa, spi, initial_contact=self._initial_contact)
        self._request(sa, Exchange.IKE_AUTH, payloads, Authenticate(spi), now)

    def _conclude_auth(self, sa: IkeSa, job: Authenticate, response: Payloads, now: float) -> None:
        initiation = present(self._initiation)
        try:
            self.identity = initiation.verify(sa, response)
        except Refusal as refusal:
            self._release_child_spi(job.spi)
            self._refused_by_or_refuse(refusal, response, now)
            return
        self._establish(sa, Authenticated(self.identity, initial_contact=False), now)
        try:
            child = initiation.accept_child(sa, response, job.spi)
            lease = lease_from(response)
        except Refusal as refusal:
            self._release_child_spi(job.spi)
            self._fail(Failed(reason_of(refusal.notice), by_peer=bool(response.notices(refusal.notice))), now)
            return
        if lease is not None:
            self._emit(Configured(lease.address, lease.dns))
        self._install(child, now)
        self._emit(ChildEstablished(child))

    def _refused_by_or_refuse(self, refusal: Refusal, response: Payloads, now: float) -> None:
        """The peer says that it refuses us, or we tell it that we refuse it (§2.21.2)."""
        if response.notices(refusal.notice):
            self._end(Failed(reason_of(refusal.notice), by_peer=True), now)
            return
        self._emit(Failed(reason_of(refusal.notice), by_peer=False))
        self._step(Step.REFUSE)
        notify = Notify(Notice.AUTHENTICATION_FAILED)
        self._request(self._current, Exchange.INFORMATIONAL, [notify], DeleteIke(), now)

    def _answer_auth(self, sa: IkeSa, request: Payloads, now: float) -> list[Payload]:
        spi = self._new_child_spi()
        try:
            welcome = present(self._response).welcome(sa, request, present(self._lookup), spi)
        except (MalformedIke, Refusal):
            self._release_child_spi(spi)
            raise
        self._welcome(sa, welcome, spi, now)
        return welcome.payloads

    def _welcome(self, sa: IkeSa, welcome: Welcome, spi: int, now: float) -> None:
        self.identity, self.policy = welcome.identity, welcome.policy
        self._establish(sa, Authenticated(welcome.identity, welcome.initial_contact), now)
        if welcome.child is None:
            self._release_child_spi(spi)
            self._emit(Refused(reason_of(present(welcome.refusal))))
            return
        self._install(welcome.child, now)
        self._emit(ChildEstablished(welcome.child))

    def _establish(self, sa: IkeSa, event: Authenticated, now: float) -> None:
        self._step(Step.AUTHENTICATED)
        self._ends_at = None
        self._initiation = self._response = self._lookup = None
        self._start_life(sa, now)
        self._emit(event)

    # What the owner asks for

    def close(self, now: float) -> list[Output]:
        """End the conversation and tell the peer."""
        if self.state is State.ESTABLISHED:
            self._fail(Closed(by_peer=False), now)
        elif self.state not in (State.CLOSING, State.ENDED):
            self._end(Closed(by_peer=False), now)
        return self._flush()

    def abandon(self, now: float) -> list[Output]:
        """End the conversation without a word: the peer said that it knows nothing of it any more."""
        if self.state not in (State.CLOSING, State.ENDED):
            self._end(Closed(by_peer=True), now)
        return self._flush()

    def rekey_child(self, spi: int, now: float) -> list[Output]:
        """Replace a child. Raises LocalError when there is none with this inbound SPI."""
        old = self.children.get(spi)
        if old is None:
            raise LocalError(f"there is no child with SPI {spi}")
        self._wish(partial(self._rekey_child, old, None))
        self._grant_wishes(now)
        return self._flush()

    def rekey_ike(self, now: float) -> list[Output]:
        """Replace the IKE SA."""
        self._wish(partial(self._rekey_ike, None))
        self._grant_wishes(now)
        return self._flush()


def _authenticate(sa: IkeSa, datagram: Datagram) -> None:
    """A repeated request is answered only when it is the peer's. Raises MalformedIke, IkeForged."""
    try:
        sa.open(datagram)
    except (InvalidSyntax, UnsupportedCritical):
        return  # authentic, and answered with just that before
