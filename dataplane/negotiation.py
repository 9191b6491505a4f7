"""What the engine does about IKE: it begins conversations, lets them have what comes in, and obeys what they say of a peer.

An end that speaks first begins again, after a growing pause, whenever a conversation is over. One that waits answers every peer
whose identity it has a key for.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from math import inf

from dataplane.agenda import Agenda
from dataplane.errors import DropReason, LocalError
from dataplane.ike.algorithms import Entropy
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
from dataplane.ike.identity import Identity
from dataplane.ike.numbers import IKE_PORT
from dataplane.ike.paths import Path
from dataplane.ike.policy import Lease, Policy, Settings
from dataplane.ike.session import Session
from dataplane.ike.states import State
from dataplane.ike.table import Outcome, Table
from dataplane.keylog import KeyLog
from dataplane.negotiated import NegotiatedPeer
from dataplane.packets import Buffer, Effect, Endpoint, Send, SendFromIkePort
from dataplane.peer import RemoteGateway

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 16.0
"""Seconds before a conversation that is over is begun again; each failure doubles them. Our choice."""

DRAIN_SECONDS = 5.0
"""How long a child that is gone is still received through. Our choice: longer than packets are under way."""

LOOK_INTERVAL = 1.0
"""Seconds between two looks at whether a peer is waited for. Our choice: it adds up to the time until a dead one is noticed."""

USAGE_INTERVAL = 10.0
"""Seconds between two looks at how worn the keys of a peer's children are. Our choice: at a million packets a second two minutes
lie between the moment when keys are to be replaced and their cipher's limit."""

CHILDLESS_SECONDS = 10.0
"""How long the end that waits leaves a conversation standing that has no child. Our choice: time enough to ask for another."""


@dataclass(frozen=True, slots=True)
class IkeSetup:
    """What IKE needs to know. `local` is the underlay's endpoint that IKE shares with ESP."""

    local: Endpoint
    entropy: Entropy = field(repr=False)
    settings: Settings = field(default_factory=Settings)


class Errand(Enum):
    """What is to be done about a peer at a certain time."""

    BEGIN = auto()  # a conversation
    WEIGH = auto()  # how worn the keys of its children are
    LOOK = auto()  # whether somebody waits for it in vain
    GIVE_UP = auto()  # a conversation without a child


class Negotiation:
    """All IKE conversations of an engine.

    `by_spi` and `drops` are the engine's: whose an SPI is, and what was dropped. `opened` is told of a peer that got a child,
    `keylog` of all keys that are agreed on.
    """

    def __init__(
        self,
        setup: IkeSetup,
        by_spi: MutableMapping[int, RemoteGateway],
        drops: Counter[DropReason],
        opened: Callable[[RemoteGateway], None],
        now: float,
        keylog: KeyLog | None = None,
    ) -> None:
        self._local = setup.local
        # The table hands out no SPI that a peer keyed by hand has, or a child that is draining.
        self._table = Table(setup.settings, self._policy_of, setup.entropy, now, drops, by_spi)
        self._by_spi = by_spi
        self._opened = opened
        self._keylog = keylog
        self._by_identity: dict[Identity, NegotiatedPeer] = {}
        self._peers: dict[Session, NegotiatedPeer] = {}
        self._claimed: NegotiatedPeer | None = None
        self._agenda = Agenda[tuple[Errand, NegotiatedPeer]]()
        self._pauses: dict[NegotiatedPeer, float] = {}
        self._draining: deque[tuple[float, int, NegotiatedPeer]] = deque()
        self._wishes: list[Callable[[float], list[Outcome]]] = []

    # What the gateway's owner asks for; it is done at the next tick

    def add(self, peer: NegotiatedPeer) -> None:
        """Raises LocalError when another peer has the identity."""
        other = self._by_identity.setdefault(peer.policy.remote, peer)
        if other is not peer:
            raise LocalError(f"identity {peer.policy.remote} of {peer.name} is that of {other.name}; remove that one first")
        if peer.speaks_first:
            self._agenda.plan((Errand.BEGIN, peer), -inf)

    def remove(self, peer: NegotiatedPeer) -> None:
        """Take leave of the peer."""
        del self._by_identity[peer.policy.remote]
        for errand in Errand:
            self._agenda.cancel((errand, peer))
        self._pauses.pop(peer, None)
        for session in peer.sessions:
            self._peers.pop(session, None)
            self._wishes.append(partial(self._close, session))

    def rekey_child(self, peer: NegotiatedPeer) -> None:
        """Raises LocalError when there is none."""
        if not peer.pairs:
            raise LocalError(f"peer {peer.name!r} is not connected")
        spi, pair = next(reversed(peer.pairs.items()))
        self._wishes.append(partial(self._rekey_child, pair.session, spi))

    def _rekey_child(self, session: Session, spi: int, now: float) -> list[Outcome]:
        if spi not in session.children:
            return []  # it went since
        return self._table.carry(session, session.rekey_child(spi, now), now)

    def rekey_ike(self, peer: NegotiatedPeer) -> None:
        """Raises LocalError when there is no conversation."""
        session = peer.session
        if session is None or session.state is not State.ESTABLISHED:
            raise LocalError(f"peer {peer.name!r} is not connected")
        self._wishes.append(lambda now: self._table.carry(session, session.rekey_ike(now), now))

    def close(self, now: float) -> list[Effect]:
        """End every conversation, and tell the peers."""
        sessions = list(self._peers)
        self._agenda.clear()
        self._peers.clear()
        return [effect for session in sessions for effect in self._carry_out(self._close(session, now), now)]

    def _close(self, session: Session, now: float) -> list[Outcome]:
        return self._table.carry(session, session.close(now), now)

    # What comes in

    def receive(self, payload: Buffer, local: Endpoint, remote: Endpoint, now: float) -> list[Effect]:
        """Take an IKE message without the non-ESP marker. One that breaks a rule is counted and dropped."""
        effects = self._carry_out(self._table.receive(payload, Path(local, remote), now), now)
        self._claimed = None
        return effects

    def _policy_of(self, identity: Identity) -> Policy | None:
        self._claimed = self._by_identity.get(identity)
        return None if self._claimed is None else self._claimed.policy

    # What time brings

    def tick(self, now: float) -> list[Effect]:
        outcomes: list[Outcome] = []
        wishes, self._wishes = self._wishes, []
        for wish in wishes:
            outcomes += wish(now)
        for errand, peer in self._agenda.take(now):
            outcomes += self._run(errand, peer, now)
        self._drain(now)
        return self._carry_out(outcomes + self._table.tick(now), now)

    def deadline(self) -> float:
        """When `tick` is to be called next, infinity for never."""
        if self._wishes:
            return -inf
        drained = self._draining[0][0] if self._draining else inf
        return min(self._table.deadline(), self._agenda.next(), drained)

    def _run(self, errand: Errand, peer: NegotiatedPeer, now: float) -> list[Outcome]:
        match errand:
            case Errand.BEGIN:
                return self._begin(peer, now)
            case Errand.WEIGH:
                return self._weigh(peer, now)
            case Errand.LOOK:
                return self._look(peer, now)
            case Errand.GIVE_UP:
                return self._give_up(peer, now)

    def _begin(self, peer: NegotiatedPeer, now: float) -> list[Outcome]:
        if peer.is_connected:
            return []  # the peer began meanwhile
        if peer.home is None:
            raise LocalError(f"peer {peer.name} has no endpoint, so this end cannot speak first")
        port = IKE_PORT if peer.home[1] == IKE_PORT else self._local[1]
        session, outcomes = self._table.connect(peer.policy, Path((self._local[0], port), peer.home), now)
        self._peers[session] = peer
        peer.begin(session)
        return outcomes

    def _weigh(self, peer: NegotiatedPeer, now: float) -> list[Outcome]:
        """Say how worn the keys of each child are, so that they are replaced before they are worn out."""
        outcomes: list[Outcome] = []
        for spi, pair in list(peer.pairs.items()):
            outcomes += self._table.carry(pair.session, pair.session.use(spi, pair.wear, now), now)
        if peer.pairs:
            self._agenda.plan((Errand.WEIGH, peer), now + USAGE_INTERVAL)
        return outcomes

    def _look(self, peer: NegotiatedPeer, now: float) -> list[Outcome]:
        """Ask a peer that has been silent for a while although something was sent to it."""
        if not peer.pairs:
            return []
        self._agenda.plan((Errand.LOOK, peer), now + LOOK_INTERVAL)
        session = peer.waited_for(now)
        return [] if session is None else self._table.carry(session, session.ask(now), now)

    def _give_up(self, peer: NegotiatedPeer, now: float) -> list[Outcome]:
        """A conversation without a child carries nothing. Once it is over, the end that speaks first begins another."""
        idle = [session for session in peer.sessions if session.state is State.ESTABLISHED and not session.children]
        return [outcome for session in idle for outcome in self._close(session, now)]

    def _drain(self, now: float) -> None:
        while self._draining and self._draining[0][0] <= now:
            _, spi, peer = self._draining.popleft()
            peer.forget(spi)
            if self._by_spi.get(spi) is peer:
                del self._by_spi[spi]

    # What came of it

    def _carry_out(self, outcomes: Iterable[Outcome], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for session, output in outcomes:
            if isinstance(output, Transmit):
                effects.append(self._transmit(session, output))
            elif session is not None:
                self._happened(session, output, now)
        return effects

    def _transmit(self, session: Session | None, output: Transmit) -> Effect:
        peer = None if session is None else self._peers.get(session)
        if peer is not None and session is not None and peer.follow_rekeys(session):
            self._log_keys(session)
        kind = SendFromIkePort if output.path.local[1] == IKE_PORT else Send
        return kind(output.payload, output.path.remote, "" if peer is None else peer.name)

    def _happened(self, session: Session, event: Event, now: float) -> None:
        match event:
            case Authenticated(identity):
                self._authenticated(session, identity, now)
            case Failed(reason):
                self._ended(session, reason, now)
            case Closed():
                self._ended(session, None, now)
            case _ if (peer := self._peers.get(session)) is not None:
                self._happened_to(peer, session, event, now)
            case _:
                pass  # its peer was removed meanwhile

    def _authenticated(self, session: Session, identity: Identity, now: float) -> None:
        peer = self._by_identity.get(identity)
        if peer is not None:
            self._peers[session] = peer
            peer.authenticate(session, now)
            self._log_keys(session)
            self._expect_child(peer, now)

    def _log_keys(self, session: Session) -> None:
        if self._keylog is not None:
            self._keylog.ike(session.current)

    def _ended(self, session: Session, failure: Reason | None, now: float) -> None:
        peer = self._peers.pop(session, None)
        if peer is None:
            # It proved no identity, but it may have claimed one, and its owner will want to know why it is not connected.
            if self._claimed is not None and failure is not None:
                self._claimed.failure = failure
            return
        peer.end(session, failure)
        if peer.speaks_first and not peer.sessions:
            pause = self._pauses.get(peer, FIRST_PAUSE)
            self._pauses[peer] = min(2 * pause, LONGEST_PAUSE)
            self._agenda.plan((Errand.BEGIN, peer), now + pause)

    def _happened_to(self, peer: NegotiatedPeer, session: Session, event: Event, now: float) -> None:
        match event:
            case ChildEstablished(child):
                self._pauses.pop(peer, None)
                peer.endpoint = session.path.floated().remote
                self._open(peer, session, child, waits=False, now=now)
            case ChildRekeyed(_, child, initiated):
                peer.child_rekeys += 1
                self._open(peer, session, child, waits=not initiated, now=now)
            case ChildDeleted(spi):
                peer.retire(spi)
                self._draining.append((now + DRAIN_SECONDS, spi, peer))
                self._expect_child(peer, now)
            case Refused(reason):
                peer.failure = reason
            case Moved(path):
                peer.endpoint = path.floated().remote
            case Configured(address, dns):
                peer.obtained = Lease(address, dns=dns)

    def _open(self, peer: NegotiatedPeer, session: Session, child: Child, *, waits: bool, now: float) -> None:
        peer.open(session, child, waits=waits, now=now)
        if self._keylog is not None:
            self._keylog.child(child.cipher, child.keys)
        self._by_spi[child.spi] = peer
        self._agenda.plan((Errand.WEIGH, peer), now + USAGE_INTERVAL)
        self._agenda.plan((Errand.LOOK, peer), now + LOOK_INTERVAL)
        self._opened(peer)

    def _expect_child(self, peer: NegotiatedPeer, now: float) -> None:
        """See to it that no conversation is left standing without a child. The end that speaks first need not wait for one."""
        self._agenda.plan((Errand.GIVE_UP, peer), now + (0.0 if peer.speaks_first else CHILDLESS_SECONDS))
