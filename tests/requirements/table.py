"""Which test proves which line of "Connect AWS to Alibaba Cloud through SAG vCPE", as a page of docs/.

    python -m tests.requirements.table > docs/requirements-seed0.md

The lines are in seed0.tsv, the tests are those that are marked with `pytest.mark.requirement`.
"""

from __future__ import annotations

import ast
import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lab.cli import find_scenario

ROOT = Path(__file__).parent.parent.parent
ROWS = Path(__file__).parent / "seed0.tsv"
PAGE = ROOT / "docs/requirements-seed0.md"
SCENARIO = "vcpe-ping"

# Lines that no test bears, and why not.
WITHOUT_TEST = {
    "S0-033": "a figure, no matter for a timed test ([0030](decisions/0030-instance-size.md)): [benchmark.md](benchmark.md)",
    "S0-034": "as S0-033, with `--cores 1`",
}

HEAD = """# The document, line by line

Every line of the requirements drawn from "Connect AWS to Alibaba Cloud through SAG vCPE", with the step of `saglab run vcpe-ping`
that it belongs to and the test files that prove it. Written by `python -m tests.requirements.table` from the markers in the
tests; a test holds the page to them.

| Line | Where | Requirement | Step | Proved by |
|---|---|---|---|---|
"""

CONTRADICTIONS = """
## Where the document contradicts itself

| Line | Requirement | Choice |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A line. `where` is its place in the document, `kind` one of rule, behaviour, packet, ui, billing, client, contradiction."""

    id: str
    where: str
    requirement: str
    kind: str


def rows() -> list[Row]:
    with ROWS.open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


@cache
def proofs() -> dict[str, tuple[str, ...]]:
    """By line, the test files with a marker for it, below tests/."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "tests").rglob("test_*.py"):
        for id in marked(ast.parse(path.read_text(encoding="utf-8"))):
            found[id].add(str(path.relative_to(ROOT / "tests")))
    return {id: tuple(sorted(files)) for id, files in found.items()}


def marked(tree: ast.AST) -> Iterator[str]:
    """The lines that the markers of a module name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.requirement":
            yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant))


def step_of(row: Row, steps: list[str]) -> str:
    """The scenario's step that a place in the document lies in: that of the number, or of the beginning of it. Else empty."""
    number = re.search(r"Step (\d(?:\.\d+)*)", row.where)
    parts = number[1].split(".") if number else []
    candidates = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((candidate for candidate in candidates if candidate in steps), "")


def decisions() -> dict[str, str]:
    """By line, the decision that names it, as a link."""
    text = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| \[(\d{4})\]\((.+?)\) \| (.+?) \| (.*?) ?\|$", text, re.MULTILINE)
    return {id: f"[{title}](decisions/{file})" for _, file, title, ids in table for id in re.findall(r"S0-\d{3}", ids)}


def page() -> str:
    steps = [step.number for step in find_scenario(SCENARIO).steps]
    lines = [
        f"| {row.id} | {row.where} | {row.requirement} | {step_of(row, steps) or 'all'} | {_told(row.id)} |\n" for row in rows()
    ]
    chosen = [
        f"| {row.id} | {row.requirement} | {decisions()[row.id]} |\n" for row in rows() if row.kind == "contradiction"
    ]
    return HEAD + "".join(lines) + CONTRADICTIONS + "".join(chosen)


def _told(id: str) -> str:
    if id in WITHOUT_TEST:
        return f"no test: {WITHOUT_TEST[id]}"
    return ", ".join(f"[{file}](../tests/{file})" for file in proofs().get(id, ()))


if __name__ == "__main__":
    print(page(), end="")
