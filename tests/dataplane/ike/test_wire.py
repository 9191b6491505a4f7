"""Two ends over a wire that loses, reorders and repeats: they connect or know why not, and no rekey loses a packet."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dataplane.ike.doubles import POP, TO_POP, TO_VCPE, VCPE, End, Wire, end
from dataplane.ike.events import Child, ChildRekeyed, Closed, Failed, Reason
from dataplane.ike.lifetimes import Lifetimes
from dataplane.ike.policy import Policy, Settings
from dataplane.ike.states import State

BUSY = Settings(lifetimes=Lifetimes(child=8, child_hard=60, ike=21, ike_hard=120), probe_after=5)
WRONG = Policy(TO_POP.local, TO_POP.remote, b"wrong")


def bad_weather(seed: int, loss: float) -> Callable[[bytes, float], Iterable[float]]:
    """A third of what arrives does so twice, all of it up to 0.8 s late: out of order, and even after its repetition."""
    dice = random.Random(seed)  # noqa: S311 - weather, no secret

    def fate(_payload: bytes, _now: float) -> Iterable[float]:
        copies = 0 if dice.random() < loss else 1 + (dice.random() < 1 / 3)
        return [dice.random() * 0.8 for _ in range(copies)]

    return fate


def ends(seed: int, settings: Settings = BUSY) -> tuple[End, End]:
    return end(VCPE, TO_POP, settings=settings, seed=str(seed)), end(POP, TO_VCPE, settings=settings, seed=str(seed))


def ended(each: End) -> bool:
    return bool(each.all(Failed) or each.all(Closed))


def assert_heard(sender: End, receiver: End) -> None:
    """What the sender sends through is open at the receiver, by the same key."""
    child = sender.sending
    if child is None or ended(sender) or ended(receiver):
        return
    assert child.keys.outbound.spi in receiver.open, "packets would be lost"
    assert receiver.open[child.keys.outbound.spi].keys.inbound == child.keys.outbound


def pairs(children: Iterable[Child]) -> set[tuple[int, int]]:
    return {(child.keys.inbound.spi, child.keys.outbound.spi) for child in children}


@pytest.mark.parametrize("loss", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("seed", range(10))
def test_handshake_ends_connected_or_with_a_reason(seed: int, loss: float) -> None:
    left, right = ends(seed)
    wire = Wire(left, right, fate=bad_weather(seed, loss))
    session = wire.connect(left, TO_POP)
    wire.run(65)  # both requests may be sent as often as they are sent at all
    if session.state is State.ESTABLISHED:
        assert left.sending is not None
    else:
        assert [event.reason for event in left.all(Failed)] == [Reason.NO_ANSWER]


@pytest.mark.parametrize("seed", range(10))
def test_wrong_key_never_connects(seed: int) -> None:
    left, right = ends(seed)
    wire = Wire(left, right, fate=bad_weather(seed, 0.3))
    wire.connect(left, WRONG)
    wire.run(100)
    (failed,) = left.all(Failed)
    assert failed.reason in (Reason.AUTHENTICATION_FAILED, Reason.NO_ANSWER)
    assert not left.open
    assert not right.open
    assert not left.table.sessions | right.table.sessions


@settings(deadline=None, max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking takes minutes
@given(
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.lists(st.tuples(st.sampled_from(["child", "ike"]), st.booleans(), st.floats(0, 3)), max_size=12),
)
def test_rekeys_lose_nothing(seed: int, loss: float, actions: list[tuple[str, bool, float]]) -> None:
    """Both ends rekey when they like and when it is due; at every moment what one sends through is open at the other."""
    left, right = ends(seed)
    wire = Wire(left, right)
    wire.connect(left, TO_POP)
    wire.run()
    wire.fate = bad_weather(seed, loss)
    for what, by_left, pause in [*actions, *[("", True, 3.0)] * 8]:
        rekey(wire, left if by_left else right, what)
        until = wire.now + pause
        while wire.now < until:
            wire.run(0.1)
            assert_heard(left, right)
            assert_heard(right, left)
    wire.fate = lambda _payload, _now: (0.01,)
    quiet = Settings(lifetimes=Lifetimes(1e9, 1e9, 1e9, 1e9), probe_after=5)
    for each in (left, right):
        each.session.settings = quiet
    wire.run(45)  # the last lifetimes end, what is pending is answered, what is replaced is deleted
    assert_settled(left, right)


def rekey(wire: Wire, who: End, what: str) -> None:
    session = who.session
    if session.state is not State.ESTABLISHED or who.sending is None:
        return
    if what == "child":
        wire.carry_out(who, who.table.carry(session, session.rekey_child(who.sending.spi, wire.now), wire.now))
    elif what == "ike":
        wire.carry_out(who, who.table.carry(session, session.rekey_ike(wire.now), wire.now))


def assert_settled(left: End, right: End) -> None:
    """Both ends agree on everything, or at least one knows why there is nothing to agree on."""
    if ended(left) or ended(right):
        assert left.all(Failed) + right.all(Failed)
        return
    ours, theirs = left.session.current, right.session.current
    assert (ours.local_spi, ours.remote_spi) == (theirs.remote_spi, theirs.local_spi)
    assert len(left.session.children) == len(right.session.children) == 1
    assert pairs(left.open.values()) == {(outbound, inbound) for inbound, outbound in pairs(right.open.values())}
    assert set(left.open) == set(left.session.children)


def test_weather_is_bad_enough_to_matter() -> None:
    left, right = ends(1)
    wire = Wire(left, right, fate=bad_weather(1, 0.1))
    wire.connect(left, TO_POP)
    wire.run(120)
    assert not ended(left)
    assert len(left.all(ChildRekeyed)) > 10
    assert sum(left.table.drops.values()) > 10
