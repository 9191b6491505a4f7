"""The documents that the lab rebuilds, and in which scenario each place of them is replayed."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lab.cli import find_scenario

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Row:
    """A line. `where` is its place in the document, `kind` one of rule, behaviour, packet, ui, billing, client, contradiction."""

    id: str
    where: str
    requirement: str
    kind: str


@dataclass(frozen=True)
class Document:
    """`key` begins the ids of its lines. `scenarios` are patterns of places, each with the scenario that replays those.

    `without_test` are lines that no test bears, and why not, `shown` those that are seen best elsewhere: scenario and steps.
    """

    key: str
    called: str  # for short
    title: str
    lines: int
    scenarios: tuple[tuple[str, str], ...]
    without_test: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)

    @property
    def page(self) -> Path:
        return ROOT / f"docs/requirements-{self.name}.md"

    @property
    def name(self) -> str:
        return f"seed{self.key.removeprefix('S')}"

    def rows(self) -> list[Row]:
        path = Path(__file__).parent / f"{self.name}.tsv"
        with path.open(encoding="utf-8", newline="") as file:
            return [Row(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]

    def step_of(self, row: Row) -> str:
        """The scenario of a line, and its step; for all of them, "all"."""
        if row.id in self.shown:
            return self.shown[row.id]
        scenario = next(name for pattern, name in self.scenarios if re.search(pattern, row.where))
        return f"{scenario} {step_in(row.where, steps_of(scenario)) or 'all'}"


@cache
def steps_of(scenario: str) -> tuple[str, ...]:
    return tuple(step.number for step in find_scenario(scenario).steps)


def step_in(where: str, steps: tuple[str, ...]) -> str:
    """The step that a place in a document lies in: that of its number, or the steps in it, or that of the beginning of it."""
    number = re.match(r"(\d(?:\.\d+)+)", where) or re.search(r"Step (\d(?:\.\d+)*)", where)
    parts = number[1].split(".") if number else []
    for length in range(len(parts), 0, -1):
        candidate = ".".join(parts[:length])
        inside = [step for step in steps if step.startswith(f"{candidate}.")]
        if candidate in steps:
            return candidate
        if inside and length > 1:
            return ", ".join(inside)
    return ""


VCPE = Document(
    "S0",
    "vCPE",
    "Connect AWS to Alibaba Cloud through SAG vCPE",
    69,
    (("", "vcpe-ping"),),
    {
        "S0-033": "a figure, no matter for a timed test ([0030](decisions/0030-instance-size.md)): "
        "[bench/bandwidth.py](../bench/bandwidth.py) judges it",
        "S0-034": "as S0-033, which shows one core beside two",
    },
    {
        "S0-002": "vcpe-ping all, vcpe-ens all",
        "S0-017": "vcpe-ha 1, 2, 4.4",
        "S0-018": "vcpe-ha 5, 6, 7",
        "S0-021": "vcpe-bandwidth 2, 3, 4",
        "S0-061": "vcpe-multi-site 4",
    },
)
APP = Document(
    "S2",
    "SAG app",
    "Smart Access Gateway APP",
    202,
    (
        (r"^3\.4", "app-roaming"),
        (r"DNS|PrivateZone", "app-dns"),
        (r"Data Plan|Billing Method", "app-data-plan"),
        (r"^3\.5|Set Maximum Bandwidth", "app-bandwidth"),
        (r"^4", "app-enterprise-codes"),
        (r"^(3\.[1236789]|6)", "app-accounts"),
        ("", "app-get-started"),
    ),
)
DOCUMENTS = {document.name: document for document in (VCPE, APP)}
