"""When what happened, as bars over the run's time."""

from __future__ import annotations

from lab.report.folder.chronicle import Chronicle, Moment
from lab.report.folder.markup import Markup, tag


def timeline(chronicle: Chronicle) -> Markup:
    """A row for each moment: its name, its bar, how long it took."""
    moments = list(chronicle.in_order())
    whole = max((moment.end for moment in moments), default=0.0) or 1.0
    return tag("div", *(cell for moment in moments for cell in _row(moment, whole)), class_="time")


def _row(moment: Moment, whole: float) -> tuple[Markup, ...]:
    part = "" if moment.kind == "step" else " part"
    left, width = 100 * moment.start / whole, 100 * (moment.end - moment.start) / whole
    bar = tag("i", class_="" if moment.passed else "bad", style=f"left:{left:.2f}%;width:{width:.2f}%")
    name = tag("span", moment.title, class_=f"name{part}", title=moment.title)
    return name, tag("span", bar, class_="track"), tag("span", f"{moment.end - moment.start:.2f} s")
