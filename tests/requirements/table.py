"""Which test proves which line of a document, as a page of docs/.

    python -m tests.requirements.table

The lines are in seed0.tsv and seed2.tsv, the tests are those that are marked with `pytest.mark.requirement`.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from tests.requirements.document import DOCUMENTS, ROOT, Document

HEAD = """# The {called} document, line by line

Every line of the requirements drawn from "{title}", with the step of the scenario
that replays it and the test files that prove it. Written by `python -m tests.requirements.table` from the markers in the
tests; a test holds the page to them.

| Line | Where | Requirement | Scenario, step | Proved by |
|---|---|---|---|---|
"""

CONTRADICTIONS = """
## Where the document contradicts itself

| Line | Requirement | Choice |
|---|---|---|
"""


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
            inside = (part for argument in node.args for part in ast.walk(argument))
            yield from (part.value for part in inside if isinstance(part, ast.Constant) and isinstance(part.value, str))


@cache
def decisions() -> dict[str, str]:
    """By line, the decisions that name it, as links."""
    text = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| \[(\d{4})\]\((.+?)\) \| (.+?) \| (.*?) ?\|$", text, re.MULTILINE)
    links: dict[str, list[str]] = defaultdict(list)
    for _, file, title, ids in table:
        for id in re.findall(r"S\d-\d{3}", ids):
            links[id].append(f"[{title}](decisions/{file})")
    return {id: ", ".join(found) for id, found in links.items()}


def page(document: Document) -> str:
    rows = document.rows()
    lines = [
        f"| {row.id} | {row.where} | {row.requirement} | {document.step_of(row)} | {_told(document, row.id)} |\n" for row in rows
    ]
    chosen = [
        f"| {row.id} | {row.requirement} | {decisions()[row.id]} |\n" for row in rows if row.kind == "contradiction"
    ]
    return HEAD.format(called=document.called, title=document.title) + "".join(lines) + CONTRADICTIONS + "".join(chosen)


def _told(document: Document, id: str) -> str:
    if id in document.without_test:
        return f"no test: {document.without_test[id]}"
    return ", ".join(f"[{file}](../tests/{file})" for file in proofs().get(id, ()))


if __name__ == "__main__":
    for document in DOCUMENTS.values():
        document.page.write_text(page(document), encoding="utf-8")
