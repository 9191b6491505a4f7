"""Impaired links on a packet's way that may be why it, or its answer, is not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.impairments import Impairments, Order
from lab.simulation import Exchange, Walk
from lab.topology import Link


@dataclass(frozen=True, slots=True)
class Suspect:
    """A link by its name, and what it does to packets, as it is said."""

    link: str
    does: str


def suspects(
    exchange: Exchange | None, orders: Mapping[Link, Order], names: Mapping[Link, str], *, patience: float
) -> list[Suspect]:
    """The impaired links that a packet, its answer, or the datagrams of its tunnels pass, and that may hold one of them back.

    `patience` is how many seconds were waited for the answer.
    """
    walks = [] if exchange is None else [walk for walk in (exchange.request, exchange.reply) if walk is not None]
    passed = dict.fromkeys(end for walk in walks for end in _ends(walk))
    met = [link for link in orders if link.a in passed or link.b in passed]
    late = sum(_longest(one) for link in met for one in orders[link].both) > patience
    return [Suspect(names[link], str(orders[link])) for link in met if late or any(map(_may_lose, orders[link].both))]


def _ends(walk: Walk) -> Iterator[tuple[str, str]]:
    """The interfaces that a walk leaves by or comes in by, those of the datagrams that carry it included."""
    for hop in walk.hops:
        for interface in (hop.interface_in, hop.interface_out):
            if interface is not None:
                yield hop.node.name, interface.name
        if hop.passage is not None:
            carriers = (*hop.passage.opening, *([hop.passage.underlay] if hop.passage.underlay is not None else []))
            for carrier in carriers:
                yield from _ends(carrier)


def _may_lose(direction: Impairments) -> bool:
    """A rate loses what its queue has no room for."""
    return direction.down or direction.loss > 0 or direction.mtu is not None or direction.rate is not None


def _longest(direction: Impairments) -> float:
    return direction.delay + direction.jitter
