"""Doubles for tests: ends that speak IKE over an in-memory wire, a clock that tests move, entropy that is the same in every run.

vcpe 203.0.113.10 ── begins ──► pop 198.51.100.10
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from math import inf
from typing import TypeVar

from dataplane.ike.events import Child, ChildDeleted, ChildEstablished, ChildRekeyed, Event, Transmit
from dataplane.ike.identity import Identity, fqdn, key_id
from dataplane.ike.numbers import NAT_PORT, NON_ESP_MARKER
from dataplane.ike.paths import Path
from dataplane.ike.policy import Policy, Settings
from dataplane.ike.session import Session
from dataplane.ike.table import Outcome, Table
from dataplane.packets import Endpoint

SERIAL = key_id("sage6m2ph5sit0000001")
POINT = fqdn("pop.example")
PSK = b"a key that is worth nothing"
VCPE: Endpoint = ("203.0.113.10", NAT_PORT)
POP: Endpoint = ("198.51.100.10", NAT_PORT)

TO_POP = Policy(SERIAL, POINT, PSK)
TO_VCPE = Policy(POINT, SERIAL, PSK)

Kind = TypeVar("Kind", bound=Event)
Fate = Callable[[bytes, float], Iterable[float]]
"""What the wire does to a datagram sent at a time: the delay of each copy that arrives, in seconds."""


def at_once(_payload: bytes, _now: float) -> Iterable[float]:
    return (0.0,)


def entropy_from(seed: str) -> Callable[[int], bytes]:
    """Entropy that is worth nothing: the same in every run."""
    drawn = count()

    def entropy(length: int) -> bytes:
        return hashlib.shake_256(f"{seed} {next(drawn)}".encode()).digest(length)

    return entropy


@dataclass
class End:
    """A table, the endpoint that it is reached at, and what happened in its conversations, in order.

    `open` are the children that may be received through, by inbound SPI, and `sending` is the one that is sent through, both as
    the events have it.
    """

    table: Table
    endpoint: Endpoint
    events: list[tuple[Session, Event]] = field(default_factory=list)
    open: dict[int, Child] = field(default_factory=dict)
    sending: Child | None = None

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [event for _, event in self.events if isinstance(event, kind)]

    def take(self, session: Session, event: Event) -> None:
        self.events.append((session, event))
        match event:
            case ChildEstablished(child):
                self.open[child.spi] = child
                self.sending = self.sending or child
            case ChildRekeyed(_, child, initiated):
                self.open[child.spi] = child
                self.sending = child if initiated else self.sending
            case ChildDeleted(spi):
                self.open.pop(spi)
                if self.sending is not None and self.sending.spi == spi:
                    self.sending = next(reversed(self.open.values()), None)
            case _:
                pass

    @property
    def session(self) -> Session:
        """The latest conversation in which anything happened."""
        return self.events[-1][0]


def end(endpoint: Endpoint, *policies: Policy, settings: Settings | None = None, seed: str = "", now: float = 1000.0) -> End:
    """An end that knows the peers of these policies."""
    by_identity: dict[Identity, Policy] = {policy.remote: policy for policy in policies}
    entropy = entropy_from(f"{endpoint} {seed}")
    return End(Table(settings or Settings(), by_identity.get, entropy, now), endpoint)


class Wire:
    """Carries datagrams between ends, as `fate` says. A copy of each that was sent is kept on `sent`."""

    def __init__(self, *ends: End, fate: Fate = at_once, now: float = 1000.0) -> None:
        self.ends = {end.endpoint: end for end in ends}
        self.fate = fate
        self.now = now
        self.sent: list[bytes] = []
        self._order = count()
        self._travelling: list[tuple[float, int, Endpoint, Endpoint, bytes]] = []

    def connect(self, source: End, policy: Policy, destination: Endpoint = POP) -> Session:
        session, outcomes = source.table.connect(policy, Path(source.endpoint, destination), self.now)
        self.carry_out(source, outcomes)
        return session

    def carry_out(self, source: End, outcomes: Iterable[Outcome]) -> None:
        for session, output in outcomes:
            if isinstance(output, Transmit):
                self._send(output)
            elif session is not None:
                source.take(session, output)

    def _send(self, transmit: Transmit) -> None:
        self.sent.append(transmit.payload)
        for delay in self.fate(transmit.payload, self.now):
            due = self.now + delay
            path = transmit.path
            heapq.heappush(self._travelling, (due, next(self._order), path.local, path.remote, transmit.payload))

    def run(self, seconds: float = 0.0) -> None:
        """Let time pass, from one thing that is due to the next."""
        until = self.now + seconds
        while (due := self._next_due()) <= until:
            self.now = max(self.now, due)
            self._arrive()
            for each in self.ends.values():
                self.carry_out(each, each.table.tick(self.now))
        self.now = until

    def _next_due(self) -> float:
        arrival = self._travelling[0][0] if self._travelling else inf
        return min(arrival, *(each.table.deadline() for each in self.ends.values()))

    def _arrive(self) -> None:
        while self._travelling and self._travelling[0][0] <= self.now:
            _, _, source, destination, payload = heapq.heappop(self._travelling)
            target = self.ends.get(destination)
            if target is not None:
                self.inject(target, payload, source)

    def inject(self, target: End, payload: bytes, source: Endpoint) -> None:
        """A datagram reaches an end, from wherever."""
        message = payload.removeprefix(NON_ESP_MARKER)
        self.carry_out(target, target.table.receive(message, Path(target.endpoint, source), self.now))
