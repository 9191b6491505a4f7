"""The part of the reference that is made from the code: verbs, operations of the clouds and their errors, lab files."""

from __future__ import annotations

import argparse
import ast
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lab
from lab.cli.command_line import parser_of_all
from lab.files.schema import published
from lab.supervisor.operations import operations

_PROVIDERS = {"aws": "AWS", "alibaba": "Alibaba Cloud", "terminals": "Terminals", "clock": "The clock"}
_WIDTH = "100"  # columns of a help text
_MADE = "<!-- Made from the code by docs/site/reference.py. -->\n\n"


def write_reference(directory: Path) -> None:
    """Write the pages; what has not changed is not touched, so that Sphinx does not read it again."""
    directory.mkdir(exist_ok=True)
    pages = {
        "verbs.md": verbs(),
        "operations.md": all_operations(),
        "error-codes.md": error_codes(),
        "lab-file-keys.md": lab_file_keys(json.loads(published())),
    }
    for name, text in pages.items():
        path = directory / name
        if not path.exists() or path.read_text(encoding="utf-8") != _MADE + text:
            path.write_text(_MADE + text, encoding="utf-8")


def verbs() -> str:
    """The help of each verb, and of what it is followed by."""
    os.environ["COLUMNS"] = _WIDTH
    parts = ["# Verbs\n", "`saglab VERB --help` says the same. Exit statuses: [0012](../decisions/0012-exit-status.md).\n"]
    for name, parser in _subparsers(parser_of_all()):
        parts.append(_help(f"## {name}", parser))
        if name != "call":  # a hundred and fifty operations, on a page of their own
            parts += [_help(f"### {name} {action}", each) for action, each in _subparsers(parser)]
    return "\n".join(parts)


def _help(heading: str, parser: argparse.ArgumentParser) -> str:
    return f"{heading}\n\n```text\n{parser.format_help().rstrip()}\n```\n"


def _subparsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:  # argparse tells of them nowhere else
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def all_operations() -> str:
    """What `saglab call` offers, and a scenario has as methods: parameters and docstrings."""
    lead = "`saglab call CLOUD OPERATION`, in Python `lab.aws.create_vpc(…)`. A `?` marks what may be left out.\n"
    parts = ["# Operations\n", lead]
    for provider, name in _PROVIDERS.items():
        parts.append(f"## {name}\n")
        for operation in operations(provider).values():
            given = ", ".join(f"{each.name}{'' if each.required else '?'}" for each in operation.parameters)
            text = operation.text.replace("<", "&lt;").replace("*", "\\*")
            parts.append(f"### {provider}.{operation.name}\n\n`({given})`\n\n{text}\n")
    return "\n".join(parts)


def error_codes() -> str:
    """Every code that an operation is refused with, and the modules that refuse with it."""
    found: dict[str, set[str]] = {}
    root = Path(lab.__file__).parent
    for path in sorted((root / "cloud").rglob("*.py")):
        for code in _codes_in(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(code, set()).add(f"lab/{path.relative_to(root)}")
    rows = [f"| `{code}` | {', '.join(f'`{module}`' for module in sorted(found[code]))} |" for code in sorted(found)]
    lead = "What operations are refused with, as the providers have it. Why packets are dropped: [reasons](../reasons.md).\n"
    return "\n".join(["# Error codes\n", lead, "| Code | Where it is raised |", "|---|---|", *rows, ""])


def _codes_in(module: ast.Module) -> Iterator[str]:
    """The first argument of each CloudError(…), and what a record says when it is not found."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "CloudError" and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "NOT_FOUND":
            yield from (str(value.value) for value in [node.value] if isinstance(value, ast.Constant))


def lab_file_keys(schema: Mapping[str, Any]) -> str:
    """The keys of a lab file, from its JSON Schema."""
    parts = ["# Keys of a lab file\n", "From the JSON Schema; [Lab files](../lab-files.md) tells how they go together.\n"]
    for name, definition in schema["$defs"].items():
        keys = dict(_properties(definition))
        if keys:
            parts.append(f"## {_noun(name)}\n\n| Key | What it is | Default |\n|---|---|---|")
            parts += [f"| `{key}` | {_described(value)} | {_default(value)} |" for key, value in keys.items()]
            parts.append("")
    return "\n".join(parts)


def _properties(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from definition.get("properties", {}).items()
    for kind in ("anyOf", "allOf", "oneOf"):
        for other in definition.get(kind, ()):
            yield from _properties(other)


def _noun(name: str) -> str:
    """"lab__files__schema__aws__Instance" is "AWS Instance"."""
    *path, noun = name.split("__")
    return f"{_PROVIDERS[path[-1]]}: {noun}" if path and path[-1] in _PROVIDERS else noun


def _described(value: Mapping[str, Any]) -> str:
    return str(value.get("description", "")).replace("|", "\\|").replace("\n", " ")


def _default(value: Mapping[str, Any]) -> str:
    default = value.get("default")
    return "" if default in (None, {}, []) else f"`{json.dumps(default)}`"
