"""A whole message: the header, and the chain of payloads behind it, in the clear or sealed. RFC 7296 §3.1, §3.2, RFC 5282 §3.

     0       8       16   17   18   19   20    24       28
     ┌───────┬───────┬────┬────┬────┬────┬─────┬────────┬─────────────────┬────┬────────────────────────┬─────┐
     │ SPI i │ SPI r │next│ver.│exch│flag│ ID  │ length │ header of SK (4)│ IV │ payloads, pad length 0 │ ICV │
     └───────┴───────┴────┴────┴────┴────┴─────┴────────┴─────────────────┴────┴────────────────────────┴─────┘
      authenticated alone                                                        encrypted and authenticated
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dataplane.ike.errors import IkeTooLong, InvalidSyntax, MalformedIke, TruncatedIke, UnsupportedCritical
from dataplane.ike.numbers import VERSION, Flag, PayloadType
from dataplane.ike.payloads import Notify, Opaque, Payload, parse_payload
from dataplane.ike.reader import Reader
from dataplane.ike.sealing import OVERHEAD, Opener, Sealer
from dataplane.packets import Buffer

HEADER_LENGTH = 28
SPI_LENGTH = 8
NO_SPI = bytes(SPI_LENGTH)
EXCHANGE_OFFSET = 18
FLAGS_OFFSET = 19
GENERIC_LENGTH = 4
CRITICAL = 0x80
MAJOR_MASK = 0xF0

MAXIMUM_LENGTH = 8192
"""Bytes of a message that is looked at. Our choice: none that is spoken here comes near, and it bounds the cost of a forgery."""

_HEADER = struct.Struct("!8s8sBBBBII")
_GENERIC = struct.Struct("!BBH")

Kind = TypeVar("Kind", bound=Payload)


@dataclass(frozen=True, slots=True)
class Header:
    """`exchange` is an Exchange or a number nobody here knows."""

    initiator_spi: bytes
    responder_spi: bytes
    exchange: int
    flags: Flag
    message_id: int

    @property
    def is_response(self) -> bool:
        return bool(self.flags & Flag.RESPONSE)

    @property
    def receiver_spi(self) -> bytes:
        """The SPI that the receiver chose; zero in the first message of all."""
        return self.responder_spi if self.flags & Flag.INITIATOR else self.initiator_spi

    def pack(self, first: int, length: int) -> bytes:
        """`first` is the type of the first payload, `length` that of the whole message."""
        return _HEADER.pack(
            self.initiator_spi, self.responder_spi, first, VERSION, self.exchange, self.flags, self.message_id, length
        )


@dataclass(frozen=True, slots=True)
class Datagram:
    """A message whose header is read and whose payloads are not yet. `data` is the whole of it, as AUTH covers it."""

    header: Header
    first: int
    data: bytes

    @property
    def is_sealed(self) -> bool:
        return self.first == PayloadType.SEALED


class Payloads(tuple[Payload, ...]):
    """The payloads of one message in their order."""

    __slots__ = ()

    def all(self, kind: type[Kind]) -> tuple[Kind, ...]:
        return tuple(payload for payload in self if isinstance(payload, kind))

    def one(self, kind: type[Kind]) -> Kind:
        """The payload of a type that must be there once. Raises MalformedIke."""
        found = self.maybe(kind)
        if found is None:
            raise MalformedIke(f"the message lacks a payload {kind.__name__}")
        return found

    def maybe(self, kind: type[Kind]) -> Kind | None:
        """The payload of a type that may be there once. Raises MalformedIke when there are more."""
        found = self.all(kind)
        if len(found) > 1:
            raise MalformedIke(f"the message has {len(found)} payloads {kind.__name__}")
        return found[0] if found else None

    def notices(self, notice: int) -> tuple[Notify, ...]:
        return tuple(payload for payload in self.all(Notify) if payload.notice == notice)


def parse_datagram(data: Buffer) -> Datagram:
    """Read the header. Raises MalformedIke, TruncatedIke, IkeTooLong."""
    reader = Reader(data, "IKE message")
    initiator_spi, responder_spi, first, version, exchange, flags, message_id, length = reader.fields(_HEADER)
    if version & MAJOR_MASK != VERSION & MAJOR_MASK:
        raise MalformedIke(f"IKE message: major version {version >> 4}")
    if length != len(data):
        raise TruncatedIke(f"IKE message: its length says {length} bytes, there are {len(data)}")
    if length > MAXIMUM_LENGTH:
        raise IkeTooLong(f"IKE message: {length} bytes, more than {MAXIMUM_LENGTH}")
    if initiator_spi == NO_SPI:
        raise MalformedIke("IKE message: the initiator's SPI is zero")
    return Datagram(Header(initiator_spi, responder_spi, exchange, Flag(flags), message_id), first, bytes(data))


def pack_message(header: Header, payloads: Sequence[Payload]) -> bytes:
    """A message in the clear."""
    chain = _pack_chain(payloads)
    return header.pack(_first(payloads), HEADER_LENGTH + len(chain)) + chain


def parse_message(datagram: Datagram) -> Payloads:
    """The payloads of a message in the clear. Raises MalformedIke, UnsupportedCritical."""
    return _parse_chain(datagram.first, datagram.data[HEADER_LENGTH:])


def seal_message(header: Header, payloads: Sequence[Payload], sealer: Sealer) -> bytes:
    chain = _pack_chain(payloads) + b"\0"  # pad length 0: an AEAD needs no padding, RFC 5282 §3
    body = GENERIC_LENGTH + len(chain) + OVERHEAD
    head = header.pack(PayloadType.SEALED, HEADER_LENGTH + body) + _GENERIC.pack(_first(payloads), 0, body)
    return head + sealer.seal(chain, head)


def open_message(datagram: Datagram, opener: Opener) -> Payloads:
    """The payloads of a sealed message.

    Raises MalformedIke, IkeForged; and only once the message is authentic, InvalidSyntax, UnsupportedCritical.
    """
    reader = Reader(datagram.data[HEADER_LENGTH:], "SK payload")
    if not datagram.is_sealed:
        raise MalformedIke("the message is not sealed")
    inner, _, length = reader.fields(_GENERIC)
    content = reader.within(length, GENERIC_LENGTH, "SK payload").rest()
    reader.end()
    plain = opener.open(content, datagram.data[: HEADER_LENGTH + GENERIC_LENGTH])
    try:
        return _parse_chain(inner, _without_padding(plain))
    except UnsupportedCritical:
        raise
    except MalformedIke as error:
        raise InvalidSyntax(str(error)) from None


def _without_padding(plain: bytes) -> bytes:
    if not plain or plain[-1] >= len(plain):
        raise MalformedIke("SK payload: its padding is longer than it")
    return plain[: len(plain) - 1 - plain[-1]]


def _first(payloads: Sequence[Payload]) -> int:
    return _type(payloads[0]) if payloads else PayloadType.NONE


def _type(payload: Payload) -> int:
    return payload.kind if isinstance(payload, Opaque) else payload.TYPE


def _pack_chain(payloads: Sequence[Payload]) -> bytes:
    following = [_type(payload) for payload in payloads[1:]] + [PayloadType.NONE]
    return b"".join(_pack_payload(payload.body(), after) for payload, after in zip(payloads, following, strict=False))


def _pack_payload(body: bytes, following: int) -> bytes:
    return _GENERIC.pack(following, 0, GENERIC_LENGTH + len(body)) + body


def _parse_chain(first: int, data: bytes) -> Payloads:
    return Payloads(payload for payload in _walk(first, Reader(data, "payloads")))


def _walk(kind: int, reader: Reader) -> Iterator[Payload]:
    while kind != PayloadType.NONE:
        following, flags, length = reader.fields(_GENERIC)
        body = reader.within(length, GENERIC_LENGTH, f"payload of type {kind}").rest()
        if kind in _KNOWN:
            yield parse_payload(PayloadType(kind), body)
        elif flags & CRITICAL:
            raise UnsupportedCritical(kind)
        kind = following
    reader.end()


_KNOWN = frozenset(PayloadType) - {PayloadType.NONE, PayloadType.SEALED}
"""Types whose critical bit says nothing (RFC 7296 §3.2). SK stands alone, so inside a chain it is as good as unknown."""
