"""Child SAs: what one end asks for, what the other grants of it, and what both make of that. RFC 7296 §1.3, §2.9, §2.17.

The same three payloads, SA, TSi and TSr, settle a child in IKE_AUTH and in CREATE_CHILD_SA.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataplane.esp import FIRST_FREE_SPI
from dataplane.ike.errors import MalformedIke, Refusal
from dataplane.ike.events import Child
from dataplane.ike.keys import IkeKeys, Nonces, child_keys, derive_child_keys
from dataplane.ike.message import Payloads
from dataplane.ike.numbers import Notice
from dataplane.ike.offers import EspChoice, EspOffer, choose_esp, esp_proposals, require_one_choice
from dataplane.ike.payloads import Payload, SecurityAssociation, TsInitiator, TsResponder
from dataplane.ike.policy import Policy
from dataplane.ike.proposals import Proposal
from dataplane.ike.selectors import TrafficSelector, narrow, within
from dataplane.ike.states import Phase

SPI_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Terms:
    """What an end wants of a child: its offer, and the selectors that it asks for or permits, ours and theirs."""

    offer: EspOffer
    ours: tuple[TrafficSelector, ...]
    theirs: tuple[TrafficSelector, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What both ends agreed on. `peer_spi` is the one that the peer chose, which is our outbound one."""

    choice: EspChoice
    peer_spi: int
    local: tuple[TrafficSelector, ...]
    remote: tuple[TrafficSelector, ...]

    def child(self, keys: IkeKeys, nonces: Nonces, spi: int, shared: bytes = b"", *, initiator: bool) -> Child:
        """The child with our inbound `spi`, by the keys of the IKE SA that carried the exchange."""
        cipher = self.choice.suite.cipher
        material = derive_child_keys(keys, cipher, nonces, shared)
        return Child(cipher, child_keys(material, spi, self.peer_spi, initiator=initiator), self.local, self.remote)


class ChildSa:
    """A child in its life, which began at `made_at`.

    `rekey_at` is None once a replacement is under way. `told` says that the owner knows of the child. An end that granted a child
    cannot know whether its response came until the next request comes through the same IKE SA: that is the one `unsure_by` names.
    """

    def __init__(self, child: Child, made_at: float, rekey_at: float, expires_at: float) -> None:
        self.child = child
        self.made_at = made_at
        self.phase = Phase.OPEN
        self.rekey_at: float | None = rekey_at
        self.expires_at = expires_at
        self.told = True
        self.unsure_by: bytes | None = None

    def terms(self, offer: EspOffer) -> Terms:
        """Those of its replacement, which is to carry the same (§2.8)."""
        return Terms(offer, self.child.local, self.child.remote)


def terms_of(policy: Policy) -> Terms:
    return Terms(policy.esp, policy.ours, policy.permitted_theirs)


def ask(terms: Terms, spi: int, *, exchange: bool) -> list[Payload]:
    """SA, TSi and TSr of a request. `exchange` says whether a key exchange may take place."""
    proposals = esp_proposals(terms.offer, pack_spi(spi), exchange=exchange)
    return [SecurityAssociation(proposals), TsInitiator(terms.ours), TsResponder(terms.theirs)]


def grant(terms: Terms, request: Payloads, *, exchange: bool) -> Settled:
    """What of a request is granted. Raises MalformedIke, Refusal."""
    choice = choose_esp(terms.offer, request.one(SecurityAssociation).proposals, exchange=exchange)
    remote = narrow(request.one(TsInitiator).selectors, terms.theirs)
    local = narrow(request.one(TsResponder).selectors, terms.ours)
    if not remote or not local:
        raise Refusal(Notice.TS_UNACCEPTABLE, "nothing of what the peer selects is permitted")
    return Settled(choice, parse_spi(choice.proposal.spi), local, remote)


def answer(settled: Settled, spi: int) -> list[Payload]:
    """SA, TSi and TSr of the response that grants a request."""
    chosen = settled.choice.proposal
    proposal = Proposal(chosen.number, chosen.protocol, pack_spi(spi), chosen.transforms)
    return [SecurityAssociation((proposal,)), TsInitiator(settled.remote), TsResponder(settled.local)]


def accept(terms: Terms, response: Payloads, *, exchange: bool) -> Settled:
    """What the peer granted, which must be part of what was asked for. Raises MalformedIke, Refusal."""
    proposals = response.one(SecurityAssociation).proposals
    choice = choose_esp(terms.offer, proposals, exchange=exchange)
    require_one_choice(proposals)
    local, remote = response.one(TsInitiator).selectors, response.one(TsResponder).selectors
    if not (local and remote and within(local, terms.ours) and within(remote, terms.theirs)):
        raise Refusal(Notice.TS_UNACCEPTABLE, "the peer selects what it was not asked for")
    return Settled(choice, parse_spi(choice.proposal.spi), local, remote)


def pack_spi(spi: int) -> bytes:
    return spi.to_bytes(SPI_LENGTH, "big")


def parse_spi(data: bytes) -> int:
    """Raises MalformedIke for an SPI that nobody may use."""
    spi = int.from_bytes(data, "big")
    if spi < FIRST_FREE_SPI:
        raise MalformedIke(f"SPI {spi} is reserved")
    return spi
