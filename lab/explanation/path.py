"""A packet's way as it is told: where it came by, what was consulted there, where and why it died. All of it is plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Consulted:
    """Something that a packet was held against.

    `kind` is a word for a person ("route table", "source check"), `says` what it said. `resource` owns it, `operation` is the
    call that made it so, `step` the scenario's step that made the call, `place` where a lab file asks for it. `machine` is whose
    interface it stands at.
    """

    kind: str
    permits: bool
    says: str
    resource: str
    operation: str = ""
    step: str = ""
    machine: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Station:
    """A node on the way. `kind` is that of lab.topology.NodeKind.

    `underlay` is the way of the encrypted datagram where the packet leaves into a tunnel; when the tunnel never opened, that of
    the datagram that was to open it.
    """

    node: str
    label: str
    kind: str
    resource: str
    interface_in: str
    interface_out: str
    consulted: tuple[Consulted, ...] = ()
    underlay: Path | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Death:
    """Where a packet died. `code` is in docs/reasons.md; `text` is what it says, `rule` what was said here and now.

    `cause` is set when the code only tells of a consequence: the tunnel's other end was not heard, because its datagrams died.
    """

    code: str
    text: str
    node: str
    label: str
    filter: str
    machine: str
    rule: str
    resource: str
    operation: str
    step: str
    cause: Death | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """The way of one packet. `death` is None when it arrived."""

    packet: str
    stations: tuple[Station, ...]
    death: Death | None = None

    @property
    def delivered(self) -> bool:
        return self.death is None
