"""A picture before it has a format: boxes in boxes, figures in boxes, lines between figures. All of it is plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Look(StrEnum):
    """How a figure or a line stands out."""

    PLAIN = "plain"
    PASSED = "passed"  # a packet that is shown came by
    BROKEN = "broken"  # a packet died here, or a tunnel is not open
    FAINT = "faint"  # beside the way of the packet that is shown


class LineKind(StrEnum):
    CABLE = "cable"
    TUNNEL = "tunnel"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a thing: what stops packets there ("destination check of vcpe"), and the code, as in docs/reasons.md."""

    what: str
    code: str

    def __str__(self) -> str:
        return f"{self.what}: {self.code}"


@dataclass(frozen=True, slots=True)
class Box:
    """A cloud, a region or a VPC. `inside` is the id of the box around it, "" for none. `tone` is "aws", "alibaba" or "vpc"."""

    id: str
    title: str
    note: str
    tone: str
    inside: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """Something with a name in a box. `kind` is that of lab.topology.NodeKind. `lines` stand below the name."""

    id: str
    title: str
    lines: tuple[str, ...]
    kind: str
    inside: str = ""
    look: Look = Look.PLAIN
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """Between two figures, the one that stands further left first. `note` says what it is, where that is not plain to see."""

    a: str
    b: str
    kind: LineKind = LineKind.CABLE
    note: str = ""
    look: Look = Look.PLAIN
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """`faults` are sentences, one for each thing that is broken. Ids are generated, so they are safe in every format."""

    title: str
    boxes: tuple[Box, ...]
    figures: tuple[Figure, ...]
    lines: tuple[Line, ...]
    faults: tuple[str, ...] = ()
