"""The results as tables: for a terminal, and in Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table

from testbed.measures import QUANTITIES, Quantity
from testbed.results import Results
from testbed.tuning import Tuning

_TITLES = {Tuning.TUNED: "tuned interfaces", Tuning.UNTUNED: "interfaces as the kernel makes them"}
_NOTHING = "-"


def tables(results: Results) -> Group:
    """A table for each tuning: a line for each quantity, a column for each contender, ratios to the best Debian peer."""
    return Group(*(_table(results, tuning) for tuning in results.tunings()), *_failures(results))


def _table(results: Results, tuning: Tuning) -> Table:
    names = results.contenders(tuning)
    table = Table(title=_TITLES[tuning], title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for quantity, cells in _lines(results, tuning, names):
        table.add_row(quantity.title, *cells)
    return table


def markdown(results: Results) -> Iterator[str]:
    """The same, line by line, under a line for the machine and one for the versions."""
    yield "; ".join(results.machine.values()) + "."
    yield ""
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in results.versions.items() if version) + "."
    for tuning in results.tunings():
        names = results.contenders(tuning)
        yield from ("", f"**{_TITLES[tuning].capitalize()}**", "")
        yield "| | " + " | ".join(names) + " |"
        yield "|---|" + "---:|" * len(names)
        for quantity, cells in _lines(results, tuning, names):
            yield f"| {quantity.title} | " + " | ".join(cell.replace("\n", "<br>") for cell in cells) + " |"
    yield from (f"\n{line}" for line in _failures(results))


def _lines(results: Results, tuning: Tuning, names: list[str]) -> Iterator[tuple[Quantity, list[str]]]:
    """Each quantity of which something is known, and a cell for each contender."""
    for quantity in QUANTITIES:
        cells = [_cell(results, tuning, name, quantity) for name in names]
        if any(cell != _NOTHING for cell in cells):
            yield quantity, cells


def _cell(results: Results, tuning: Tuning, name: str, quantity: Quantity) -> str:
    """Median and spread; below, for those that are no peers, the ratio to the best peer."""
    figure = results.figure(tuning, name, quantity.key)
    if figure is None:
        return _NOTHING
    text = f"{figure.median:.{quantity.digits}f}" + (f" ±{figure.spread:.0%}" if figure.rounds > 1 else "")
    best = results.best_peer(tuning, quantity.key, more_is_better=quantity.more_is_better)
    if name in results.peers or best is None or not best.median:
        return text
    return f"{text}\n{figure.median / best.median:.2f}x"


def _failures(results: Results) -> list[str]:
    return [f"{sample.contender}, {sample.tuning}, round {sample.round}: {sample.failure}" for sample in results.failures()]
