"""What an end offers, and what two ends settle on. RFC 7296 §2.7, §3.3.

An offer is a list for each kind of transform, in the order of preference. One proposal carries all of it, for every cipher is an
AEAD and so goes with every other choice; only a child with and one without a key exchange of its own are two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dataplane.ike.algorithms import ENCRYPTIONS, GROUPS, P256, PRFS, SHA256, SHA384, X25519, Group, Prf
from dataplane.ike.errors import MalformedIke, Refusal
from dataplane.ike.numbers import Notice, Protocol, TransformType
from dataplane.ike.proposals import Proposal, Transform
from dataplane.suites import SUITES, Suite

NO_INTEGRITY = 0  # an AEAD needs none: RFC 7296 §3.3.3
NO_ESN = 0
NO_GROUP = 0
ESP_SPI_LENGTH = 4

_IKE_KINDS = frozenset({TransformType.ENCRYPTION, TransformType.PRF, TransformType.GROUP})

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class IkeOffer:
    """Our choices come first: AES-GCM is fastest where there is AES-NI, X25519 needs no check of points."""

    ciphers: tuple[Suite, ...] = (SUITES["aes-256-gcm"], SUITES["aes-128-gcm"], SUITES["chacha20-poly1305"])
    prfs: tuple[Prf, ...] = (SHA256, SHA384)
    groups: tuple[Group, ...] = (X25519, P256)


@dataclass(frozen=True, slots=True)
class EspOffer:
    """`groups` is for rekeying with a key exchange of its own; without any, new keys come from those of the IKE SA alone."""

    ciphers: tuple[Suite, ...] = (SUITES["aes-256-gcm"], SUITES["aes-128-gcm"], SUITES["chacha20-poly1305"])
    groups: tuple[Group, ...] = (X25519, P256)


@dataclass(frozen=True, slots=True)
class IkeSuite:
    cipher: Suite
    prf: Prf
    group: Group


@dataclass(frozen=True, slots=True)
class EspSuite:
    cipher: Suite
    group: Group | None


@dataclass(frozen=True, slots=True)
class IkeChoice:
    """`proposal` is the answer to send; its SPI is that of the end that proposed."""

    suite: IkeSuite
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class EspChoice:
    suite: EspSuite
    proposal: Proposal


def ike_proposal(offer: IkeOffer, spi: bytes = b"") -> Proposal:
    """`spi` is empty in IKE_SA_INIT, where the header carries it."""
    ciphers = map(_cipher, offer.ciphers)
    prfs = (Transform(TransformType.PRF, prf.number) for prf in offer.prfs)
    return Proposal(1, Protocol.IKE, spi, (*ciphers, *prfs, *_groups(offer.groups)))


def esp_proposals(offer: EspOffer, spi: bytes, *, exchange: bool) -> tuple[Proposal, ...]:
    """With `exchange`, first one that has the groups too, then one for a peer that wants no exchange of its own.

    IKE_AUTH never has an exchange (RFC 7296 §1.2).
    """
    plain = _esp_proposal(offer.ciphers, (), spi, 1)
    if not exchange or not offer.groups:
        return (plain,)
    return _esp_proposal(offer.ciphers, offer.groups, spi, 1), _numbered(plain, 2)


def choose_ike(offer: IkeOffer, proposals: Sequence[Proposal], spi_length: int = 0) -> IkeChoice:
    """The first proposal that can be met. Raises Refusal."""
    for proposal in proposals:
        if proposal.protocol == Protocol.IKE and len(proposal.spi) == spi_length:
            suite = _ike_suite(offer, proposal.transforms)
            if suite is not None:
                chosen = ike_proposal(IkeOffer((suite.cipher,), (suite.prf,), (suite.group,)), proposal.spi)
                return IkeChoice(suite, _numbered(chosen, proposal.number))
    raise Refusal(Notice.NO_PROPOSAL_CHOSEN, "no proposal for IKE has only kinds of transform that are spoken here")


def choose_esp(offer: EspOffer, proposals: Sequence[Proposal], *, exchange: bool) -> EspChoice:
    """The first proposal that can be met. `exchange` says whether a key exchange may take place. Raises Refusal."""
    for proposal in proposals:
        if proposal.protocol == Protocol.ESP and len(proposal.spi) == ESP_SPI_LENGTH:
            suite = _esp_suite(offer, proposal.transforms, exchange)
            if suite is not None:
                groups = () if suite.group is None else (suite.group,)
                return EspChoice(suite, _esp_proposal((suite.cipher,), groups, proposal.spi, proposal.number))
    raise Refusal(Notice.NO_PROPOSAL_CHOSEN, "no proposal for ESP has only kinds of transform that are spoken here")


def require_one_choice(proposals: Sequence[Proposal]) -> None:
    """A response holds one proposal, with one transform of each kind. Raises MalformedIke."""
    if len(proposals) != 1:
        raise MalformedIke(f"the peer answers with {len(proposals)} proposals")
    kinds = [transform.kind for transform in proposals[0].transforms]
    if len(set(kinds)) != len(kinds):
        raise MalformedIke("the peer leaves a choice in its answer")


def _esp_proposal(ciphers: Iterable[Suite], groups: Iterable[Group], spi: bytes, number: int) -> Proposal:
    esn = Transform(TransformType.ESN, NO_ESN)
    return Proposal(number, Protocol.ESP, spi, (*map(_cipher, ciphers), *_groups(groups), esn))


def _ike_suite(offer: IkeOffer, transforms: Iterable[Transform]) -> IkeSuite | None:
    by_kind = _by_kind(transforms)
    if by_kind.keys() - {TransformType.INTEGRITY} != _IKE_KINDS or not _may_do_without(by_kind, TransformType.INTEGRITY):
        return None
    cipher = _prefer(offer.ciphers, by_kind[TransformType.ENCRYPTION], _known_cipher)
    prf = _prefer(offer.prfs, by_kind[TransformType.PRF], lambda transform: PRFS.get(transform.number))
    group = _prefer(offer.groups, by_kind[TransformType.GROUP], _known_group)
    return None if cipher is None or prf is None or group is None else IkeSuite(cipher, prf, group)


def _esp_suite(offer: EspOffer, transforms: Iterable[Transform], exchange: bool) -> EspSuite | None:
    by_kind = _by_kind(transforms)
    optional = {TransformType.INTEGRITY, TransformType.GROUP}
    if by_kind.keys() - optional != {TransformType.ENCRYPTION, TransformType.ESN}:
        return None
    if not _may_do_without(by_kind, TransformType.INTEGRITY) or not _may_do_without(by_kind, TransformType.ESN):
        return None
    cipher = _prefer(offer.ciphers, by_kind[TransformType.ENCRYPTION], _known_cipher)
    if cipher is None:
        return None
    group = _prefer(offer.groups, by_kind.get(TransformType.GROUP, ()), _known_group) if exchange else None
    if group is None and exchange and not _may_do_without(by_kind, TransformType.GROUP):
        return None
    return EspSuite(cipher, group)


def _by_kind(transforms: Iterable[Transform]) -> dict[int, list[Transform]]:
    """What can be chosen of each kind. A kind of which nothing can be chosen is there all the same."""
    by_kind: dict[int, list[Transform]] = {}
    for transform in transforms:
        choices = by_kind.setdefault(transform.kind, [])
        if not transform.foreign:
            choices.append(transform)
    return by_kind


def _may_do_without(by_kind: dict[int, list[Transform]], kind: TransformType) -> bool:
    """Whether the kind is absent, or 0 is among its choices, which for all of these kinds means none."""
    return kind not in by_kind or any(transform.number == 0 for transform in by_kind[kind])


def _prefer(
    ours: Sequence[Choice], theirs: Iterable[Transform], known: Callable[[Transform], Choice | None]
) -> Choice | None:
    """The first of ours that is among theirs."""
    offered = [known(transform) for transform in theirs]
    return next((choice for choice in ours if choice in offered), None)


def _known_cipher(transform: Transform) -> Suite | None:
    return ENCRYPTIONS.get((transform.number, transform.key_length))


def _known_group(transform: Transform) -> Group | None:
    return GROUPS.get(transform.number)


def _cipher(suite: Suite) -> Transform:
    number, key_length = next(key for key, value in ENCRYPTIONS.items() if value is suite)
    return Transform(TransformType.ENCRYPTION, number, key_length)


def _groups(groups: Iterable[Group]) -> tuple[Transform, ...]:
    return tuple(Transform(TransformType.GROUP, group.number) for group in groups)


def _numbered(proposal: Proposal, number: int) -> Proposal:
    return Proposal(number, proposal.protocol, proposal.spi, proposal.transforms)
