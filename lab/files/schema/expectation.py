"""What a lab file expects: who reaches whom, and who must not.

app reaches ecs                                     echo and echo reply
app reaches ecs on tcp 443 through vcpe within 200 ms
ecs cannot reach app on tcp 22
{from: [web, db], to: ecs, protocol: udp, port: 53, reaches: false, because: ECS_SG_RULES_MISMATCH}
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from lab.files.schema.base import Name, Part, Reference, address

_WORD = r"[A-Za-z0-9_.\-/]+"
_CLAIM = re.compile(rf"(?P<source>{_WORD}) +(?P<verb>reaches|cannot +reach) +(?P<destination>{_WORD})")
_CLAUSES = (  # behind it, in this order
    re.compile(r" +on +(?P<protocol>icmp|tcp|udp)(?: +(?P<port>[0-9]{1,5}))?(?= |$)"),
    re.compile(rf" +through +(?P<through>{_WORD}(?: *, *{_WORD})*)(?= |$)"),
    re.compile(r" +within +(?P<within>[0-9.]+ *(?:ms|s))(?= |$)"),
)
_DURATION = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) *(?P<unit>ms|s)")
_EXAMPLE = "'app reaches ecs on tcp 443', or 'ecs cannot reach app'"


def _duration(value: object) -> float:
    """Seconds."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None or not float(found["number"]):
        raise ValueError(f"'{value}' is not a time such as 200 ms or 1.5 s")
    return float(found["number"]) / (1000 if found["unit"] == "ms" else 1)


def _party(value: object) -> str:
    """A machine, or an address."""
    if isinstance(value, str) and re.fullmatch(r"[0-9.]+", value):
        return str(address(value))
    return _machine(value)


def _machine(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(rf"{_WORD}", value):
        return value
    raise ValueError(f"'{value}' is not the name of a machine")


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _read(line: str) -> dict[str, str]:
    """The parts of an expectation in one line. Raises ValueError with the words that are none."""
    claim = _CLAIM.match(line)
    if claim is None:
        raise ValueError(f"'{line}' is not an expectation such as {_EXAMPLE}")
    found, end = claim.groupdict(), claim.end()
    for clause in _CLAUSES:
        said = clause.match(line, end)
        if said is not None:
            found, end = found | said.groupdict(), said.end()
    if end < len(line):
        rest = line[end:].strip()
        late = any(clause.match(line, end) for clause in _CLAUSES)
        why = "comes too late: the order is" if late else "is none of"
        raise ValueError(f"'{line}' is not an expectation: '{rest}' {why} on tcp 443, through gw, ccn or within 200 ms")
    return {key: text for key, text in found.items() if text is not None}


def _code(value: object) -> str:
    """Why a packet is dropped."""
    from lab.explanation.codes import CODES  # which loads much that a schema does not need

    if value in CODES:
        return str(value)
    close = get_close_matches(str(value), CODES, n=1)
    raise ValueError(f"there is no code '{value}'{f'; did you mean {close[0]}?' if close else ': docs/reasons.md has all'}")


Code = Annotated[str, BeforeValidator(_code)]
Duration = Annotated[float, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": "^[0-9.]+ *(ms|s)$"})]
_ONE_OR_MORE = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]})
Party = Annotated[str, BeforeValidator(_party)]
Sources = Annotated[list[Reference], BeforeValidator(_listed), Field(min_length=1), _ONE_OR_MORE]
Parties = Annotated[list[Party], BeforeValidator(_listed), Field(min_length=1), _ONE_OR_MORE]


class Expectation(Part):
    """Who reaches whom. In short a line such as `app reaches ecs on tcp 443`."""

    NOUN: ClassVar[str] = "expectation"
    SHORT: ClassVar[str] = "line"

    sources: Sources = Field(alias="from")
    """a machine, or several, each of which is expected to"""
    destinations: Parties = Field(alias="to")
    """a machine or an address, or several, each of which is expected to be reached"""
    protocol: Literal["icmp", "tcp", "udp"] = "icmp"
    port: int | None = Field(None, ge=1, le=65535)
    reaches: bool = True
    """whether the packet arrives and its answer comes back; false: it must not"""
    because: Code | None = None
    """the code for which it must be dropped, of what cannot reach"""
    through: list[Name] = []
    """what the packet passes on its way there, in this order: machines, VPCs, CCNs and CENs"""
    within: Duration | None = None
    """the longest round trip; looked at where packets are really sent"""
    size: int | None = Field(None, ge=28, le=65535)
    """length of the IP packet in bytes"""
    dont_fragment: bool = False

    @classmethod
    def lengthened(cls, value: object) -> object:
        found = _read(value.strip() if isinstance(value, str) else str(value))
        given: dict[str, object] = {"from": found["source"], "to": found["destination"], "reaches": found["verb"] == "reaches"}
        given |= {key: found[key] for key in ("protocol", "within") if key in found}
        if "port" in found:
            given["port"] = int(found["port"])
        if "through" in found:
            given["through"] = re.split(r" *, *", found["through"])
        return given

    @model_validator(mode="after")
    def _fits(self) -> Expectation:
        if (self.protocol == "icmp") != (self.port is None):
            raise ValueError(f"{self.protocol} needs a port" if self.port is None else "icmp has no ports; name tcp or udp")
        if not self.reaches and (self.through or self.within is not None):
            raise ValueError("what must not be reached has neither a way (through) nor a time (within)")
        if self.reaches and self.because is not None:
            raise ValueError("because tells why something cannot be reached; say reaches: false too")
        return self
