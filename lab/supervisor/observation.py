"""What was seen of a packet that was really sent, held against what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataplane.errors import DropReason
from lab.drops import Drop, Filter
from lab.explanation.explanation import Explanation
from lab.explanation.place import place_of
from lab.supervisor.suspects import Suspect


@dataclass(frozen=True, slots=True)
class Observation:
    """`arrived` and `answered` as seen at the two machines; `drops` are what gates and dataplanes counted meanwhile.

    `errors` are the ICMP errors that came back, as (type, code). They are shown and not compared: one may die on its own way.
    """

    arrived: bool
    answered: bool
    drops: tuple[Drop, ...]
    errors: tuple[tuple[int, int], ...] = ()
    refused: str = ""  # why the sender's own kernel did not take the packet


def disagreements(explanation: Explanation, observed: Observation, suspects: Sequence[Suspect] = ()) -> list[str]:
    """Sentences on what was predicted otherwise; none when both agree.

    The datagrams by which a tunnel opens may die while the packet does, of the predicted cause or of what is behind it: what
    the cause accounts for is no disagreement. Nor is what `suspects`, the impaired links on the way, account for: a packet that
    is lost, and a tunnel that sends nothing to an end that it does not hear.
    """
    predicted = explanation.drop
    arrived = explanation.forward is not None and explanation.forward.delivered
    found = []
    if arrived != observed.arrived and not (arrived and suspects):
        found.append(f"predicted: {_arrives(arrived)}; observed: {_arrives(observed.arrived)}")
    if explanation.reaches != observed.answered and not (explanation.reaches and suspects):
        found.append(f"predicted: {_answered(explanation.reaches)}; observed: {_answered(observed.answered)}")
    places = {(drop.node, drop.place) for drop in observed.drops}
    if predicted is not None and (predicted.node, predicted.place) not in places and not (suspects and not observed.arrived):
        found.append(f"predicted: dropped for {_why(predicted)}; observed: that gate counted nothing")
    for drop in observed.drops:
        is_of_a_tunnel = drop.place.filter is Filter.TUNNEL and drop.place.reason == DropReason.PEER_NOT_HEARD
        if (drop.node, drop.place) not in _accounted(explanation) and not (suspects and is_of_a_tunnel):
            found.append(f"predicted: no drop there; observed: {drop.packets} dropped for {_why(drop)}")
    return found


def _accounted(explanation: Explanation) -> set[tuple[str, object]]:
    """The places that the prediction speaks of: that of the drop, and that of its cause."""
    places: set[tuple[str, object]] = set()
    if explanation.drop is not None:
        places.add((explanation.drop.node, explanation.drop.place))
    cause = explanation.fate.cause
    if cause is not None and cause.at is not None:
        places.add((cause.at.node.name, place_of(cause)))
    return places


def _arrives(arrived: bool) -> str:
    return "the packet arrives" if arrived else "the packet does not arrive"


def _answered(answered: bool) -> str:
    return "the answer comes back" if answered else "no answer comes back"


def _why(drop: Drop) -> str:
    return f"{drop.place.reason} ({drop.place.filter}, {drop.place.origin.resource})"
