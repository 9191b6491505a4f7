"""The payloads of a message, each a value that packs itself and is parsed to the last byte. RFC 7296 §3."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import ClassVar

from dataplane.ike.errors import MalformedIke
from dataplane.ike.identity import Identity, parse_identity
from dataplane.ike.numbers import FIRST_STATUS, CfgAttribute, PayloadType, Protocol
from dataplane.ike.proposals import Proposal, pack_proposals, parse_proposals
from dataplane.ike.reader import Reader
from dataplane.ike.selectors import TrafficSelector, pack_selectors, parse_selectors

NONCE_LENGTHS = range(16, 257)  # RFC 7296 §3.9
CFG_TYPE_MASK = 0x7FFF  # the highest bit is reserved
IPV4_ATTRIBUTES = (CfgAttribute.INTERNAL_IP4_ADDRESS, CfgAttribute.INTERNAL_IP4_NETMASK, CfgAttribute.INTERNAL_IP4_DNS)
IPV4_LENGTH = 4
SPI_LENGTHS: Mapping[int, int] = {Protocol.IKE: 0, Protocol.AH: 4, Protocol.ESP: 4}  # in a Delete payload: RFC 7296 §3.11

_KE = struct.Struct("!H2x")
_METHOD = struct.Struct("!B3x")
_NOTIFY = struct.Struct("!BBH")
_DELETE = struct.Struct("!BBH")
_CFG = struct.Struct("!B3x")
_CFG_ATTRIBUTE = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class SecurityAssociation:
    TYPE: ClassVar = PayloadType.SA
    proposals: tuple[Proposal, ...]

    def body(self) -> bytes:
        return pack_proposals(self.proposals)


@dataclass(frozen=True, slots=True)
class KeyExchange:
    TYPE: ClassVar = PayloadType.KE
    group: int
    data: bytes

    def body(self) -> bytes:
        return _KE.pack(self.group) + self.data


@dataclass(frozen=True, slots=True)
class Nonce:
    TYPE: ClassVar = PayloadType.NONCE
    data: bytes

    def body(self) -> bytes:
        return self.data


@dataclass(frozen=True, slots=True)
class IdInitiator:
    TYPE: ClassVar = PayloadType.ID_INITIATOR
    identity: Identity

    def body(self) -> bytes:
        return self.identity.body()


@dataclass(frozen=True, slots=True)
class IdResponder:
    TYPE: ClassVar = PayloadType.ID_RESPONDER
    identity: Identity

    def body(self) -> bytes:
        return self.identity.body()


@dataclass(frozen=True, slots=True)
class Authentication:
    TYPE: ClassVar = PayloadType.AUTH
    method: int
    data: bytes = field(repr=False)

    def body(self) -> bytes:
        return _METHOD.pack(self.method) + self.data


@dataclass(frozen=True, slots=True)
class Notify:
    """`notice` is a Notice or a number nobody here knows."""

    TYPE: ClassVar = PayloadType.NOTIFY
    notice: int
    data: bytes = b""
    protocol: int = Protocol.NONE
    spi: bytes = b""

    @property
    def is_error(self) -> bool:
        return self.notice < FIRST_STATUS

    def body(self) -> bytes:
        return _NOTIFY.pack(self.protocol, len(self.spi), self.notice) + self.spi + self.data


@dataclass(frozen=True, slots=True)
class Delete:
    """Without SPIs it deletes the IKE SA that carries it."""

    TYPE: ClassVar = PayloadType.DELETE
    protocol: int
    spis: tuple[bytes, ...] = ()

    def body(self) -> bytes:
        return _DELETE.pack(self.protocol, SPI_LENGTHS[self.protocol], len(self.spis)) + b"".join(self.spis)


@dataclass(frozen=True, slots=True)
class VendorId:
    TYPE: ClassVar = PayloadType.VENDOR_ID
    data: bytes

    def body(self) -> bytes:
        return self.data


@dataclass(frozen=True, slots=True)
class TsInitiator:
    TYPE: ClassVar = PayloadType.TS_INITIATOR
    selectors: tuple[TrafficSelector, ...]

    def body(self) -> bytes:
        return pack_selectors(self.selectors)


@dataclass(frozen=True, slots=True)
class TsResponder:
    TYPE: ClassVar = PayloadType.TS_RESPONDER
    selectors: tuple[TrafficSelector, ...]

    def body(self) -> bytes:
        return pack_selectors(self.selectors)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Attributes as pairs of type and value. An empty value asks for one. RFC 7296 §3.15."""

    TYPE: ClassVar = PayloadType.CONFIGURATION
    kind: int
    attributes: tuple[tuple[int, bytes], ...]

    def body(self) -> bytes:
        return _CFG.pack(self.kind) + b"".join(_CFG_ATTRIBUTE.pack(kind, len(value)) + value for kind, value in self.attributes)

    def addresses(self, kind: CfgAttribute) -> tuple[IPv4Address, ...]:
        return tuple(IPv4Address(value) for number, value in self.attributes if number == kind and value)


@dataclass(frozen=True, slots=True)
class Opaque:
    """A payload of RFC 7296 that has no part in what is spoken here."""

    TYPE: ClassVar = PayloadType.NONE
    kind: int
    data: bytes

    def body(self) -> bytes:
        return self.data


Payload = (
    SecurityAssociation
    | KeyExchange
    | Nonce
    | IdInitiator
    | IdResponder
    | Authentication
    | Notify
    | Delete
    | VendorId
    | TsInitiator
    | TsResponder
    | Configuration
    | Opaque
)


def parse_payload(kind: PayloadType, body: bytes) -> Payload:
    """Raises MalformedIke."""
    parser = _PARSERS.get(kind)
    return Opaque(kind, body) if parser is None else parser(body)


def _key_exchange(body: bytes) -> KeyExchange:
    reader = Reader(body, "KE payload")
    (group,) = reader.fields(_KE)
    return KeyExchange(group, reader.rest())


def _nonce(body: bytes) -> Nonce:
    if len(body) not in NONCE_LENGTHS:
        raise MalformedIke(f"Nonce payload: {len(body)} bytes, not {NONCE_LENGTHS.start} to {NONCE_LENGTHS.stop - 1}")
    return Nonce(body)


def _authentication(body: bytes) -> Authentication:
    reader = Reader(body, "AUTH payload")
    (method,) = reader.fields(_METHOD)
    return Authentication(method, reader.rest())


def _notify(body: bytes) -> Notify:
    reader = Reader(body, "Notify payload")
    protocol, spi_length, notice = reader.fields(_NOTIFY)
    spi = reader.take(spi_length)
    return Notify(notice, reader.rest(), protocol, spi)


def _delete(body: bytes) -> Delete:
    reader = Reader(body, "Delete payload")
    protocol, length, count = reader.fields(_DELETE)
    if SPI_LENGTHS.get(protocol) != length or (protocol == Protocol.IKE and count):
        raise MalformedIke(f"Delete payload: {count} SPIs of {length} bytes for protocol {protocol}")
    spis = tuple(reader.take(length) for _ in range(count))
    reader.end()
    return Delete(protocol, spis)


def _configuration(body: bytes) -> Configuration:
    reader = Reader(body, "CP payload")
    (kind,) = reader.fields(_CFG)
    attributes = []
    while len(reader):
        number, length = reader.fields(_CFG_ATTRIBUTE)
        value = reader.take(length)
        if number & CFG_TYPE_MASK in IPV4_ATTRIBUTES and length not in (0, IPV4_LENGTH):
            raise MalformedIke(f"CP payload: {length} bytes are no IPv4 address")
        attributes.append((number & CFG_TYPE_MASK, value))
    return Configuration(kind, tuple(attributes))


_PARSERS: Mapping[PayloadType, Callable[[bytes], Payload]] = {
    PayloadType.SA: lambda body: SecurityAssociation(parse_proposals(body)),
    PayloadType.KE: _key_exchange,
    PayloadType.NONCE: _nonce,
    PayloadType.ID_INITIATOR: lambda body: IdInitiator(parse_identity(body)),
    PayloadType.ID_RESPONDER: lambda body: IdResponder(parse_identity(body)),
    PayloadType.AUTH: _authentication,
    PayloadType.NOTIFY: _notify,
    PayloadType.DELETE: _delete,
    PayloadType.VENDOR_ID: VendorId,
    PayloadType.TS_INITIATOR: lambda body: TsInitiator(parse_selectors(body)),
    PayloadType.TS_RESPONDER: lambda body: TsResponder(parse_selectors(body)),
    PayloadType.CONFIGURATION: _configuration,
}
