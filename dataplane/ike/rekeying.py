"""What the messages of CREATE_CHILD_SA hold: a child, a child for a child, an IKE SA for an IKE SA. RFC 7296 §1.3."""

from __future__ import annotations

from dataclasses import dataclass

from dataplane.ike import children
from dataplane.ike.algorithms import Entropy, Group
from dataplane.ike.association import IkeSa
from dataplane.ike.children import Terms
from dataplane.ike.errors import MalformedIke
from dataplane.ike.events import Child
from dataplane.ike.handshake import NONCE_LENGTH, refuse_errors, require_group
from dataplane.ike.jobs import RekeyChild, RekeyIke
from dataplane.ike.keys import Nonces, derive_ike_keys, next_seed
from dataplane.ike.message import NO_SPI, SPI_LENGTH, Payloads
from dataplane.ike.numbers import Notice, Protocol
from dataplane.ike.offers import IkeOffer, IkeSuite, choose_ike, ike_proposal, require_one_choice
from dataplane.ike.payloads import KeyExchange, Nonce, Notify, Payload, SecurityAssociation
from dataplane.ike.policy import Retransmission
from dataplane.ike.proposals import Proposal


@dataclass(frozen=True, slots=True)
class GrantedChild:
    """`lowest` is the lowest nonce of the exchange, which decides when two exchanges replace one thing."""

    child: Child
    lowest: bytes
    payloads: list[Payload]


@dataclass(frozen=True, slots=True)
class GrantedIke:
    sa: IkeSa
    lowest: bytes
    payloads: list[Payload]


# Children


def ask_child(job: RekeyChild, terms: Terms) -> list[Payload]:
    """A request to replace a child. It names it by the SPI under which we receive (§1.3.3)."""
    which = Notify(Notice.REKEY_SA, b"", Protocol.ESP, children.pack_spi(job.old.child.spi))
    association, *selectors = children.ask(terms, job.spi, exchange=True)
    exchange = [] if job.secret is None or job.group is None else [KeyExchange(job.group.number, job.secret.public)]
    return [which, association, Nonce(job.nonce), *exchange, *selectors]


def grant_child(sa: IkeSa, terms: Terms, request: Payloads, spi: int, entropy: Entropy) -> GrantedChild:
    """Raises MalformedIke, Refusal."""
    settled = children.grant(terms, request, exchange=True)
    shared, exchange = _answer_exchange(settled.choice.suite.group, request, entropy)
    nonces = Nonces(request.one(Nonce).data, entropy(NONCE_LENGTH))
    child = settled.child(sa.require_keys(), nonces, spi, shared, initiator=False)
    association, *selectors = children.answer(settled, spi)
    return GrantedChild(child, nonces.lowest, [association, Nonce(nonces.responder), *exchange, *selectors])


def accept_child(sa: IkeSa, terms: Terms, response: Payloads, job: RekeyChild) -> tuple[Child, bytes]:
    """The new child and the lowest nonce of the exchange. Raises MalformedIke, Refusal."""
    refuse_errors(response)
    settled = children.accept(terms, response, exchange=True)
    nonces = Nonces(job.nonce, response.one(Nonce).data)
    shared = b""
    if settled.choice.suite.group is not None:
        shared = _agree(settled.choice.suite.group, response, job)
    return settled.child(sa.require_keys(), nonces, job.spi, shared, initiator=True), nonces.lowest


def _answer_exchange(group: Group | None, request: Payloads, entropy: Entropy) -> tuple[bytes, list[Payload]]:
    """The shared secret and our KE payload, neither where no exchange was settled."""
    if group is None:
        return b"", []
    exchange = request.one(KeyExchange)
    require_group(exchange, group)
    secret = group.generate(entropy)
    return secret.agree(exchange.data), [KeyExchange(group.number, secret.public)]


def _agree(group: Group, response: Payloads, job: RekeyChild | RekeyIke) -> bytes:
    exchange = response.one(KeyExchange)
    if job.secret is None or job.group is None or not exchange.group == group.number == job.group.number:
        raise MalformedIke("KE payload: it is of another group than the one settled")
    return job.secret.agree(exchange.data)


# IKE SAs


def ask_ike(job: RekeyIke, offer: IkeOffer) -> list[Payload]:
    association = SecurityAssociation((ike_proposal(offer, job.spi),))
    return [association, Nonce(job.nonce), KeyExchange(job.group.number, job.secret.public)]


def grant_ike(
    old: IkeSa, offer: IkeOffer, retransmission: Retransmission, request: Payloads, spi: bytes, entropy: Entropy
) -> GrantedIke:
    """Raises MalformedIke, Refusal."""
    choice = choose_ike(offer, request.one(SecurityAssociation).proposals, SPI_LENGTH)
    shared, exchange = _answer_exchange(choice.suite.group, request, entropy)
    nonces = Nonces(request.one(Nonce).data, entropy(NONCE_LENGTH))
    new = IkeSa(spi, _peer_spi(choice.proposal), retransmission, initiator=False)
    _key(new, old, choice.suite, shared, nonces)
    ours = Proposal(choice.proposal.number, Protocol.IKE, spi, choice.proposal.transforms)
    return GrantedIke(new, nonces.lowest, [SecurityAssociation((ours,)), Nonce(nonces.responder), *exchange])


def accept_ike(
    old: IkeSa, offer: IkeOffer, retransmission: Retransmission, response: Payloads, job: RekeyIke
) -> tuple[IkeSa, bytes]:
    """The new IKE SA and the lowest nonce of the exchange. Raises MalformedIke, Refusal."""
    refuse_errors(response)
    proposals = response.one(SecurityAssociation).proposals
    choice = choose_ike(offer, proposals, SPI_LENGTH)
    require_one_choice(proposals)
    nonces = Nonces(job.nonce, response.one(Nonce).data)
    new = IkeSa(job.spi, _peer_spi(choice.proposal), retransmission, initiator=True)
    _key(new, old, choice.suite, _agree(choice.suite.group, response, job), nonces)
    return new, nonces.lowest


def _key(new: IkeSa, old: IkeSa, suite: IkeSuite, shared: bytes, nonces: Nonces) -> None:
    seed = next_seed(old.require_keys(), shared, nonces)
    new.key(suite, derive_ike_keys(suite, seed, nonces, new.spi_i, new.spi_r))


def _peer_spi(proposal: Proposal) -> bytes:
    if proposal.spi == NO_SPI:
        raise MalformedIke("proposal: its SPI is zero")
    return proposal.spi
