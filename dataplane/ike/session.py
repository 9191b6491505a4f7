"""A conversation with one peer: its current IKE SA, those it replaces, its children, and what is to be done next.

It performs no I/O and reads no clock; times are seconds of a monotonic clock. Each method returns what is to be sent and what
happened, in order. The tables of what may follow what are in `states`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol as TypingProtocol
from typing import TypeVar

from dataplane.errors import LocalError
from dataplane.ike import children, rekeying
from dataplane.ike.algorithms import Entropy, Group
from dataplane.ike.association import IkeSa
from dataplane.ike.children import ChildSa
from dataplane.ike.errors import IkeUnexpected, InvalidSyntax, MalformedIke, Refusal, UnknownIkeSpi, UnsupportedCritical
from dataplane.ike.events import (
    Authenticated,
    Child,
    ChildDeleted,
    ChildEstablished,
    ChildRekeyed,
    Closed,
    Configured,
    Event,
    Failed,
    Moved,
    Output,
    Reason,
    Transmit,
    reason_of,
)
from dataplane.ike.handshake import NONCE_LENGTH, Initiation, Response, Welcome, lease_from, wanted_group
from dataplane.ike.identity import Identity
from dataplane.ike.jobs import Authenticate, DeleteChild, DeleteIke, Initiate, Job, Probe, RekeyChild, RekeyIke
from dataplane.ike.lifetimes import Usage, jittered, limits_of
from dataplane.ike.message import NO_SPI, Datagram, Payloads, parse_message
from dataplane.ike.numbers import Exchange, Notice, Protocol
from dataplane.ike.paths import Nat, Path, detect_nat
from dataplane.ike.payloads import Delete, Notify, Payload, SecurityAssociation
from dataplane.ike.policy import Lookup, Policy, Settings
from dataplane.ike.states import REKEY_REFUSALS, REQUESTS, Phase, State, Step, advance
from dataplane.packets import Endpoint

HALF_OPEN_SECONDS = 30.0
"""How long a responder waits for IKE_AUTH. Our choice: as long as an initiator goes on asking."""

LINGER_SECONDS = 30.0
"""How long what has ended repeats its last response. Our choice: as long as its peer goes on asking."""

RETRY_SECONDS = 2.0
"""How long to wait after TEMPORARY_FAILURE, more or less by half at random, so that two ends get out of step. Our choice."""

MOST_CHILDREN = 16
"""Children of one conversation. Our choice: one for each worker of a large gateway (RFC 9611), twice while they are replaced."""


Value = TypeVar("Value")


class Registry(TypingProtocol):
    """Hands out SPIs that nobody else at this end has, and takes them back."""

    def new_ike_spi(self, session: Session) -> bytes: ...

    def new_child_spi(self) -> int: ...

    def release_ike_spi(self, spi: bytes) -> None: ...

    def release_child_spi(self, spi: int) -> None: ...


class Session:
    """`path` is where the peer is, by our last knowledge. `identity` and `policy` are known once it has proved who it is."""

    def __init__(self, settings: Settings, registry: Registry, entropy: Entropy, path: Path) -> None:
        self.settings = settings
        self.path = path
        self.state = State.NEW
        self.policy: Policy | None = None
        self.identity: Identity | None = None
        self.children: dict[int, ChildSa] = {}
        self.heard_at: float | None = None
        self.planned_at: float | None = None  # of the table that holds the session
        self.initiator_key: tuple[bytes, Endpoint] | None = None  # likewise, when the peer began
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
            self._end(Failed(reason_of(refusal.notice), by_peer=bool(response.notices(refusal.notice))), now)
            return
        sa.outbox.settle()
        self.nat = detect_nat(response, sa.spi_i, sa.spi_r, path)
        self._send_auth(initiation, sa, now)

    def _settle(self, initiation: Initiation, sa: IkeSa, datagram: Datagram, response: Payloads) -> None:
        spi = datagram.header.responder_spi
        if spi == NO_SPI and response.all(SecurityAssociation):
            raise MalformedIke("IKE message: the responder's SPI is zero")
        sa.remote_spi = spi
        try:
            initiation.settle(sa, response, datagram.data)
        except MalformedIke:
            sa.remote_spi = NO_SPI
            raise

    def _receive_request(self, sa: IkeSa, datagram: Datagram, path: Path, now: float) -> None:
        header = datagram.header
        if sa.inbox.is_repeated(header.message_id):
            _authenticate(sa, datagram)
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
            return self._answer(sa, datagram.header.exchange, request, now)
        except Refusal as refusal:
            return self._refuse(Notify(refusal.notice, refusal.data), now)
        except UnsupportedCritical as error:
            self._hear(path, now)
            return self._refuse(Notify(Notice.UNSUPPORTED_CRITICAL_PAYLOAD, bytes([error.payload_type])), now)
        except InvalidSyntax:
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

    def _refuse(self, notify: Notify, now: float) -> list[Payload]:
        """What is refused during the handshake ends the conversation; later it changes nothing."""
        if self.state is State.INIT_ANSWERED:
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
            return
        self._install(welcome.child, now)
        self._emit(ChildEstablished(welcome.child))

    def _establish(self, sa: IkeSa, event: Authenticated, now: float) -> None:
        self._step(Step.AUTHENTICATED)
        self._ends_at = None
        self._initiation = self._response = self._lookup = None
        self._start_life(sa, now)
        self._emit(event)

    # Requests to create and to replace

    def _answer_create(self, sa: IkeSa, request: Payloads, now: float) -> list[Payload]:
        if self.state is State.CLOSING or sa is not self._current:
            raise Refusal(Notice.TEMPORARY_FAILURE, "the IKE SA is about to go")
        proposals = request.one(SecurityAssociation).proposals
        if any(proposal.protocol == Protocol.IKE for proposal in proposals):
            return self._answer_rekey_ike(sa, request, now)
        if sa.phase is not Phase.OPEN:
            raise Refusal(Notice.TEMPORARY_FAILURE, "the IKE SA is being replaced")
        rekeyed = request.notices(Notice.REKEY_SA)
        return self._answer_rekey_child(sa, rekeyed[0], request, now) if rekeyed else self._answer_child(sa, request, now)

    def _answer_child(self, sa: IkeSa, request: Payloads, now: float) -> list[Payload]:
        granted = self._grant_child(sa, children.terms_of(present(self.policy)), request)
        self._install(granted.child, now)
        self._emit(ChildEstablished(granted.child))
        return granted.payloads

    def _answer_rekey_child(self, sa: IkeSa, notify: Notify, request: Payloads, now: float) -> list[Payload]:
        old = self._child_of_peer(notify.protocol, notify.spi)
        if old is None:
            raise Refusal(Notice.CHILD_SA_NOT_FOUND, "there is no such child")
        if old.phase in REKEY_REFUSALS:
            raise Refusal(REKEY_REFUSALS[old.phase], "the child is about to go")
        granted = self._grant_child(sa, old.terms(present(self.policy).esp), request)
        new = self._install(granted.child, now)
        self._emit(ChildRekeyed(old.child.spi, granted.child, initiated=False))
        job = sa.outbox.pending.purpose if sa.outbox.pending else None
        if isinstance(job, RekeyChild) and job.old is old:
            job.rival = (new, granted.lowest)
        else:
            old.phase, old.rekey_at = Phase.REPLACED, None
        return granted.payloads

    def _grant_child(self, sa: IkeSa, terms: children.Terms, request: Payloads) -> rekeying.GrantedChild:
        if len(self.children) >= MOST_CHILDREN:
            raise Refusal(Notice.NO_ADDITIONAL_SAS, f"there are {len(self.children)} children already")
        spi = self._new_child_spi()
        try:
            return rekeying.grant_child(sa, terms, request, spi, self._entropy)
        except (MalformedIke, Refusal):
            self._release_child_spi(spi)
            raise

    def _answer_rekey_ike(self, sa: IkeSa, request: Payloads, now: float) -> list[Payload]:
        job = sa.outbox.pending.purpose if sa.outbox.pending else None
        if sa.phase in REKEY_REFUSALS or isinstance(job, RekeyChild | DeleteChild):
            raise Refusal(Notice.TEMPORARY_FAILURE, "a child is being replaced or deleted, or the IKE SA is about to go")
        if isinstance(job, RekeyIke) and job.rival is not None:
            raise Refusal(Notice.TEMPORARY_FAILURE, "the peer replaces the IKE SA already")
        spi = self._registry.new_ike_spi(self)
        try:
            granted = rekeying.grant_ike(
                sa, self.settings.ike, self.settings.retransmission, request, spi, self._entropy
            )
        except (MalformedIke, Refusal):
            self._registry.release_ike_spi(spi)
            raise
        self._adopt(granted.sa, now)
        if isinstance(job, RekeyIke):
            job.rival = (granted.sa, granted.lowest)
        else:
            self._succeed(sa, granted.sa, now)
        return granted.payloads

    def _rekey_child(self, old: ChildSa, group: Group | None, now: float) -> None:
        """Ask for a child in place of `old`, with a key exchange in `group`; None stands for our first choice."""
        if old.phase is not Phase.OPEN or old.child.spi not in self.children:
            return
        old.phase, old.rekey_at = Phase.REKEYING, None
        offer = present(self.policy).esp
        if group is None and offer.groups:
            group = offer.groups[0]
        secret = None if group is None else group.generate(self._entropy)
        job = RekeyChild(old, self._new_child_spi(), self._entropy(NONCE_LENGTH), group, secret)
        self._request(self._current, Exchange.CREATE_CHILD_SA, rekeying.ask_child(job, old.terms(offer)), job, now)

    def _conclude_rekey_child(self, sa: IkeSa, job: RekeyChild, response: Payloads, now: float) -> None:
        try:
            child, lowest = rekeying.accept_child(sa, job.old.terms(present(self.policy).esp), response, job)
        except Refusal as refusal:
            self._release_child_spi(job.spi)
            self._child_not_rekeyed(job, refusal, response, now)
            return
        new = self._install(child, now)
        if job.rival is not None and lowest < job.rival[1]:
            new.phase, new.rekey_at, new.told = Phase.REPLACED, None, False
            job.old.phase = Phase.REPLACED
            self._wish(partial(self._delete_child, new))
            return
        if job.rival is not None:
            rival = job.rival[0]
            rival.phase, rival.rekey_at = Phase.REPLACED, None
        self._emit(ChildRekeyed(job.old.child.spi, child, initiated=True))
        self._wish(partial(self._delete_child, job.old))

    def _child_not_rekeyed(self, job: RekeyChild, refusal: Refusal, response: Payloads, now: float) -> None:
        old = job.old
        if old.child.spi not in self.children:
            return
        if job.rival is not None:
            old.phase = Phase.REPLACED
            return
        old.phase = Phase.OPEN
        if refusal.notice == Notice.INVALID_KE_PAYLOAD and response.notices(refusal.notice):
            try:
                group = wanted_group(response.notices(refusal.notice)[0], present(self.policy).esp.groups, job.group)
            except Refusal:
                group = None
            if group is not None:
                self._wish(partial(self._rekey_child, old, group))
                return
        if refusal.notice == Notice.CHILD_SA_NOT_FOUND:
            self._lose_child(old)
            return
        old.rekey_at = now + self._retry_wait()

    def _rekey_ike(self, group: Group | None, now: float) -> None:
        sa = self._current
        if sa.phase is not Phase.OPEN:
            return
        sa.phase, sa.rekey_at = Phase.REKEYING, None
        group = group or self.settings.ike.groups[0]
        job = RekeyIke(self._registry.new_ike_spi(self), self._entropy(NONCE_LENGTH), group, group.generate(self._entropy))
        self._request(sa, Exchange.CREATE_CHILD_SA, rekeying.ask_ike(job, self.settings.ike), job, now)

    def _conclude_rekey_ike(self, sa: IkeSa, job: RekeyIke, response: Payloads, now: float) -> None:
        settings = self.settings
        try:
            new, lowest = rekeying.accept_ike(sa, settings.ike, settings.retransmission, response, job)
        except Refusal as refusal:
            self._registry.release_ike_spi(job.spi)
            self._ike_not_rekeyed(sa, job, refusal, response, now)
            return
        self._adopt(new, now)
        if job.rival is not None and lowest < job.rival[1]:
            self._succeed(sa, job.rival[0], now)
            self._delete_sa(new, now)
            return
        if job.rival is not None:
            self._retire(job.rival[0], now)
        self._succeed(sa, new, now)
        self._delete_sa(sa, now)

    def _ike_not_rekeyed(self, sa: IkeSa, job: RekeyIke, refusal: Refusal, response: Payloads, now: float) -> None:
        if job.rival is not None:
            self._succeed(sa, job.rival[0], now)
            return
        sa.phase = Phase.OPEN
        notices = response.notices(Notice.INVALID_KE_PAYLOAD)
        if refusal.notice == Notice.INVALID_KE_PAYLOAD and notices:
            try:
                group = wanted_group(notices[0], self.settings.ike.groups, job.group)
            except Refusal:
                group = None
            if group is not None:
                self._wish(partial(self._rekey_ike, group))
                return
        sa.rekey_at = now + self._retry_wait()

    def _succeed(self, old: IkeSa, new: IkeSa, now: float) -> None:
        """`new` takes the place of `old`, and all children with it (§2.18)."""
        self._retire(old, now)
        old.outbox.settle()  # a probe may be under way; nothing depends on its answer
        self._current = new

    # Deleting, probing

    def _answer_informational(self, sa: IkeSa, request: Payloads, now: float) -> list[Payload]:
        if request.notices(Notice.AUTHENTICATION_FAILED):
            self._end(Failed(Reason.AUTHENTICATION_FAILED, by_peer=True), now)
            return []
        deletes = request.all(Delete)
        if any(delete.protocol == Protocol.IKE for delete in deletes):
            self._deleted_by_peer(sa, now)
            return []
        spis = [spi for delete in deletes for spi in delete.spis if delete.protocol == Protocol.ESP]
        ours = [children.pack_spi(spi) for spi in map(self._child_deleted_by_peer, spis) if spi is not None]
        return [Delete(Protocol.ESP, tuple(ours))] if ours else []

    def _child_deleted_by_peer(self, spi: bytes) -> int | None:
        """The inbound SPI of the child, None when there is none or we are deleting it ourselves (§1.4.1)."""
        old = self._child_of_peer(Protocol.ESP, spi)
        if old is None:
            return None
        ours = None if old.phase is Phase.DELETING else old.child.spi
        self._lose_child(old)
        return ours

    def _deleted_by_peer(self, sa: IkeSa, now: float) -> None:
        job = sa.outbox.pending.purpose if sa.outbox.pending else None
        if sa is not self._current:
            sa.outbox.settle()
            self._retire(sa, now)
        elif isinstance(job, RekeyIke) and job.rival is not None:
            self._succeed(sa, job.rival[0], now)
        elif self.state is State.CLOSING:
            self._end(None, now)
        else:
            self._end(Closed(by_peer=True), now)

    def _delete_child(self, old: ChildSa, now: float) -> None:
        if old.phase is Phase.DELETING or old.child.spi not in self.children:
            return
        old.phase, old.rekey_at = Phase.DELETING, None
        delete = Delete(Protocol.ESP, (children.pack_spi(old.child.spi),))
        self._request(self._current, Exchange.INFORMATIONAL, [delete], DeleteChild(old), now)

    def _delete_sa(self, sa: IkeSa, now: float) -> None:
        sa.phase, sa.rekey_at, sa.gone_at = Phase.DELETING, None, None
        self._request(sa, Exchange.INFORMATIONAL, [Delete(Protocol.IKE)], DeleteIke(), now)

    def _conclude_delete(self, sa: IkeSa, now: float) -> None:
        if sa is self._current:
            self._end(None, now)
        else:
            self._forget_sa(sa)

    def _probe(self, now: float) -> None:
        self._request(self._current, Exchange.INFORMATIONAL, [], Probe(), now)

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

    def heard(self, now: float) -> None:
        """The peer sent something authentic by ESP, so it is alive."""
        self.heard_at = now

    def use(self, spi: int, usage: Usage, now: float) -> list[Output]:
        """Say what went through a child so far; it is replaced in good time, or deleted at the limit of its cipher."""
        sa = self.children.get(spi)
        if sa is None:
            return []
        limits = limits_of(sa.child.cipher)
        if limits.exceeded(usage):
            sa.expires_at = now
        elif limits.soft().exceeded(usage) and sa.rekey_at is not None:
            sa.rekey_at = now
        return self.tick(now)

    # What time brings

    def tick(self, now: float) -> list[Output]:
        """Carry out what is due."""
        for sa in list(self._sas.values()):
            if sa.outbox.pending is not None and sa.outbox.pending.due <= now:
                self._repeat(sa, now)
            if sa.gone_at is not None and sa.gone_at <= now and sa is not self._current:
                self._forget_sa(sa)
        if self._ends_at is not None and self._ends_at <= now:
            self._time_out(now)
        if self.state is State.ESTABLISHED:
            self._renew(now)
        self._grant_wishes(now)
        return self._flush()

    def _repeat(self, sa: IkeSa, now: float) -> None:
        data = sa.outbox.repeat(now)
        if data is not None:
            self._transmit(data, self.path)
        elif sa is not self._current:
            self._forget_sa(sa)
        elif self.state is State.CLOSING:
            self._end(None, now)
        else:
            self._end(Failed(Reason.NO_ANSWER, by_peer=False), now)

    def _time_out(self, now: float) -> None:
        if self.state is State.ENDED:
            self._ends_at = None
            for sa in list(self._sas.values()):
                self._forget_sa(sa)
        else:
            self._end(Failed(Reason.NO_ANSWER, by_peer=False), now)

    def _renew(self, now: float) -> None:
        """Replace what is old, give up what is too old, and ask a silent peer whether it is there."""
        sa = self._current
        if self._ike_expires_at <= now:
            self._fail(Failed(Reason.EXPIRED, by_peer=False), now)
            return
        if sa.rekey_at is not None and sa.rekey_at <= now:
            sa.rekey_at = None
            self._wish(partial(self._rekey_ike, None))
        for child in list(self.children.values()):
            if child.expires_at <= now and child.phase is not Phase.DELETING:
                child.told, child.expires_at = False, float("inf")
                self._emit(ChildDeleted(child.child.spi))
                self._wish(partial(self._delete_child, child))
            elif child.rekey_at is not None and child.rekey_at <= now:
                child.rekey_at = None
                self._wish(partial(self._rekey_child, child, None))
        if self._probe_at() <= now and not self._wishes and sa.outbox.pending is None:
            self._probe(now)

    def _probe_at(self) -> float:
        return float("inf") if self.heard_at is None else self.heard_at + self.settings.probe_after

    def deadline(self) -> float | None:
        """When `tick` is to be called next, None for never."""
        return min((due for due in self._dues() if due is not None and due != float("inf")), default=None)

    def _dues(self) -> list[float | None]:
        dues: list[float | None] = [self._ends_at]
        for sa in self._sas.values():
            dues += [sa.gone_at, sa.outbox.pending.due if sa.outbox.pending is not None else None]
        if self.state is State.ESTABLISHED:
            dues += [self._current.rekey_at, self._ike_expires_at]
            if self._current.outbox.pending is None:
                dues.append(self._probe_at())
            for child in self.children.values():
                dues += [child.rekey_at, child.expires_at]
        return dues

    # Keeping the books

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
        sa.rekey_at = now + jittered(lifetimes.ike, self._fraction())
        self._ike_expires_at = now + lifetimes.ike_hard

    def _retire(self, sa: IkeSa, now: float) -> None:
        sa.phase, sa.rekey_at, sa.gone_at = Phase.REPLACED, None, now + LINGER_SECONDS

    def _forget_sa(self, sa: IkeSa) -> None:
        self._sas.pop(sa.local_spi, None)
        self._registry.release_ike_spi(sa.local_spi)

    def _install(self, child: Child, now: float) -> ChildSa:
        lifetimes = self.settings.lifetimes
        sa = ChildSa(child, now + jittered(lifetimes.child, self._fraction()), now + lifetimes.child_hard)
        self.children[child.spi] = sa
        return sa

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
        """A fresh and authentic message came. The peer is followed to where it came from, unless we are behind a NAT (§2.23)."""
        self.heard_at = now
        if path != self.path and not self.nat.here:
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


def _authenticate(sa: IkeSa, datagram: Datagram) -> None:
    """A repeated request is answered only when it is the peer's. Raises MalformedIke, IkeForged."""
    try:
        sa.open(datagram)
    except (InvalidSyntax, UnsupportedCritical):
        return  # authentic, and answered with just that before
