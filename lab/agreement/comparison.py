"""Where the simulation's word and the emulation's differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.agreement.outcome import Forecast, Place, is_of_fragments, outcome_of, pieces
from lab.emulation.probe import ErrorSeen, Sighting


@dataclass(frozen=True, slots=True)
class Disagreement:
    """`about` what the two differ, and what each says."""

    about: str
    simulated: str
    emulated: str

    def __str__(self) -> str:
        return f"{self.about}\n    simulation: {self.simulated}\n    emulation:  {self.emulated}"


def is_complete(forecast: Forecast, sighting: Sighting) -> bool:
    """Whether all that the simulation expects of a packet has been seen."""
    expected = forecast.outcome
    return (
        len(sighting.delivered_to) >= bool(expected.delivered_to)
        and len(sighting.answered_at) >= bool(expected.answered_at)
        and bool(sighting.refused) == expected.refused
    )


def compare(forecast: Forecast, sighting: Sighting) -> Iterator[Disagreement]:
    """Whether a packet and its answer came where they were to come, and whether an ICMP error that came is the right one.

    The error may be lost on its way; another than the one that is due may not come.
    """
    expected, seen = forecast.outcome, outcome_of(sighting)
    about = f"{forecast.exchange.request.hops[0].node.label}: {forecast.exchange.request.probe}"
    if expected != seen:
        why = f" ({forecast.reason})" if forecast.reason else ""
        yield Disagreement(about, f"{expected}{why}", f"{seen}{f': {sighting.refused}' if sighting.refused else ''}")
    due = {ErrorSeen(error.type, error.code, error.mtu) for error in forecast.errors}
    for error in sighting.errors:
        if error not in due:
            yield Disagreement(about, f"ICMP errors {sorted(map(str, due))}", str(error))


def compare_places(
    expected: Counter[Place], found: Counter[Place], noise: frozenset[Place], forecasts: Sequence[Forecast]
) -> Iterator[Disagreement]:
    """Whether the same places dropped the same number of packets.

    `noise` are places that tunnels' own datagrams run into. Packets in fragments are counted one by one where nothing puts them
    together. An ICMP error may be dropped like any packet; the simulation tells of it, but does not walk it.
    """
    fragments = {place for forecast in forecasts for place in forecast.places if is_of_fragments(forecast)}
    surplus = {place: found[place] - expected[place] for place in found if place not in noise | fragments}
    errors = sum(len(forecast.errors) * pieces(forecast) for forecast in forecasts)
    excused = sum(more for more in surplus.values() if more > 0) <= errors
    for place in sorted(expected.keys() | found.keys()):
        if found[place] < expected[place] or (surplus.get(place, 0) > 0 and not excused):
            yield Disagreement(f"dropped: {' '.join(place)}", f"{expected[place]} packets", f"{found[place]} packets")
