"""Whatever anybody sends, a table raises nothing: strangers' datagrams, altered ones, and authentic nonsense of a peer."""

from __future__ import annotations

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dataplane.ike.doubles import POP, TO_POP, TO_VCPE, VCPE, End, Wire, end
from dataplane.ike.events import Transmit
from dataplane.ike.message import seal_message
from dataplane.ike.paths import Path
from dataplane.ike.payloads import Opaque, Payload
from tests.fuzz.conversation import AUTHENTIC

QUICK = settings(deadline=None, max_examples=150, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def connected() -> tuple[End, End, Wire]:
    left, right = end(VCPE, TO_POP), end(POP, TO_VCPE)
    wire = Wire(left, right)
    wire.connect(left, TO_POP)
    wire.run()
    return left, right, wire


RECORDED = [datagram[4:] for datagram in connected()[2].sent]

payloads = st.one_of(st.sampled_from(AUTHENTIC), st.builds(Opaque, st.integers(33, 48), st.binary(max_size=60)))
changes = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3)


@QUICK
@given(st.lists(st.tuples(st.integers(34, 38), st.booleans(), st.integers(-2, 3), st.lists(payloads, max_size=6)), max_size=4))
def test_authentic_nonsense_raises_nothing(messages: list[tuple[int, bool, int, list[Payload]]]) -> None:
    """The peer has the keys, and says whatever it likes; we have a request of our own under way."""
    left, right, wire = connected()
    wire.carry_out(right, right.table.carry(right.session, right.session.rekey_child(next(iter(right.open)), wire.now), wire.now))
    sa = left.session.current
    for exchange, response, ahead, content in messages:
        header = sa._header(exchange, max(0, sa.outbox.next_id + ahead), response=response)
        assert sa._sealer is not None
        wire.inject(right, seal_message(header, content, sa._sealer), VCPE)
    wire.run(5)


@QUICK
@given(st.lists(st.tuples(st.sampled_from(RECORDED), changes, st.booleans()), max_size=6))
def test_altered_datagrams_raise_nothing(datagrams: list[tuple[bytes, list[tuple[int, int]], bool]]) -> None:
    """During a handshake, on both sides of it."""
    left, right = end(VCPE, TO_POP), end(POP, TO_VCPE)
    wire = Wire(left, right, fate=lambda _payload, _now: (0.1,))
    wire.connect(left, TO_POP)
    for recorded, differences, to_left in datagrams:
        altered = bytearray(recorded)
        for position, value in differences:
            altered[position % len(altered)] = value
        target = left if to_left else right
        wire.inject(target, bytes(altered), POP if to_left else VCPE)
        wire.run(0.05)
    wire.run(1)


@QUICK
@given(st.binary(max_size=120))
def test_rubbish_is_dropped_and_counted(datagram: bytes) -> None:
    right = end(POP, TO_VCPE)
    outcomes = right.table.receive(datagram, Path(POP, VCPE), 0.0)
    assert sum(right.table.drops.values()) == 1 or all(isinstance(each.output, Transmit) for each in outcomes)
