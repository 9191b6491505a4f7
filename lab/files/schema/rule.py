"""Rules of groups and lists, in one line or as a mapping.

tcp 443 from 10.0.0.0/16            tcp 8000-8100 to web            icmp from 0.0.0.0/0            all from 192.168.0.0/16
{protocol: tcp, ports: 443, from: 10.0.0.0/16, policy: drop, priority: 2}
allow tcp 443 from 0.0.0.0/0        deny all to 10.9.0.0/16         (network ACLs, under the rule's number)
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from lab.files.schema.base import NAME, Cidr, Part, network

PortRange = tuple[int, int]

_PORTS = r"[0-9]{1,5}(?:-[0-9]{1,5})?"
_LINE = re.compile(r"(?P<protocol>[a-z0-9]+)(?: +(?P<ports>\S+))? +(?P<way>from|to) +(?P<peer>\S+)")
_ACL_LINE = re.compile(r"(?P<action>allow|deny) +(?P<rest>.*)")
_HIGHEST_PORT = 65535
_PROTOCOL = re.compile(r"all|icmp|tcp|udp|[0-9]{1,3}")


def _protocol(value: object) -> str:
    text = str(value).lower()
    if isinstance(value, bool) or not _PROTOCOL.fullmatch(text):
        raise ValueError(f"'{value}' is not a protocol: all, icmp, tcp, udp or a number")
    return text


def _ports(value: object) -> PortRange:
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(_PORTS, text):
        raise ValueError(f"'{value}' is neither a port nor a range such as 8000-8100; more take a rule each")
    first, dash, last = text.partition("-")
    found = int(first), int(last or first)
    if not dash and found[0] > _HIGHEST_PORT:
        raise ValueError(f"'{text}' is no port: they go from 0 to {_HIGHEST_PORT}")
    if not found[0] <= found[1] <= _HIGHEST_PORT:
        raise ValueError(f"'{text}' is no range within 0 to {_HIGHEST_PORT}")
    return found


def _peer(value: object) -> IPv4Network | str:
    """A CIDR block, or the name of a group."""
    if isinstance(value, str) and re.fullmatch(NAME, value) and not _is_address(value):
        return value
    if isinstance(value, str) and _is_address(value):
        raise ValueError(f"'{value}' is an address; write {value}/32 for it alone")
    if isinstance(value, str) and "/" in value:
        return network(value)
    raise ValueError(f"'{value}' is neither a CIDR block nor the name of a group")


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


Protocol = Annotated[str, BeforeValidator(_protocol), WithJsonSchema({"type": ["string", "integer"]})]
Ports = Annotated[PortRange, BeforeValidator(_ports), WithJsonSchema({"type": ["string", "integer"]})]
Peer = Annotated[IPv4Network | str, BeforeValidator(_peer), WithJsonSchema({"type": "string"})]


class Rule(Part):
    """What all rules say. `peer` is the other party: the source of what comes in, the destination of what goes out."""

    WAY: ClassVar[str]
    SHORT: ClassVar[str] = "rule"

    protocol: Protocol = "all"
    """all, icmp, tcp, udp, or a protocol's number (AWS only)"""
    ports: Ports | None = None
    """of TCP and UDP: a port, or a range such as 8000-8100; all without it"""
    type: int | None = Field(None, ge=0, le=255)
    """of ICMP: the type; all without it (AWS only)"""
    code: int | None = Field(None, ge=0, le=255)
    """of ICMP: the code; all without it (AWS only)"""

    @classmethod
    def lengthened(cls, value: object) -> object:
        found = _LINE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"'{value}' is not a rule such as 'tcp 443 {cls.WAY} 10.0.0.0/16', or 'all {cls.WAY} web'")
        if found["way"] != cls.WAY:
            other = "ingress" if cls.WAY == "from" else "egress"
            raise ValueError(f"'{value}' says {found['way']}, and a rule of {other} says {cls.WAY}")
        ports = {"ports": found["ports"]} if found["ports"] is not None else {}
        return {"protocol": found["protocol"], cls.WAY: found["peer"], **ports}

    @model_validator(mode="after")
    def _fits(self) -> Rule:
        if self.ports is not None and self.protocol not in ("tcp", "udp"):
            raise ValueError(f"ports belong to tcp and udp, not to {self.protocol}")
        if self.protocol in ("tcp", "udp") and self.ports is None:
            object.__setattr__(self, "ports", (0, _HIGHEST_PORT))
        if (self.type is not None or self.code is not None) and self.protocol != "icmp":
            raise ValueError(f"type and code belong to icmp, not to {self.protocol}")
        if self.code is not None and self.type is None:
            raise ValueError("a code needs a type")
        return self

    @property
    def bounds(self) -> PortRange:
        """Ports, or ICMP's type and code, as AWS writes them; -1 for all."""
        if self.protocol == "icmp":
            return (-1 if self.type is None else self.type, -1 if self.code is None else self.code)
        return self.ports or (-1, -1)

    @property
    def port_range(self) -> str:
        """Ports as Alibaba Cloud writes them."""
        first, last = self.ports or (-1, -1)
        return f"{max(first, 1) if self.ports else first}/{last}"


class Ingress(Rule):
    """A rule for what comes in."""

    WAY: ClassVar[str] = "from"
    peer: Peer = Field(alias="from")
    """a CIDR block, or a group of the same VPC"""


class Egress(Rule):
    """A rule for what goes out."""

    WAY: ClassVar[str] = "to"
    peer: Peer = Field(alias="to")
    """a CIDR block, or a group of the same VPC"""


class _Ranked(Part):
    """What Alibaba Cloud's rules say besides."""

    policy: Literal["accept", "drop"] = "accept"
    priority: int = Field(1, ge=1, le=100)
    """the lowest wins, and at equal priority drop does"""


class RankedIngress(_Ranked, Ingress):
    """A rule of an Alibaba Cloud group for what comes in."""


class RankedEgress(_Ranked, Egress):
    """A rule of an Alibaba Cloud group for what goes out."""


class _AclRule(Rule):
    """A rule of a network ACL."""

    action: Literal["allow", "deny"] = "allow"

    @classmethod
    def lengthened(cls, value: object) -> object:
        found = _ACL_LINE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"'{value}' is not a rule such as 'allow tcp 443 {cls.WAY} 0.0.0.0/0', or 'deny all {cls.WAY} …'")
        long: Any = super().lengthened(found["rest"])
        return {"action": found["action"], **long}


class AclIngress(_AclRule):
    """A rule of a network ACL for what comes into the subnet."""

    WAY: ClassVar[str] = "from"
    peer: Cidr = Field(alias="from")


class AclEgress(_AclRule):
    """A rule of a network ACL for what leaves the subnet."""

    WAY: ClassVar[str] = "to"
    peer: Cidr = Field(alias="to")
