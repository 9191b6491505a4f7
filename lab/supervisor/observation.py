"""What was seen of a packet that was really sent, held against what was predicted."""

from __future__ import annotations

from dataclasses import dataclass

from lab.drops import Drop
from lab.explanation.explanation import Explanation
from lab.explanation.place import place_of


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


def disagreements(explanation: Explanation, observed: Observation) -> list[str]:
    """Sentences on what was predicted otherwise; none when both agree.

    The datagrams by which a tunnel opens may die while the packet does, of the predicted cause or of what is behind it: what
    the cause accounts for is no disagreement.
    """
    predicted = explanation.drop
    arrived = explanation.forward is not None and explanation.forward.delivered
    found = []
    if arrived != observed.arrived:
        found.append(f"predicted: {_arrives(arrived)}; observed: {_arrives(observed.arrived)}")
    if explanation.reaches != observed.answered:
        found.append(f"predicted: {_answered(explanation.reaches)}; observed: {_answered(observed.answered)}")
    places = {(drop.node, drop.place) for drop in observed.drops}
    if predicted is not None and (predicted.node, predicted.place) not in places:
        found.append(f"predicted: dropped for {_why(predicted)}; observed: that gate counted nothing")
    for drop in observed.drops:
        if (drop.node, drop.place) not in _accounted(explanation):
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
