"""What becomes of a packet, in terms that both backends can be asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lab.drops import Drop
from lab.emulation.probe import Sighting
from lab.explanation.place import drop_of
from lab.reasons import Reason
from lab.simulation import Drop as WalkDrop
from lab.simulation import Exchange, IcmpError, Walk

# What the kernel of a node counts by itself, and no gate does.
KERNEL = (WalkDrop.TTL_EXCEEDED, WalkDrop.FRAGMENTATION_NEEDED, WalkDrop.NOT_FORWARDING)

SMALLEST_FRAGMENTABLE = 1438  # bytes, the MTU of a tunnel: what is larger may be in fragments

Place = tuple[str, str, str, str]  # node, code, filter ("kernel" for none), interface or table


@dataclass(frozen=True, slots=True)
class Outcome:
    """`delivered_to` and `answered_at` are names of nodes, empty for none."""

    delivered_to: str
    answered_at: str
    refused: bool = False  # the sender's own kernel did not take it

    def __str__(self) -> str:
        if self.refused:
            return "refused by the sender's kernel"
        arrived = f"delivered to {self.delivered_to}" if self.delivered_to else "not delivered"
        return f"{arrived}, answered at {self.answered_at}" if self.answered_at else arrived


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the simulation says of one packet and its answer."""

    exchange: Exchange

    @property
    def walks(self) -> tuple[Walk, ...]:
        request, reply = self.exchange.request, self.exchange.reply
        return (request,) if reply is None else (request, reply)

    @property
    def outcome(self) -> Outcome:
        ends = [walk.delivered_to.name if walk.delivered_to is not None else "" for walk in self.walks]
        return Outcome(ends[0], ends[1] if len(ends) > 1 else "", refused=_is_refused(self.walks[0]))

    @property
    def reason(self) -> Reason | WalkDrop | None:
        """The code of the drop that ended the exchange; None when nothing dropped."""
        return self.walks[-1].reason

    @property
    def errors(self) -> tuple[IcmpError, ...]:
        """The ICMP errors that are due."""
        return tuple(walk.error for walk in self.walks if walk.error is not None)

    @property
    def places(self) -> Counter[Place]:
        """Where packets are counted as dropped."""
        return Counter(place for walk in self.walks if (place := place_of_walk(walk)) is not None)


@dataclass
class Tally:
    """How many packets were delivered, how many of them answered, and how many exchanges a code ended."""

    delivered: int = 0
    answered: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def count(self, forecast: Forecast) -> None:
        self.delivered += forecast.exchange.request.delivered
        self.answered += forecast.exchange.answered
        if forecast.reason is not None:
            self.dropped[str(forecast.reason)] += 1

    def add(self, other: Tally) -> None:
        self.delivered += other.delivered
        self.answered += other.answered
        self.dropped.update(other.dropped)


def outcome_of(sighting: Sighting) -> Outcome:
    """What was seen of a packet. One that came twice is at "a+b"."""
    return Outcome("+".join(sighting.delivered_to), "+".join(sighting.answered_at), refused=bool(sighting.refused))


def place_of_walk(walk: Walk) -> Place | None:
    """Where a walk's drop is counted; None when it was delivered, or vanishes uncounted."""
    drop = drop_of(walk)
    if drop is not None:
        return place_of_drop(drop)
    if walk.reason in KERNEL and walk.at is not None and not _is_refused(walk):
        return walk.at.node.name, str(walk.reason), "kernel", ""
    return None


def place_of_drop(drop: Drop) -> Place:
    return drop.node, str(drop.place.reason), str(drop.place.filter), drop.place.where


def is_of_fragments(forecast: Forecast) -> bool:
    """Whether a packet may be counted as several."""
    return pieces(forecast) > 1


def pieces(forecast: Forecast) -> int:
    """How many fragments a packet may be in at most."""
    return -(-forecast.exchange.request.probe.size // SMALLEST_FRAGMENTABLE)


def _is_refused(walk: Walk) -> bool:
    """Too big for the sender's own interface: its system call fails, nothing is sent."""
    return walk.reason is WalkDrop.FRAGMENTATION_NEEDED and walk.at is not None and walk.at.interface_in is None
