"""The SA payload: proposals, each of them transforms to choose from. RFC 7296 §3.3."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from dataplane.ike.errors import MalformedIke
from dataplane.ike.numbers import KEY_LENGTH_ATTRIBUTE
from dataplane.ike.reader import Reader

MORE_PROPOSALS = 2
MORE_TRANSFORMS = 3
LAST = 0
FIXED_LENGTH = 0x8000  # attribute format bit: the value stands where the length would

_PROPOSAL = struct.Struct("!BxHBBBB")
_TRANSFORM = struct.Struct("!BxHBxH")
_ATTRIBUTE = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class Transform:
    """One algorithm. `kind` is a TransformType or a number nobody here knows; `key_length` is in bits.

    `foreign` says that there is an attribute we do not know, which makes the transform one we cannot choose (§3.3.6).
    """

    kind: int
    number: int
    key_length: int | None = None
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """One protocol, with the SPI of the end that proposes it: 4 bytes for ESP, 8 or none for IKE."""

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[Transform, ...]


def pack_proposals(proposals: Sequence[Proposal]) -> bytes:
    return b"".join(_pack_proposal(proposal, proposal is proposals[-1]) for proposal in proposals)


def parse_proposals(body: bytes) -> tuple[Proposal, ...]:
    """The body of an SA payload. Raises MalformedIke."""
    reader = Reader(body, "SA payload")
    proposals = []
    more = MORE_PROPOSALS
    while more == MORE_PROPOSALS:
        more, length, number, protocol, spi_length, count = reader.fields(_PROPOSAL)
        content = reader.within(length, _PROPOSAL.size, "proposal")
        spi = content.take(spi_length)
        proposals.append(Proposal(number, protocol, spi, _parse_transforms(content, count)))
    if more != LAST:
        raise MalformedIke(f"proposal: {more} where {LAST} or {MORE_PROPOSALS} is due")
    reader.end()
    return tuple(proposals)


def _pack_proposal(proposal: Proposal, last: bool) -> bytes:
    transforms = b"".join(_pack_transform(transform, transform is proposal.transforms[-1]) for transform in proposal.transforms)
    length = _PROPOSAL.size + len(proposal.spi) + len(transforms)
    more = LAST if last else MORE_PROPOSALS
    head = _PROPOSAL.pack(more, length, proposal.number, proposal.protocol, len(proposal.spi), len(proposal.transforms))
    return head + proposal.spi + transforms


def _pack_transform(transform: Transform, last: bool) -> bytes:
    attribute = b""
    if transform.key_length is not None:
        attribute = _ATTRIBUTE.pack(FIXED_LENGTH | KEY_LENGTH_ATTRIBUTE, transform.key_length)
    more = LAST if last else MORE_TRANSFORMS
    return _TRANSFORM.pack(more, _TRANSFORM.size + len(attribute), transform.kind, transform.number) + attribute


def _parse_transforms(reader: Reader, count: int) -> tuple[Transform, ...]:
    transforms = []
    for index in range(count):
        more, length, kind, number = reader.fields(_TRANSFORM)
        if more != (LAST if index == count - 1 else MORE_TRANSFORMS):
            raise MalformedIke(f"transform {index + 1} of {count} says {more} of what follows")
        key_length, foreign = _parse_attributes(reader.within(length, _TRANSFORM.size, "transform"))
        transforms.append(Transform(kind, number, key_length, foreign))
    reader.end()
    return tuple(transforms)


def _parse_attributes(reader: Reader) -> tuple[int | None, bool]:
    """The key length in bits, if there is one, and whether there is anything else."""
    key_length, foreign = None, False
    while len(reader):
        kind, value = reader.fields(_ATTRIBUTE)
        if kind == FIXED_LENGTH | KEY_LENGTH_ATTRIBUTE:
            key_length = value
            continue
        foreign = True
        if not kind & FIXED_LENGTH:
            reader.take(value)
    return key_length, foreign
