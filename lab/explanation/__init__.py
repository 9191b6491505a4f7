"""Why a packet was dropped, in the customer's words, and what would let it pass. Stands above cloud, compiler and simulation.

    explanation = explain(cloud, Question("app", "ecs", "tcp", port=443))
    explanation.reaches, explanation.death, explanation.fixes

The packet is walked over the compiled clouds (`trial`), the walk is told in words (`telling`, `words`), and fixes are found by
making calls on copies of the clouds and walking again (`search`, `remedies`).
"""

from __future__ import annotations

from lab.explanation.call import Call, Result
from lab.explanation.explanation import Explanation, explain, explain_scenario
from lab.explanation.path import Consulted, Death, Path, Station
from lab.explanation.place import drop_of, place_of
from lab.explanation.question import Party, Question
from lab.explanation.search import Fix, apply_fixes
from lab.explanation.state import Replay, State

__all__ = [
    "Call",
    "Consulted",
    "Death",
    "Explanation",
    "Fix",
    "Party",
    "Path",
    "Question",
    "Replay",
    "Result",
    "State",
    "Station",
    "apply_fixes",
    "drop_of",
    "explain",
    "explain_scenario",
    "place_of",
]
