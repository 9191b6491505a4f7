"""Who an end says it is. RFC 7296 §3.5."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from dataplane.ike.errors import MalformedIke
from dataplane.ike.numbers import IdKind
from dataplane.ike.reader import Reader

IPV4_LENGTH = 4
_KIND = struct.Struct("!B3x")


@dataclass(frozen=True, slots=True)
class Identity:
    """`kind` is an IdKind or a number nobody here knows."""

    kind: int
    data: bytes

    def __str__(self) -> str:
        if self.kind == IdKind.IPV4_ADDR:
            return str(IPv4Address(self.data))
        return self.data.decode("ascii", "backslashreplace")

    def body(self) -> bytes:
        """The payload without its header, which is also what AUTH covers (§2.15)."""
        return _KIND.pack(self.kind) + self.data


def key_id(name: str) -> Identity:
    """A name that is neither a host's nor an address, such as a serial number."""
    return Identity(IdKind.KEY_ID, name.encode())


def fqdn(name: str) -> Identity:
    return Identity(IdKind.FQDN, name.encode("ascii"))


def address(value: IPv4Address) -> Identity:
    return Identity(IdKind.IPV4_ADDR, value.packed)


def parse_identity(body: bytes) -> Identity:
    """The body of an ID payload. Raises MalformedIke."""
    reader = Reader(body, "ID payload")
    (kind,) = reader.fields(_KIND)
    identity = Identity(kind, reader.rest())
    if not identity.data:
        raise MalformedIke("ID payload: it names nobody")
    if kind == IdKind.IPV4_ADDR and len(identity.data) != IPV4_LENGTH:
        raise MalformedIke(f"ID payload: {len(identity.data)} bytes are no IPv4 address")
    return identity
