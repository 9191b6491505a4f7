"""Many conversations at one gateway: floods and cookies, bounds, many peers, nothing left over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from math import inf

import pytest

from dataplane.errors import DropReason
from dataplane.ike.conversation import LINGER_SECONDS
from dataplane.ike.cookies import SECRET_SECONDS, Cookies
from dataplane.ike.doorkeeper import COOKIE_THRESHOLD, MOST_HALF_OPEN, MOST_OF_HOST
from dataplane.ike.doubles import POINT, POP, PSK, TO_POP, TO_VCPE, VCPE, End, Wire, end, entropy_from
from dataplane.ike.events import Closed, Transmit
from dataplane.ike.identity import key_id
from dataplane.ike.message import parse_datagram, parse_message
from dataplane.ike.numbers import Notice
from dataplane.ike.paths import Path
from dataplane.ike.policy import Policy, Settings
from dataplane.ike.session import HALF_OPEN_SECONDS
from dataplane.ike.states import State
from dataplane.ike.table import Outcome, Table

COOKIE_LENGTH = 16


@pytest.fixture
def left() -> End:
    return end(VCPE, TO_POP)


@pytest.fixture
def right() -> End:
    return end(POP, TO_VCPE)


def strangers() -> Iterator[tuple[Table, Path, bytes]]:
    """IKE_SA_INIT of one initiator after another, each at an address of its own; its table, its path, its message."""
    for number in count(1):
        host = f"192.0.{number // 250}.{number % 250 + 1}"
        table = Table(Settings(), lambda _: None, entropy_from(f"stranger {number}"), 0.0)
        yield table, Path(POP, (host, 4500)), message(table.connect(TO_POP, Path((host, 4500), POP), 0.0)[1])


def message(outcomes: list[Outcome]) -> bytes:
    (output,) = (outcome.output for outcome in outcomes)
    assert isinstance(output, Transmit)
    return output.payload.removeprefix(bytes(4))


def flood(right: End, size: int, now: float = 1000.0) -> Iterator[tuple[Table, Path, bytes]]:
    """Leave that many handshakes half open, and go on with the initiators after them."""
    initiators = strangers()
    for _ in range(size):
        _, path, request = next(initiators)
        right.table.receive(request, path, now)
    return initiators


def notices(datagram: bytes) -> list[int]:
    return [notify.notice for notify in parse_message(parse_datagram(datagram)).notices(Notice.COOKIE)]


def test_cookie_is_asked_for_under_load_and_keeps_nothing(right: End) -> None:
    initiators = flood(right, COOKIE_THRESHOLD)
    table, path, request = next(initiators)
    answer = message(right.table.receive(request, path, 1000.0))
    assert notices(answer) == [Notice.COOKIE]
    assert right.table.half_open == len(right.table.sessions) == COOKIE_THRESHOLD
    again = message(table.receive(answer, Path(path.remote, POP), 1000.0))
    assert notices(again) == [Notice.COOKIE]
    assert notices(message(right.table.receive(again, path, 1000.0))) == []
    assert right.table.half_open == COOKIE_THRESHOLD + 1


def test_cookie_of_another_address_is_worth_nothing(right: End) -> None:
    initiators = flood(right, COOKIE_THRESHOLD)
    table, path, request = next(initiators)
    again = message(table.receive(message(right.table.receive(request, path, 1000.0)), Path(path.remote, POP), 1000.0))
    elsewhere = Path(POP, ("192.0.2.200", 4500))
    assert notices(message(right.table.receive(again, elsewhere, 1000.0))) == [Notice.COOKIE]
    assert right.table.half_open == COOKIE_THRESHOLD


def test_forged_request_costs_no_secret_no_parsing_and_no_state(right: End, monkeypatch: pytest.MonkeyPatch) -> None:
    initiators = flood(right, COOKIE_THRESHOLD)
    requests = [next(initiators) for _ in range(20)]
    books = (set(right.table.sessions), dict(right.table._by_spi), dict(right.table._by_initiator), len(right.table._agenda))
    for spared in ("parse_datagram", "parse_message", "pack_message", "Session"):
        monkeypatch.setattr(f"dataplane.ike.table.{spared}", unexpected)
    monkeypatch.setattr(right.table, "_entropy", unexpected)
    answers = [message(right.table.receive(request, path, 1000.0)) for _, path, request in requests]
    assert [notices(answer) for answer in answers] == [[Notice.COOKIE]] * 20
    assert all(len(answer) < len(request) for answer, (_, _, request) in zip(answers, requests, strict=True))
    table = right.table
    assert (table.sessions, table._by_spi, table._by_initiator, len(table._agenda)) == books
    assert table.drops == {DropReason.IKE_COOKIE_WANTED: 20}


def unexpected(*_arguments: object) -> None:
    pytest.fail("a forged request cost more than it should")


HEAD = b"initiate" + bytes(8) + b"\x21\x20\x22\x08" + bytes(8)

# What follows the header of a first message, by the type of its first payload.
BEFORE_A_COOKIE = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"\x28\0", id="cut-off"),
    pytest.param(b"\x28\0\0\x00" * 30, id="payloads-without-length"),
    pytest.param(b"\0\0\0\x08abcd", id="no-nonce"),
    pytest.param(b"\x28\0\0\x08abcd\0\0\0\x08abcd", id="short-nonce"),
    pytest.param(b"\x28\0\0\x08abcd\0\0\xff\xffabcd", id="nonce-beyond-the-end"),
]


@pytest.mark.parametrize("payloads", BEFORE_A_COOKIE)
def test_malformed_request_gets_no_cookie(right: End, payloads: bytes) -> None:
    flood(right, COOKIE_THRESHOLD)
    assert right.table.receive(HEAD + payloads, Path(POP, VCPE), 1000.0) == []
    assert right.table.drops == {DropReason.MALFORMED_IKE: 1}


def test_peer_connects_during_a_flood(left: End, right: End) -> None:
    flood(right, COOKIE_THRESHOLD + 1000)
    assert right.table.half_open == COOKIE_THRESHOLD, "a flood without cookies costs no memory"
    wire = Wire(left, right)
    session = wire.connect(left, TO_POP)
    wire.run(1)
    assert session.state is State.ESTABLISHED


def test_half_open_handshakes_are_bounded(right: End) -> None:
    initiators = flood(right, COOKIE_THRESHOLD)
    for _ in range(MOST_HALF_OPEN - COOKIE_THRESHOLD + 5):
        table, path, request = next(initiators)
        answer = message(right.table.receive(request, path, 1000.0))
        again = message(table.receive(answer, Path(path.remote, POP), 1000.0))
        right.table.receive(again, path, 1000.0)
    assert right.table.half_open == len(right.table.sessions) == MOST_HALF_OPEN
    asked = MOST_HALF_OPEN - COOKIE_THRESHOLD + 5
    assert right.table.drops == {DropReason.IKE_COOKIE_WANTED: asked, DropReason.IKE_OVERLOADED: 5}


def test_half_open_handshakes_of_one_address_are_bounded(left: End, right: End) -> None:
    """Whoever has one address only keeps nobody else out."""
    initiators = flood(right, COOKIE_THRESHOLD)
    for number in range(MOST_OF_HOST + 5):
        table, _, request = next(initiators)
        path = Path(POP, ("192.0.2.66", 1024 + number))
        answer = message(right.table.receive(request, path, 1000.0))
        right.table.receive(message(table.receive(answer, Path(path.remote, POP), 1000.0)), path, 1000.0)
    assert right.table.half_open == COOKIE_THRESHOLD + MOST_OF_HOST
    assert right.table.drops[DropReason.IKE_OVERLOADED] == 5
    wire = Wire(left, right)
    session = wire.connect(left, TO_POP)
    wire.run(1)
    assert session.state is State.ESTABLISHED


def test_failed_handshake_counts_until_it_is_forgotten(left: End, right: End) -> None:
    wire = Wire(left, right)
    wire.connect(left, replace(TO_POP, psk=b"wrong"))
    wire.run(1)
    assert right.table.half_open == len(right.table.sessions) == 1
    wire.run(LINGER_SECONDS)
    assert right.table.half_open == len(right.table.sessions) == 0


def test_half_open_handshakes_are_forgotten(right: End) -> None:
    flood(right, COOKIE_THRESHOLD)
    now = 1000.0
    while (due := right.table.deadline()) < inf:
        now = due
        right.table.tick(now)
    assert now <= 1000 + 2 * HALF_OPEN_SECONDS + 1
    assert not right.table._doorkeeper._of_host
    assert (right.table.half_open, right.table.sessions, right.table._by_spi, len(right.table._agenda)) == (0, set(), {}, 0)


COOKIE_AGES = [
    pytest.param(0.0, True, id="fresh"),
    pytest.param(SECRET_SECONDS, True, id="of-the-last-secret"),
    pytest.param(2 * SECRET_SECONDS, False, id="of-the-one-before"),
    pytest.param(100 * SECRET_SECONDS, False, id="old"),
]


@pytest.mark.parametrize(("age", "valid"), COOKIE_AGES)
def test_cookies_age(age: float, valid: bool) -> None:
    cookies = Cookies(entropy_from("cookies"), 0.0)
    cookie = cookies.make(b"nonce", "192.0.2.1", b"spi", 0.0)
    assert len(cookie) == COOKIE_LENGTH
    assert cookies.is_valid(cookie, b"nonce", "192.0.2.1", b"spi", age) == valid


OTHER_CLAIMS = [
    pytest.param((b"other", "192.0.2.1", b"spi"), id="nonce"),
    pytest.param((b"nonce", "192.0.2.2", b"spi"), id="address"),
    pytest.param((b"nonce", "192.0.2.1", b"ips"), id="spi"),
]


@pytest.mark.parametrize("claim", OTHER_CLAIMS)
def test_cookies_are_bound(claim: tuple[bytes, str, bytes]) -> None:
    cookies = Cookies(entropy_from("cookies"), 0.0)
    assert not cookies.is_valid(cookies.make(b"nonce", "192.0.2.1", b"spi", 0.0), *claim, 0.0)


def test_many_peers_do_not_disturb_each_other() -> None:
    """100 gateways, each with a key of its own; one of them leaves."""
    names = [f"sage{number:04}" for number in range(100)]
    right = end(POP, *(Policy(POINT, key_id(name), name.encode()) for name in names))
    lefts = [end((f"203.0.113.{number + 1}", 4500), seed=name) for number, name in enumerate(names)]
    wire = Wire(right, *lefts)
    for left, name in zip(lefts, names, strict=True):
        wire.connect(left, Policy(key_id(name), POINT, name.encode()))
        wire.run()
    assert len(right.open) == 100
    first = lefts[0]
    wire.carry_out(first, first.table.carry(first.session, first.session.close(wire.now), wire.now))
    wire.run(60)
    assert right.all(Closed) == [Closed(by_peer=True)]
    assert len(right.open) == len(right.table.sessions) == 99
    assert all(left.session.state is State.ESTABLISHED for left in lefts[1:])
    assert len(right.table._agenda) < 5 * 99, "the agenda grows"


def test_key_of_another_peer_does_not_do() -> None:
    right = end(POP, Policy(POINT, key_id("sage0001"), b"one"), Policy(POINT, key_id("sage0002"), b"two"))
    left = end(VCPE)
    wire = Wire(left, right)
    wire.connect(left, Policy(key_id("sage0001"), POINT, b"two"))
    wire.run(1)
    assert not left.open
    assert not right.open
    assert PSK not in b"".join(wire.sent)
