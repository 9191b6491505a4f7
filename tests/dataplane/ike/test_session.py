"""Two ends back to back: handshakes and their refusals, rekeys and their collisions, endings, everything that is not in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from dataplane.errors import DropReason, LocalError
from dataplane.esp import InboundSa, OutboundSa
from dataplane.ike import children, rekeying
from dataplane.ike import session as session_module
from dataplane.ike.algorithms import P256, SHA256, SHA384, X25519, Group, Prf
from dataplane.ike.conversation import LINGER_SECONDS
from dataplane.ike.doubles import POINT, POP, PSK, SERIAL, TO_POP, TO_VCPE, VCPE, End, Wire, end
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
    Reason,
    Refused,
    Transmit,
)
from dataplane.ike.handshake import Response
from dataplane.ike.identity import fqdn, key_id
from dataplane.ike.lifetimes import WORN, WORN_OUT, Lifetimes
from dataplane.ike.message import Header, Payloads, pack_message, parse_datagram
from dataplane.ike.numbers import IKE_PORT, NAT_PORT, NON_ESP_MARKER, Exchange, Flag, Notice, Protocol
from dataplane.ike.offers import EspOffer, IkeOffer
from dataplane.ike.paths import Nat, Path
from dataplane.ike.payloads import (
    Authentication,
    Delete,
    KeyExchange,
    Nonce,
    Notify,
    Opaque,
    Payload,
    SecurityAssociation,
    VendorId,
)
from dataplane.ike.policy import Lease, Policy, Retransmission, Settings
from dataplane.ike.proposals import Proposal
from dataplane.ike.rekeying import GrantedChild, GrantedIke
from dataplane.ike.renewal import MOST_CHILDREN
from dataplane.ike.selectors import of_prefix
from dataplane.ike.session import HALF_OPEN_SECONDS, Session
from dataplane.ike.states import State, Step, advance
from dataplane.suites import SUITES

CIPHERS = pytest.mark.parametrize("cipher", SUITES)
NEVER = Lifetimes(1e9, 1e9, 1e9, 1e9)
QUIET = Settings(lifetimes=NEVER, probe_after=1e9)
STRANGER = ("192.0.2.66", 666)


@pytest.fixture
def left() -> End:
    return end(VCPE, TO_POP, settings=QUIET)


@pytest.fixture
def right() -> End:
    return end(POP, TO_VCPE, settings=QUIET)


@pytest.fixture
def wire(left: End, right: End) -> Wire:
    """Both ends, connected."""
    wire = Wire(left, right)
    wire.connect(left, TO_POP)
    wire.run()
    assert (left.session.state, right.session.state) == (State.ESTABLISHED, State.ESTABLISHED)
    return wire


def act(wire: Wire, who: End, method: Callable[..., list[object]], *arguments: object) -> None:
    """The owner of an end asks something of its latest session."""
    wire.carry_out(who, who.table.carry(who.session, method(*arguments, wire.now), wire.now))


def attempt(left: End, right: End, policy: Policy = TO_POP) -> Wire:
    wire = Wire(left, right)
    wire.connect(left, policy)
    wire.run(70)  # longer than a request is sent again, and its sender lingers
    return wire


def assert_paired(left: End, right: End) -> None:
    """Each end has one child, the same one, and packets go through it both ways."""
    assert (len(left.open), len(right.open)) == (1, 1)
    assert_carries(left.sending, next(iter(right.open.values())))
    assert_carries(right.sending, next(iter(left.open.values())))
    ours, theirs = left.session.current, right.session.current
    assert (ours.local_spi, ours.remote_spi) == (theirs.remote_spi, theirs.local_spi)


def assert_carries(sender: Child | None, receiver: Child) -> None:
    assert sender is not None
    outbound = OutboundSa(sender.keys.outbound.spi, sender.cipher, sender.keys.outbound.material)
    inbound = InboundSa(receiver.spi, receiver.cipher, receiver.keys.inbound.material)
    assert bytes(inbound.decapsulate(outbound.encapsulate(b"packet")).packet) == b"packet"


def no_drops(*ends: End) -> bool:
    return not any(each.table.drops for each in ends)


# Handshakes


@CIPHERS
@pytest.mark.parametrize("group", [X25519, P256], ids=lambda group: group.name)
@pytest.mark.parametrize("prf", [SHA256, SHA384], ids=lambda prf: prf.name)
def test_handshake(cipher: str, group: Group, prf: Prf) -> None:
    settings = Settings(ike=IkeOffer((SUITES[cipher],), (prf,), (group,)))
    esp = EspOffer((SUITES[cipher],))
    left, right = end(VCPE, settings=settings), end(POP, replace(TO_VCPE, esp=esp), settings=settings)
    wire = Wire(left, right)
    wire.connect(left, replace(TO_POP, esp=esp))
    wire.run()
    assert left.all(Authenticated) == [Authenticated(POINT, initial_contact=False)]
    assert right.all(Authenticated) == [Authenticated(SERIAL, initial_contact=True)]
    assert left.session.current.suite == right.session.current.suite
    assert left.sending is not None
    assert left.sending.cipher.name == cipher
    assert_paired(left, right)
    assert len(wire.sent) == 4
    assert no_drops(left, right)


def test_no_secret_crosses_the_wire_or_shows(wire: Wire, left: End) -> None:
    shown = "".join(repr(event) for _, event in left.events) + repr(TO_POP) + repr(left.session.current)
    assert left.sending is not None
    for secret in (PSK, left.sending.keys.outbound.material):
        assert not any(secret in datagram for datagram in wire.sent)
        assert repr(secret) not in shown


def only(group: Group) -> Settings:
    return Settings(ike=IkeOffer(groups=(group,)))


def test_another_group_is_taken_when_the_peer_wants_it() -> None:
    left, right = end(VCPE), end(POP, TO_VCPE, settings=only(P256))
    wire = attempt(left, right)
    assert left.session.current.suite is not None
    assert left.session.current.suite.group == P256
    assert len([each for each in wire.sent if each[22] == Exchange.IKE_SA_INIT]) == 4
    assert_paired(left, right)


CHACHA = EspOffer((SUITES["chacha20-poly1305"],))
AES = EspOffer((SUITES["aes-128-gcm"],))
ELSEWHERE = (of_prefix(IPv4Network("10.1.0.0/16")),)
NETWORK = (of_prefix(IPv4Network("10.0.0.0/16")),)

# Policies of the initiator and of the responder, and the reason that both learn. The responder refuses, the initiator is refused.
REFUSALS = [
    pytest.param(replace(TO_POP, psk=b"wrong"), TO_VCPE, Reason.AUTHENTICATION_FAILED, id="wrong-key"),
    pytest.param(replace(TO_POP, local=key_id("unknown")), TO_VCPE, Reason.AUTHENTICATION_FAILED, id="unknown-serial-number"),
    pytest.param(replace(TO_POP, local=fqdn("sage6m2ph5sit0000001")), TO_VCPE, Reason.AUTHENTICATION_FAILED, id="other-kind"),
    pytest.param(replace(TO_POP, remote=fqdn("other.example")), TO_VCPE, Reason.AUTHENTICATION_FAILED, id="another-responder"),
]


@pytest.mark.parametrize(("ours", "theirs", "reason"), REFUSALS)
def test_refusals_are_known_at_both_ends(ours: Policy, theirs: Policy, reason: Reason) -> None:
    left, right = end(VCPE), end(POP, theirs)
    attempt(left, right, ours)
    assert left.all(Failed) == [Failed(reason, by_peer=True)]
    assert right.all(Failed) == [Failed(reason, by_peer=False)]
    assert not left.all(ChildEstablished) + right.all(ChildEstablished)
    assert not left.table.sessions | right.table.sessions


CHILD_REFUSALS = [
    pytest.param(replace(TO_POP, esp=CHACHA), replace(TO_VCPE, esp=AES), Reason.NO_PROPOSAL_CHOSEN, id="no-common-cipher"),
    pytest.param(replace(TO_POP, ours=NETWORK), replace(TO_VCPE, theirs=ELSEWHERE), Reason.TS_UNACCEPTABLE, id="no-selector"),
    pytest.param(replace(TO_POP, request_lease=True), TO_VCPE, Reason.INTERNAL_ADDRESS_FAILURE, id="no-lease"),
]


@pytest.mark.parametrize(("ours", "theirs", "reason"), CHILD_REFUSALS)
def test_refused_child_ends_the_conversation(ours: Policy, theirs: Policy, reason: Reason) -> None:
    left, right = end(VCPE), end(POP, theirs)
    attempt(left, right, ours)
    assert left.all(Failed) == [Failed(reason, by_peer=True)]
    assert right.all(Closed) == [Closed(by_peer=True)]
    assert not left.table.sessions | right.table.sessions


INIT_REFUSALS = [
    pytest.param(IkeOffer((SUITES["aes-128-gcm"],)), IkeOffer((SUITES["aes-256-gcm"],)), Reason.NO_PROPOSAL_CHOSEN, id="cipher"),
    pytest.param(IkeOffer(prfs=(SHA256,)), IkeOffer(prfs=(SHA384,)), Reason.NO_PROPOSAL_CHOSEN, id="prf"),
    pytest.param(IkeOffer(groups=(X25519,)), IkeOffer(groups=(P256,)), Reason.NO_PROPOSAL_CHOSEN, id="group"),
]


@pytest.mark.parametrize(("ours", "theirs", "reason"), INIT_REFUSALS)
def test_nothing_in_common(ours: IkeOffer, theirs: IkeOffer, reason: Reason) -> None:
    left, right = end(VCPE, settings=Settings(ike=ours)), end(POP, TO_VCPE, settings=Settings(ike=theirs))
    attempt(left, right)
    assert left.all(Refused) == [Refused(reason)]
    assert left.all(Failed) == [Failed(reason, by_peer=True)]
    assert right.table.drops == {DropReason.IKE_REFUSED: Retransmission().attempts}
    assert not right.events
    assert not left.table.sessions | right.table.sessions


SOMEBODY = b"somebody"  # an SPI

# An answer to IKE_SA_INIT that somebody made up who saw the request.
FORGED_ANSWERS: list[object] = [
    pytest.param([Notify(Notice.NO_PROPOSAL_CHOSEN)], Reason.NO_PROPOSAL_CHOSEN, id="no-proposal-chosen"),
    pytest.param([Notify(Notice.INVALID_SYNTAX)], Reason.INVALID_SYNTAX, id="invalid-syntax"),
    pytest.param([Notify(Notice.INVALID_KE_PAYLOAD, b"\0\1")], Reason.INVALID_KE_PAYLOAD, id="group-that-was-not-offered"),
    pytest.param(
        [SecurityAssociation((Proposal(1, Protocol.IKE, b"", ()),)), KeyExchange(31, b"k" * 32), Nonce(b"n" * 32)],
        Reason.NO_PROPOSAL_CHOSEN,
        id="choice-that-was-not-offered",
    ),
]


@pytest.mark.parametrize(("payloads", "reason"), FORGED_ANSWERS)
def test_forged_refusal_does_not_end_a_handshake(payloads: list[Payload], reason: Reason) -> None:
    left, right = end(VCPE), end(POP, TO_VCPE)
    wire = Wire(left, right, fate=lambda _payload, _now: (0.2,))
    session = wire.connect(left, TO_POP)
    header = Header(session.current.local_spi, SOMEBODY, Exchange.IKE_SA_INIT, Flag.RESPONSE, 0)
    for _ in range(3):
        wire.inject(left, pack_message(header, payloads), ("192.0.2.66", 500))
    wire.run(2)
    assert left.all(Refused) == [Refused(reason)]
    assert session.state is State.ESTABLISHED


def test_responder_with_a_wrong_proof_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Liar(Response):
        def welcome(self, *arguments: object) -> object:
            welcome = super().welcome(*arguments)
            payloads = [replace(each, data=bytes(32)) if isinstance(each, Authentication) else each for each in welcome.payloads]
            return replace(welcome, payloads=payloads)

    monkeypatch.setattr(session_module, "Response", Liar)
    left, right = end(VCPE), end(POP, TO_VCPE)
    attempt(left, right)
    assert left.all(Failed) == [Failed(Reason.AUTHENTICATION_FAILED, by_peer=False)]
    assert right.all(Failed) == [Failed(Reason.AUTHENTICATION_FAILED, by_peer=True)]
    assert not left.all(Authenticated)
    assert not right.open
    assert not left.table.sessions | right.table.sessions


def test_nobody_answers() -> None:
    left = end(VCPE)
    wire = Wire(left)
    wire.connect(left, TO_POP)
    wire.run(31.4)
    assert (len(wire.sent), len(set(wire.sent)), left.events) == (6, 1, [])
    wire.run(0.2)
    assert left.all(Failed) == [Failed(Reason.NO_ANSWER, by_peer=False)]


def test_half_open_handshake_is_given_up(left: End, right: End) -> None:
    wire = Wire(left, right, fate=lambda payload, _now: (0.0,) if payload[22] == Exchange.IKE_SA_INIT else ())
    wire.connect(left, TO_POP)
    wire.run(HALF_OPEN_SECONDS + 0.1)
    assert right.all(Failed) == [Failed(Reason.NO_ANSWER, by_peer=False)]
    assert right.table.half_open == 0


def test_client_gets_a_lease() -> None:
    lease = Lease(IPv4Address("10.9.0.5"), dns=(IPv4Address("10.9.0.1"), IPv4Address("10.9.0.2")))
    left, right = end(VCPE), end(POP, replace(TO_VCPE, lease=lease))
    attempt(left, right, replace(TO_POP, request_lease=True))
    assert left.all(Configured) == [Configured(lease.address, lease.dns)]
    assert left.sending is not None
    assert left.sending.local == (of_prefix(IPv4Network("10.9.0.5/32")),)
    assert_paired(left, right)


def test_selectors_are_narrowed() -> None:
    left, right = end(VCPE), end(POP, replace(TO_VCPE, theirs=NETWORK))
    attempt(left, right)
    assert left.sending is not None
    assert right.sending is not None
    assert left.sending.local == right.sending.remote == NETWORK
    assert left.sending.remote == right.sending.local == TO_POP.theirs


def test_ports_change_where_there_is_a_nat(left: End, right: End) -> None:
    """The handshake begins on port 500. The ends pretend a NAT, so that ESP goes in UDP."""
    there = Path((VCPE[0], IKE_PORT), (POP[0], IKE_PORT))
    outcomes = left.table.connect(TO_POP, there, 0.0)[1]
    first = outcomes[0].output
    assert isinstance(first, Transmit)
    assert not first.payload.startswith(NON_ESP_MARKER)
    answers = right.table.receive(first.payload, Path((POP[0], IKE_PORT), (VCPE[0], IKE_PORT)), 0.0)
    answer = answers[0].output
    assert isinstance(answer, Transmit)
    (second,) = (outcome.output for outcome in left.table.receive(answer.payload, there, 0.0))
    assert isinstance(second, Transmit)
    assert second.path == Path((VCPE[0], NAT_PORT), (POP[0], NAT_PORT))
    assert second.payload.startswith(NON_ESP_MARKER)


NAT_CASES = [
    pytest.param(VCPE, False, False, id="no-nat"),
    pytest.param(("192.0.2.7", 4500), True, False, id="behind-a-nat-by-address"),
    pytest.param((VCPE[0], 61000), True, False, id="behind-a-nat-by-port"),
]


@pytest.mark.parametrize(("seen", "here", "pretend"), NAT_CASES)
def test_nat_is_detected(seen: tuple[str, int], here: bool, pretend: bool) -> None:
    settings = Settings(encapsulate=pretend)
    left, right = end(VCPE, settings=settings), end(POP, TO_VCPE, settings=settings)
    session, outcomes = left.table.connect(TO_POP, Path(VCPE, POP), 0.0)
    request = outcomes[0].output.payload[4:]
    answer = right.table.receive(request, Path(POP, seen), 0.0)[0].output.payload[4:]
    left.table.receive(answer, Path(VCPE, POP), 0.0)
    (other,) = right.table.sessions
    assert (session.nat.here, session.nat.there) == (here, False)
    assert (other.nat.here, other.nat.there) == (False, here)


# Rekeying


def rekey_child(wire: Wire, who: End) -> None:
    act(wire, who, who.session.rekey_child, who.sending.spi)


def rekey_ike(wire: Wire, who: End) -> None:
    act(wire, who, who.session.rekey_ike)


REKEYS = [pytest.param(rekey_child, id="child"), pytest.param(rekey_ike, id="ike")]


@pytest.mark.parametrize("rekey", REKEYS)
@pytest.mark.parametrize("side", [0, 1], ids=["by-initiator", "by-responder"])
def test_rekey_by_one_end(wire: Wire, left: End, right: End, rekey: Callable[[Wire, End], None], side: int) -> None:
    before = (left.session.current, next(iter(left.open)))
    rekey(wire, (left, right)[side])
    wire.run(1)
    after = (left.session.current, next(iter(left.open)))
    changed = (before[0] is not after[0], before[1] != after[1])
    assert changed == ((False, True) if rekey is rekey_child else (True, False))
    assert_paired(left, right)
    assert no_drops(left, right)


@pytest.mark.parametrize("rekey", REKEYS)
@pytest.mark.parametrize("seed", range(6))
def test_both_rekey_at_once(rekey: Callable[[Wire, End], None], seed: int) -> None:
    """The seeds make either end's nonce the lowest."""
    left, right = (end(each, policy, settings=QUIET, seed=str(seed)) for each, policy in ((VCPE, TO_POP), (POP, TO_VCPE)))
    wire = Wire(left, right, fate=lambda _payload, _now: (0.05,))
    wire.connect(left, TO_POP)
    wire.run(1)
    rekey(wire, left)
    rekey(wire, right)
    wire.run(1)
    assert_paired(left, right)
    assert (len(left.session.children), len(right.session.children)) == (1, 1)
    assert no_drops(left, right)


@pytest.mark.parametrize("rekey", REKEYS)
@pytest.mark.parametrize("seed", range(6))
def test_lowest_nonce_yields(rekey: Callable[[Wire, End], None], seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7296 §2.8.1: of two replacements, the one whose exchange has the lowest of the four nonces goes."""
    lowest: dict[object, bytes] = {}

    def spied(grant: Callable[..., GrantedChild | GrantedIke]) -> Callable[..., object]:
        def spy(*arguments: object) -> object:
            granted = grant(*arguments)
            name = granted.sa.local_spi if isinstance(granted, GrantedIke) else granted.child.spi
            lowest[name] = granted.lowest
            return granted

        return spy

    left, right = (end(each, policy, settings=QUIET, seed=str(seed)) for each, policy in ((VCPE, TO_POP), (POP, TO_VCPE)))
    wire = Wire(left, right, fate=lambda _payload, _now: (0.05,))
    wire.connect(left, TO_POP)
    wire.run(1)
    monkeypatch.setattr(rekeying, "grant_child", spied(rekeying.grant_child))
    monkeypatch.setattr(rekeying, "grant_ike", spied(rekeying.grant_ike))
    rekey(wire, left)
    rekey(wire, right)
    wire.run(1)
    names = {left.session.current.local_spi, right.session.current.local_spi, *left.open, *right.open}
    assert len(lowest) == 2
    assert [name for name in lowest if name in names] == [max(lowest, key=lambda name: lowest[name])]


def test_child_and_ike_are_rekeyed_at_once(wire: Wire, left: End, right: End) -> None:
    """Each end tells the other to wait, and both try again later (RFC 7296 §2.25.2)."""
    wire.fate = lambda _payload, _now: (0.05,)
    child, sa = next(iter(left.open)), left.session.current
    rekey_child(wire, left)
    rekey_ike(wire, right)
    wire.run(10)
    assert next(iter(left.open)) != child
    assert left.session.current is not sa
    assert_paired(left, right)


def test_rekey_takes_another_group_when_the_peer_wants_it() -> None:
    left, right = end(VCPE, settings=QUIET), end(POP, replace(TO_VCPE, esp=EspOffer(groups=(P256,))), settings=QUIET)
    wire = attempt(left, right)
    child = next(iter(left.open))
    rekey_child(wire, left)
    wire.run(0.2)
    assert next(iter(left.open)) != child
    assert_paired(left, right)


def test_rekey_by_time() -> None:
    settings = Settings(lifetimes=Lifetimes(child=10, child_hard=15, ike=35, ike_hard=50), probe_after=1e9)
    left, right = end(VCPE, settings=settings), end(POP, TO_VCPE, settings=settings)
    wire = Wire(left, right, fate=lambda _payload, _now: (0.02,))
    wire.connect(left, TO_POP)
    wire.run(205)
    rekeyed = left.all(ChildRekeyed)
    assert 19 <= len(rekeyed) <= 24
    assert len({event.child.spi for event in rekeyed}) == len(rekeyed)
    assert_paired(left, right)
    wire.run(LINGER_SECONDS)
    assert len(left.table._by_spi) <= 4, "old IKE SAs are not forgotten"


def test_rekey_by_use(wire: Wire, left: End, right: End) -> None:
    old = left.sending
    assert old is not None
    for wear, rekeyed in ((WORN - 1e-9, 0), (WORN, 1)):
        act(wire, left, left.session.use, old.spi, wear)
        wire.run(0.1)
        assert len(left.all(ChildRekeyed)) == rekeyed
    assert_paired(left, right)


def test_child_is_not_used_beyond_its_limit(wire: Wire, left: End, right: End) -> None:
    assert left.sending is not None
    act(wire, left, left.session.use, left.sending.spi, WORN_OUT)
    wire.run(0.1)
    assert (left.open, right.open, left.sending, right.sending) == ({}, {}, None, None)


def test_ike_sa_is_not_used_beyond_its_life(left: End, right: End) -> None:
    left.table.settings = right.table.settings = Settings(lifetimes=Lifetimes(1e9, 1e9, 1e9, 40), probe_after=1e9)
    attempt(left, right)
    assert Failed(Reason.EXPIRED, by_peer=False) in left.all(Failed) + right.all(Failed)
    assert not left.open
    assert not right.open


def test_peer_may_ask_for_children_but_not_without_end(wire: Wire, left: End, right: End) -> None:
    for number in range(1, MOST_CHILDREN + 1):
        spi = left.table.new_child_spi()
        association, *selectors = children.ask(children.terms_of(TO_POP), spi, exchange=False)
        answer = answered(left, right, Exchange.CREATE_CHILD_SA, [association, Nonce(b"n" * 32), *selectors])
        refused = number == MOST_CHILDREN
        assert bool(answer.notices(Notice.NO_ADDITIONAL_SAS)) == refused
    assert len(right.open) == len(right.session.children) == MOST_CHILDREN


def answered(sender: End, receiver: End, exchange: Exchange, payloads: list[Payload]) -> Payloads:
    """What a genuine request of a peer is answered with, whatever is in it."""
    sa = sender.session.current
    request = sa.request(exchange, payloads)
    sa.outbox.next_id += 1
    outputs = [outcome.output for outcome in receiver.table.receive(request, Path(receiver.endpoint, sender.endpoint), 1000.0)]
    for output in outputs:
        if not isinstance(output, Transmit):
            receiver.take(receiver.session, output)
    (reply,) = (output for output in outputs if isinstance(output, Transmit))
    return sa.open(parse_datagram(reply.payload.removeprefix(NON_ESP_MARKER)))


def test_unknown_child_cannot_be_rekeyed(left: End, wire: Wire) -> None:
    with pytest.raises(LocalError, match="no child with SPI 1"):
        left.session.rekey_child(1, wire.now)


# Ends


@pytest.mark.parametrize("side", [0, 1], ids=["by-initiator", "by-responder"])
def test_close(wire: Wire, left: End, right: End, side: int) -> None:
    one, other = (left, right) if side == 0 else (right, left)
    act(wire, one, one.session.close)
    wire.run(1)
    assert (one.all(Closed), other.all(Closed)) == ([Closed(by_peer=False)], [Closed(by_peer=True)])
    assert not left.open
    assert not right.open
    wire.run(2 * LINGER_SECONDS)
    for each in (left, right):
        table = each.table
        for book in (table.sessions, table._by_spi, table._child_spis, table._by_initiator, table._by_identity):
            assert not book


def test_both_close_at_once(wire: Wire, left: End, right: End) -> None:
    wire.fate = lambda _payload, _now: (0.05,)
    act(wire, left, left.session.close)
    act(wire, right, right.session.close)
    wire.run(1)
    assert (left.all(Closed), right.all(Closed)) == ([Closed(by_peer=False)], [Closed(by_peer=False)])
    assert (left.session.state, right.session.state) == (State.ENDED, State.ENDED)


def test_dead_peer_is_noticed() -> None:
    left, right = end(VCPE), end(POP, TO_VCPE)
    wire = Wire(left, right)
    wire.connect(left, TO_POP)
    wire.run(1)
    wire.fate = lambda _payload, _now: ()
    wire.run(9 + 5.5)
    assert not left.all(Failed)
    wire.run(2)
    assert left.all(Failed) == right.all(Failed) == [Failed(Reason.NO_ANSWER, by_peer=False)]


def test_esp_shows_that_the_peer_lives() -> None:
    left, right = end(VCPE), end(POP, TO_VCPE)
    wire = Wire(left, right)
    wire.connect(left, TO_POP)
    wire.run()
    for _ in range(30):
        wire.run(1)
        for each in (left, right):
            each.session.heard(wire.now)
    assert len(wire.sent) == 4


def test_silent_peers_ask_each_other() -> None:
    left, right = end(VCPE), end(POP, TO_VCPE)
    wire = Wire(left, right)
    wire.connect(left, TO_POP)
    wire.run(100)
    assert 4 + 2 * 9 <= len(wire.sent) <= 4 + 4 * 10
    assert (left.session.state, right.session.state) == (State.ESTABLISHED, State.ESTABLISHED)


def test_new_conversation_takes_the_place_of_one_that_was_lost(wire: Wire, left: End, right: End) -> None:
    again = end(VCPE, TO_POP, settings=QUIET, seed="after a restart")
    wire.ends[VCPE] = again
    wire.connect(again, TO_POP)
    wire.run(1)
    assert [type(event).__name__ for event in (each for _, each in right.events[2:])] == [
        "ChildDeleted",
        "Closed",
        "Authenticated",
        "ChildEstablished",
    ]
    assert_paired(again, right)


def test_second_conversation_leaves_the_first_alone(wire: Wire, left: End, right: End) -> None:
    wire.connect(left, TO_POP)
    wire.run(1)
    assert not right.all(Closed)
    assert (len(left.open), len(right.open)) == (2, 2)


# What is not in order


def test_request_that_comes_again_is_answered_again_and_carried_out_once(wire: Wire, left: End, right: End) -> None:
    request = informational(left, [Delete(Protocol.ESP, (children.pack_spi(next(iter(left.open))),))])
    for _ in range(3):
        wire.inject(right, request, VCPE)
    answers = wire.sent[-3:]
    assert len(set(answers)) == 1
    assert left.session.current.open(parse_datagram(answers[0][4:])).one(Delete).spis
    assert len(right.all(ChildDeleted)) == 1
    assert right.table.drops == {DropReason.IKE_REPEATED: 2}


def informational(sender: End, payloads: list[Payload], *, ahead: int = 0) -> bytes:
    """A genuine request of a peer, whatever is in it."""
    sa = sender.session.current
    sa.outbox.next_id += ahead
    data = sa.request(Exchange.INFORMATIONAL, payloads)
    sa.outbox.next_id -= ahead
    return data


def test_unknown_critical_payload_is_refused(wire: Wire, left: End, right: End, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("dataplane.ike.message._pack_payload", critical)
        answer = answered(left, right, Exchange.INFORMATIONAL, [Opaque(200, b"?")])
    assert answer == (Notify(Notice.UNSUPPORTED_CRITICAL_PAYLOAD, b"\xc8"),)
    assert right.session.state is State.ESTABLISHED


def critical(body: bytes, following: int) -> bytes:
    return bytes([following, 0x80]) + (4 + len(body)).to_bytes(2, "big") + body


def test_unknown_critical_payload_in_the_first_message_is_refused(right: End) -> None:
    data = bytearray(pack_message(Header(b"i" * 8, bytes(8), 34, Flag.INITIATOR, 0), [Opaque(200, b"?")]))
    data[29] = 0x80
    (reply,) = right.table.receive(data, Path(POP, VCPE), 0.0)
    assert reply.session is None
    assert isinstance(reply.output, Transmit)
    assert reply.output.payload.endswith(b"\0\0\0\x01\xc8")
    assert not right.table.sessions


def test_authentic_nonsense_ends_the_conversation(wire: Wire, left: End, right: End) -> None:
    wire.inject(right, informational(left, [Opaque(42, b"no Delete payload")]), VCPE)
    assert right.all(Failed) == [Failed(Reason.INVALID_SYNTAX, by_peer=False)]
    assert not right.open


def test_peer_is_followed_where_no_nat_is_in_front_of_us(wire: Wire, left: End, right: End) -> None:
    elsewhere = ("203.0.113.77", 61000)
    wire.inject(right, informational(left, []), elsewhere)
    assert right.all(Moved) == [Moved(Path(POP, elsewhere))]
    assert right.session.path.remote == elsewhere


def test_peer_is_not_followed_from_behind_a_nat(wire: Wire, left: End, right: End) -> None:
    """Our own NAT makes every address look changed, so somebody on the way could lead us anywhere (RFC 7296 §2.23)."""
    right.session.nat = Nat(here=True, there=False)
    wire.inject(right, informational(left, []), ("203.0.113.77", 61000))
    assert not right.all(Moved)
    assert right.session.path.remote == VCPE
    assert no_drops(right)


def forged(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def spis(left: End) -> tuple[bytes, bytes]:
    return left.session.current.local_spi, left.session.current.remote_spi


def in_the_clear(spi_i: bytes, spi_r: bytes, exchange: int) -> bytes:
    return pack_message(Header(spi_i, spi_r, exchange, Flag.INITIATOR, 2), [Nonce(b"n" * 16)])


# What reaches the responder of an established conversation, made from the two ends, and the reason of the drop.
DROPS: list[object] = [
    pytest.param(lambda _left: b"", DropReason.MALFORMED_IKE, id="empty"),
    pytest.param(lambda _left: b"rubbish" * 10, DropReason.MALFORMED_IKE, id="rubbish"),
    pytest.param(lambda left: informational(left, [])[:-1], DropReason.IKE_TRUNCATED, id="cut-off"),
    pytest.param(lambda left: informational(left, []) + b"0", DropReason.IKE_TRUNCATED, id="longer-than-it-says"),
    pytest.param(lambda left: informational(left, [VendorId(bytes(9000))]), DropReason.IKE_TOO_LONG, id="too-long"),
    pytest.param(lambda left: forged(informational(left, [])), DropReason.IKE_FORGED, id="forged"),
    pytest.param(lambda left: informational(left, [], ahead=1), DropReason.IKE_OUT_OF_WINDOW, id="ahead-of-the-window"),
    pytest.param(lambda left: informational(left, [], ahead=-2), DropReason.IKE_OUT_OF_WINDOW, id="behind-the-window"),
    pytest.param(lambda left: left.session.current.response(37, []), DropReason.IKE_OUT_OF_WINDOW, id="answers-nothing"),
    pytest.param(lambda left: left.session.current.request(Exchange.IKE_AUTH, []), DropReason.IKE_UNEXPECTED, id="second-auth"),
    pytest.param(lambda _left: in_the_clear(b"?" * 8, b"?" * 8, 37), DropReason.UNKNOWN_IKE_SPI, id="unknown-spi"),
    pytest.param(lambda left: in_the_clear(b"?" * 8, spis(left)[1], 37), DropReason.UNKNOWN_IKE_SPI, id="half-known-spi"),
    pytest.param(lambda left: in_the_clear(*spis(left), 37), DropReason.MALFORMED_IKE, id="in-the-clear"),
    pytest.param(lambda left: in_the_clear(spis(left)[0], bytes(8), 34), DropReason.IKE_UNEXPECTED, id="init-under-a-known-spi"),
    pytest.param(lambda left: in_the_clear(*spis(left), 34), DropReason.IKE_UNEXPECTED, id="init-with-both-spis"),
    pytest.param(lambda _left: in_the_clear(b"?" * 8, bytes(8), 34), DropReason.MALFORMED_IKE, id="init-that-lacks-payloads"),
]


@pytest.mark.parametrize(("make", "reason"), DROPS)
def test_drops_are_counted_and_change_nothing(
    wire: Wire, left: End, right: End, make: Callable[[End], bytes], reason: DropReason
) -> None:
    sent, events = len(wire.sent), len(right.events)
    wire.inject(right, make(left), VCPE)
    assert right.table.drops == {reason: 1}
    assert (len(wire.sent), len(right.events), right.session.state) == (sent, events, State.ESTABLISHED)
    assert len(right.table.sessions) == 1


def test_steps_that_no_state_knows() -> None:
    with pytest.raises(LocalError, match="no step CLOSE leads out of NEW"):
        advance(State.NEW, Step.CLOSE)


def kinds(events: Iterable[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_order_of_events(wire: Wire, left: End, right: End) -> None:
    rekey_child(wire, left)
    wire.run(0)
    for each in (left, right):
        assert kinds(event for _, event in each.events) == ["Authenticated", "ChildEstablished", "ChildRekeyed", "ChildDeleted"]
    assert [each.all(ChildRekeyed)[0].initiated for each in (left, right)] == [True, False]
    assert isinstance(left.events[-1][1], ChildDeleted)
    assert isinstance(left.session, Session)
