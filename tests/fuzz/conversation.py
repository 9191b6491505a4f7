"""What the fuzzers do to two gateways that speak IKE: a string of bytes is read as a script.

    vcpe 203.0.113.10 ── begins ──► pop 198.51.100.10

A script delivers what is under way in any order, loses it, repeats it, alters it, or makes something up, for one end or the
other; it lets time pass, and has the owners' wishes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from dataplane.doubles import AWS, PEER, POP, VCPE, Gateway, ike_pop, ike_vcpe
from dataplane.errors import LocalError
from dataplane.ike.lifetimes import Lifetimes
from dataplane.ike.message import seal_message
from dataplane.ike.numbers import IKE_PORT, NON_ESP_MARKER, Notice, PayloadType, Protocol
from dataplane.ike.offers import EspOffer, IkeOffer, esp_proposals, ike_proposal
from dataplane.ike.payloads import (
    Delete,
    KeyExchange,
    Nonce,
    Notify,
    Opaque,
    Payload,
    SecurityAssociation,
    TsInitiator,
    TsResponder,
)
from dataplane.ike.policy import Settings
from dataplane.ike.renewal import MOST_CHILDREN
from dataplane.ike.selectors import EVERYTHING
from dataplane.ike.states import State
from dataplane.packets import Datagram, Deliver, Effect, Endpoint, Send
from dataplane.peer import RemoteGateway

SETTINGS = Settings(lifetimes=Lifetimes(child=8, child_hard=60, ike=21, ike_hard=120), probe_after=5)
MOST_STEPS = 64
MOST_UNDER_WAY = 32
MOST_SESSIONS = 2 * MOST_STEPS
NONCE_END = 16  # of the SPI, the sequence number and the IV of ESP
HEADER_LENGTH, IV_END = 28, 40  # of an IKE message, and where the IV of a sealed one ends
FRIENDLY_SECONDS = 400.0  # longer than all retransmissions, pauses and lifetimes of SETTINGS together
PACKET = bytes.fromhex("4500001c000000004011000000000000 c0a8010a 03e807d0 00080000".replace(" ", ""))

AUTHENTIC: tuple[Payload, ...] = (
    SecurityAssociation(esp_proposals(EspOffer(), b"\0\0\x10\x01", exchange=True)),
    SecurityAssociation((ike_proposal(IkeOffer(), b"a new IKE SPI"[:8]),)),
    Nonce(b"n" * 32),
    KeyExchange(31, b"k" * 32),
    KeyExchange(19, b"k" * 64),
    TsInitiator(EVERYTHING),
    TsResponder(EVERYTHING),
    Notify(Notice.REKEY_SA, b"", Protocol.ESP, b"\0\0\x10\x01"),
    Notify(Notice.TEMPORARY_FAILURE),
    Notify(Notice.INVALID_KE_PAYLOAD, b"\0\x13"),
    Notify(Notice.AUTHENTICATION_FAILED),
    Delete(Protocol.ESP, (b"\0\0\x10\x01",)),
    Delete(Protocol.IKE),
)


class Script:
    """Bytes that are read as small numbers; zeros without end follow them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def __bool__(self) -> bool:
        return self._position < len(self._data)

    def number(self, below: int) -> int:
        value = self._data[self._position] if self else 0
        self._position += 1
        return value % below

    def take(self, length: int) -> bytes:
        self._position += length
        return self._data[self._position - length : self._position]


@dataclass
class World:
    """Both gateways, what is under way between them, and every nonce that was used."""

    script: Script
    left: Gateway = field(default_factory=lambda: ike_vcpe(settings=SETTINGS, to=(POP[0], IKE_PORT)))
    right: Gateway = field(default_factory=lambda: ike_pop(settings=SETTINGS))
    now: float = 1000.0
    under_way: deque[tuple[bytes, Endpoint, Endpoint]] = field(default_factory=deque)
    past: deque[tuple[bytes, Endpoint, Endpoint]] = field(default_factory=lambda: deque(maxlen=MOST_UNDER_WAY))
    nonces: dict[tuple[Endpoint, bytes], bytes] = field(default_factory=dict)

    @property
    def ends(self) -> tuple[Gateway, Gateway]:
        return self.left, self.right

    def carry_out(self, end: Gateway, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Deliver):
                continue
            source = end.endpoint if isinstance(effect, Send) else (end.endpoint[0], IKE_PORT)
            payload = bytes(effect.payload)
            self.note_nonce(end, payload, source[1] != IKE_PORT)
            self.under_way.append((payload, source, effect.endpoint))
        while len(self.under_way) > MOST_UNDER_WAY:
            self.under_way.popleft()

    def note_nonce(self, end: Gateway, payload: bytes, shared_port: bool) -> None:
        """Two different things under one key and one nonce would betray both: RFC 4106 §3.1, RFC 5282 §3.1."""
        message = payload.removeprefix(NON_ESP_MARKER) if shared_port else payload
        if shared_port and message is payload:
            nonce = payload[:NONCE_END]
        elif message[NONCE_END : NONCE_END + 1] == bytes([PayloadType.SEALED]):
            nonce = message[:NONCE_END] + message[HEADER_LENGTH + 4 : IV_END]
        else:
            return
        if len(payload) > 1:
            assert self.nonces.setdefault((end.endpoint, nonce), message) == message, "a nonce was used twice"

    def deliver(self, payload: bytes, source: Endpoint, destination: Endpoint) -> None:
        for end in self.ends:
            if end.endpoint == destination:
                self.carry_out(end, end.engine.inbound([Datagram(payload, source)], self.now))
            elif (end.endpoint[0], IKE_PORT) == destination:
                self.carry_out(end, end.engine.inbound_ike([Datagram(payload, source)], self.now))

    def pick(self) -> tuple[bytes, Endpoint, Endpoint]:
        """Something that is under way, or was."""
        choices = [*self.under_way, *self.past] or [(b"", VCPE, POP)]
        return choices[self.script.number(len(choices))]

    def tick(self) -> None:
        for end in self.ends:
            self.carry_out(end, end.engine.tick(self.now))

    def check(self) -> None:
        """However little sense a script makes, it leaves no more behind than this."""
        for end in self.ends:
            table = end.engine.negotiation._table  # type: ignore[union-attr]
            assert len(table.sessions) <= MOST_SESSIONS
            assert len(table._child_spis) <= MOST_CHILDREN * len(table.sessions)
            assert all(len(session.children) <= MOST_CHILDREN for session in table.sessions)
            if PEER in end.engine.peers:
                assert set(end.negotiated.pairs) <= set(end.engine.peers_by_spi)


# The steps of a script


def deliver(world: World) -> None:
    if world.under_way:
        world.under_way.rotate(-world.script.number(len(world.under_way)))
        datagram = world.under_way.popleft()
        world.past.append(datagram)
        world.deliver(*datagram)


def deliver_all(world: World) -> None:
    for _ in range(MOST_UNDER_WAY):
        if world.under_way:
            world.past.append(world.under_way.popleft())
            world.deliver(*world.past[-1])


def lose(world: World) -> None:
    if world.under_way:
        world.under_way.rotate(-world.script.number(len(world.under_way)))
        world.past.append(world.under_way.popleft())


def repeat(world: World) -> None:
    world.deliver(*world.pick())


def alter(world: World) -> None:
    payload, source, destination = world.pick()
    altered = bytearray(payload)
    for _ in range(1 + world.script.number(3)):
        position = world.script.number(256)
        if altered:
            altered[position % len(altered)] ^= world.script.number(256)
    world.deliver(bytes(altered), source, destination)


def cut(world: World) -> None:
    payload, source, destination = world.pick()
    world.deliver(payload[: world.script.number(256)], source, destination)


def come_from_elsewhere(world: World) -> None:
    payload, _, destination = world.pick()
    world.deliver(payload, ("192.0.2.66", 1024 + world.script.number(4)), destination)


def make_up(world: World) -> None:
    payload = world.script.take(world.script.number(64))
    end = world.ends[world.script.number(2)]
    port = (IKE_PORT, end.endpoint[1])[world.script.number(2)]
    world.deliver(payload, ("192.0.2.66", 1024), (end.endpoint[0], port))


def say_authentic_nonsense(world: World) -> None:
    """An end has the keys, and says with them whatever it likes."""
    one, other = world.ends if world.script.number(2) else reversed(world.ends)
    session = one.negotiated.session if PEER in one.engine.peers else None
    sa = None if session is None or session.state is State.NEW else session.current
    if sa is None or sa._sealer is None:
        return
    exchange, message_id = 34 + world.script.number(5), max(0, sa.outbox.next_id + world.script.number(4) - 1)
    header = sa._header(exchange, message_id, response=bool(world.script.number(2)))
    payloads = [nonsense(world) for _ in range(world.script.number(6))]
    world.deliver(NON_ESP_MARKER + seal_message(header, payloads, sa._sealer), one.endpoint, other.endpoint)


def nonsense(world: World) -> Payload:
    which = world.script.number(len(AUTHENTIC) + 2)
    if which < len(AUTHENTIC):
        return AUTHENTIC[which]
    return Opaque(33 + world.script.number(16), world.script.take(world.script.number(24)))


def wait(world: World) -> None:
    world.now += (0.0, 0.1, 0.6, 3.0, 11.0, 35.0, 130.0, 5000.0)[world.script.number(8)]
    world.tick()


def send_packets(world: World) -> None:
    for end, addresses in ((world.left, (0x0A00010A, 0xC0A8010A)), (world.right, (0xC0A8010A, 0x0A00010A))):
        packet = bytearray(PACKET)
        packet[12:20] = b"".join(address.to_bytes(4, "big") for address in addresses)
        world.carry_out(end, end.engine.outbound([packet], world.now))


def rekey(world: World) -> None:
    end = world.ends[world.script.number(2)]
    with suppress(LocalError):  # it is not connected, or not there
        end.engine.rekey(PEER, ("child", "ike")[world.script.number(2)])


def remove_or_add_peer(world: World) -> None:
    end, peer = ((world.left, begins), (world.right, waits))[world.script.number(2)]
    if PEER in end.engine.peers:
        end.engine.remove_peer(PEER)
    else:
        end.engine.add_peer(peer())


def change_prefixes(world: World) -> None:
    if PEER in world.right.engine.peers:
        world.right.engine.set_prefixes(PEER, [AWS] if world.script.number(2) else [])


def begins() -> RemoteGateway:
    return ike_vcpe(to=(POP[0], IKE_PORT)).peer


def waits() -> RemoteGateway:
    return ike_pop().peer


STEPS: tuple[Callable[[World], None], ...] = (
    deliver,
    deliver_all,
    lose,
    repeat,
    alter,
    cut,
    come_from_elsewhere,
    make_up,
    say_authentic_nonsense,
    wait,
    send_packets,
    rekey,
    remove_or_add_peer,
    change_prefixes,
)


def play(data: bytes) -> World:
    """Play a script; whatever it does, nothing is raised and little is kept."""
    world = World(Script(data))
    world.tick()
    for _ in range(MOST_STEPS):
        if not world.script:
            break
        STEPS[world.script.number(len(STEPS))](world)
        world.check()
    return world


def conversation(data: bytes) -> None:
    play(data)


def connected_conversation(data: bytes) -> None:
    """The same for two ends that are connected already."""
    play(bytes([STEPS.index(deliver_all)]) + data)


def reconciliation(data: bytes) -> None:
    """Whatever happened, two ends whose owners want it are connected again once the wire is good for long enough."""
    world = play(bytes([STEPS.index(deliver_all)]) + data)
    for end, peer in ((world.left, begins), (world.right, waits)):
        if PEER not in end.engine.peers:
            end.engine.add_peer(peer())
    world.right.engine.set_prefixes(PEER, [AWS])
    until = world.now + FRIENDLY_SECONDS
    while not agreed(world):
        assert world.now < until, "the ends do not find to each other"
        world.now += 0.5
        world.tick()
        deliver_all(world)
        world.check()


def agreed(world: World) -> bool:
    """Whether each end sends through a child that the other receives through."""
    left, right = world.left.negotiated, world.right.negotiated
    if left.outbound is None or right.outbound is None:
        return False
    return left.outbound.spi in right.pairs and right.outbound.spi in left.pairs
