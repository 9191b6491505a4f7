"""HTML that is safe by default: what is not Markup already is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


class Markup(str):
    """Text that is HTML."""

    __slots__ = ()


def tag(name: str, *content: str, **attributes: str) -> Markup:
    """An element. An underscore at an attribute's end is for Python's own words (`class_`)."""
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{written}>{join(*content)}</{name}>")


def join(*content: str) -> Markup:
    return Markup("".join(each if isinstance(each, Markup) else escape(each) for each in content))


def table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]], class_: str = "") -> Markup:
    """A table in a box of its own, which a narrow screen scrolls."""
    head = tag("tr", *(tag("th", heading) for heading in headings)) if any(headings) else Markup()
    body = (tag("tr", *(tag("td", cell) for cell in row)) for row in rows)
    return tag("div", tag("table", head, *body, class_=class_), class_="scrolls")
