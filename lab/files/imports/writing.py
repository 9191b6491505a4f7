"""A lab file as YAML that a person likes to read: what fits into a line stands in one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lab.files.imports.document import Imported

_WIDTH = 110
# Plain in YAML, and no other value than itself: no number, no truth value, no null.
_PLAIN = re.compile(r"[A-Za-z0-9_./-][A-Za-z0-9_./ -]*(?<! )")
_OTHER = re.compile(r"[-+]?[0-9]*\.?[0-9]*|true|false|null|~|-.*|", re.IGNORECASE)


def written(imported: Imported, source: str) -> str:
    """The file, with what is not in it as comments at its beginning."""
    lines = [f"# Imported from {source}."]
    if imported.left_out:
        lines += ["#", "# Not modelled, and so not in this file:", *(f"#   {text}" for text in imported.left_out)]
    return "\n".join([*lines, "", *_mapping(imported.content, 0), ""])


def _mapping(value: dict[Any, Any], indent: int) -> Iterator[str]:
    for key, item in value.items():
        yield from _pair(f"{' ' * indent}{_scalar(key)}:", item, indent)


def _pair(head: str, item: object, indent: int) -> Iterator[str]:
    if _is_simple(item) and len(head) + 1 + len(_flow(item)) <= _WIDTH:
        yield f"{head} {_flow(item)}"
    elif isinstance(item, dict):
        yield head
        yield from _mapping(item, indent + 2)
    elif isinstance(item, list):
        yield head
        yield from (f"{' ' * (indent + 2)}- {_flow(element)}" for element in item)
    else:
        yield f"{head} {_flow(item)}"


def _is_simple(item: object) -> bool:
    """Scalars, lists of such, and mappings without mappings in them."""
    if isinstance(item, dict):
        return not any(isinstance(one, dict) for one in item.values())
    return True


def _flow(item: object) -> str:
    if isinstance(item, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(one)}" for key, one in item.items()) + "}"
    if isinstance(item, list):
        return "[" + ", ".join(map(_flow, item)) + "]"
    return _scalar(item)


def _scalar(item: object) -> str:
    if not isinstance(item, str):
        return json.dumps(item)
    return item if _PLAIN.fullmatch(item) and not _OTHER.fullmatch(item) else json.dumps(item, ensure_ascii=False)
