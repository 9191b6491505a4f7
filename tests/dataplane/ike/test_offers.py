"""What is chosen from a proposal, and what is not accepted as an answer to one."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from dataplane.ike import children
from dataplane.ike.algorithms import P256, SHA256, SHA384, X25519
from dataplane.ike.children import Terms
from dataplane.ike.errors import MalformedIke, Refusal
from dataplane.ike.message import Payloads
from dataplane.ike.numbers import Protocol
from dataplane.ike.offers import EspOffer, IkeOffer, choose_esp, choose_ike, esp_proposals, ike_proposal, require_one_choice
from dataplane.ike.payloads import SecurityAssociation, TsInitiator, TsResponder
from dataplane.ike.proposals import Proposal, Transform
from dataplane.ike.selectors import EVERYTHING, TrafficSelector, narrow, of_prefix
from dataplane.suites import SUITES

SPI = b"\0\0\x10\x01"
AES_256, AES_128, CHACHA = Transform(1, 20, 256), Transform(1, 20, 128), Transform(1, 28)
SHA, SHA_LONG, CURVE, POINTS = Transform(2, 5), Transform(2, 6), Transform(4, 31), Transform(4, 19)
ESN, NO_ESN = Transform(5, 1), Transform(5, 0)
INTEGRITY, NO_INTEGRITY = Transform(3, 12), Transform(3, 0)
FOREIGN = Transform(1, 20, 256, foreign=True)

# The transforms that a peer proposes for IKE, and what is chosen: cipher, PRF, group. None is NO_PROPOSAL_CHOSEN.
IKE_CASES = [
    pytest.param((AES_256, SHA, CURVE), ("aes-256-gcm", SHA256, X25519), id="one-of-each"),
    pytest.param((CHACHA, AES_128, SHA_LONG, SHA, POINTS, CURVE), ("aes-128-gcm", SHA256, X25519), id="our-preference"),
    pytest.param((CHACHA, SHA_LONG, POINTS), ("chacha20-poly1305", SHA384, P256), id="what-there-is"),
    pytest.param((AES_256, NO_INTEGRITY, SHA, CURVE), ("aes-256-gcm", SHA256, X25519), id="integrity-none"),
    pytest.param((AES_256, INTEGRITY, SHA, CURVE), None, id="integrity"),
    pytest.param((AES_256, SHA), None, id="no-group"),
    pytest.param((SHA, CURVE), None, id="no-cipher"),
    pytest.param((FOREIGN, SHA, CURVE), None, id="unknown-attribute"),
    pytest.param((AES_256, SHA, CURVE, Transform(6, 36)), None, id="unknown-kind"),
    pytest.param((Transform(1, 12, 256), SHA, CURVE), None, id="aes-cbc"),
    pytest.param((Transform(1, 20, 192), SHA, CURVE), None, id="aes-192"),
    pytest.param((Transform(1, 28, 256), SHA, CURVE), None, id="chacha20-with-a-key-length"),
]


@pytest.mark.parametrize(("transforms", "chosen"), IKE_CASES)
def test_choice_for_ike(transforms: tuple[Transform, ...], chosen: tuple[object, ...] | None) -> None:
    proposals = [Proposal(1, Protocol.ESP, b"", transforms), Proposal(7, Protocol.IKE, b"", transforms)]
    if chosen is None:
        with pytest.raises(Refusal, match="NO_PROPOSAL_CHOSEN"):
            choose_ike(IkeOffer(), proposals)
        return
    choice = choose_ike(IkeOffer(), proposals)
    assert (choice.suite.cipher.name, choice.suite.prf, choice.suite.group) == chosen
    assert (choice.proposal.number, len(choice.proposal.transforms)) == (7, 3)
    assert set(choice.proposal.transforms) <= set(transforms)


# The same for ESP: the cipher and the group, None for no exchange.
ESP_CASES = [
    pytest.param((AES_256, NO_ESN), True, ("aes-256-gcm", None), id="without-exchange"),
    pytest.param((AES_256, CURVE, NO_ESN), True, ("aes-256-gcm", X25519), id="with-exchange"),
    pytest.param((AES_256, POINTS, Transform(4, 0), NO_ESN), True, ("aes-256-gcm", P256), id="exchange-or-none"),
    pytest.param((AES_256, Transform(4, 14), Transform(4, 0), NO_ESN), True, ("aes-256-gcm", None), id="foreign-group-or-none"),
    pytest.param((AES_256, Transform(4, 14), NO_ESN), True, None, id="foreign-group"),
    pytest.param((AES_256, CURVE, NO_ESN), False, ("aes-256-gcm", None), id="group-in-ike-auth"),
    pytest.param((AES_256, ESN, NO_ESN), True, ("aes-256-gcm", None), id="esn-or-not"),
    pytest.param((AES_256, ESN), True, None, id="esn"),
    pytest.param((AES_256,), True, None, id="esn-unsaid"),
    pytest.param((AES_256, INTEGRITY, NO_ESN), True, None, id="integrity"),
    pytest.param((FOREIGN, CHACHA, NO_ESN), True, ("chacha20-poly1305", None), id="unknown-attribute"),
]


@pytest.mark.parametrize(("transforms", "exchange", "chosen"), ESP_CASES)
def test_choice_for_esp(transforms: tuple[Transform, ...], exchange: bool, chosen: tuple[object, ...] | None) -> None:
    proposals = [Proposal(1, Protocol.ESP, b"12345678", transforms), Proposal(2, Protocol.ESP, SPI, transforms)]
    if chosen is None:
        with pytest.raises(Refusal, match="NO_PROPOSAL_CHOSEN"):
            choose_esp(EspOffer(), proposals, exchange=exchange)
        return
    choice = choose_esp(EspOffer(), proposals, exchange=exchange)
    assert (choice.suite.cipher.name, choice.suite.group) == chosen
    assert (choice.proposal.number, choice.proposal.spi) == (2, SPI)


def test_our_own_offers_can_be_met() -> None:
    assert choose_ike(IkeOffer(), [ike_proposal(IkeOffer())]).suite.cipher is SUITES["aes-256-gcm"]
    with_exchange, without = esp_proposals(EspOffer(), SPI, exchange=True)
    assert choose_esp(EspOffer(), [with_exchange], exchange=True).suite.group == X25519
    assert choose_esp(EspOffer(), [without], exchange=True).suite.group is None


AMBIGUOUS = [
    pytest.param([Proposal(1, 1, b"", (AES_256, SHA, CURVE))] * 2, id="two-proposals"),
    pytest.param([Proposal(1, 1, b"", (AES_256, CHACHA, SHA, CURVE))], id="two-ciphers"),
]


@pytest.mark.parametrize("proposals", AMBIGUOUS)
def test_answer_leaves_no_choice(proposals: list[Proposal]) -> None:
    with pytest.raises(MalformedIke):
        require_one_choice(proposals)


OFFICE, HOST = of_prefix(IPv4Network("10.0.0.0/16")), of_prefix(IPv4Network("10.0.1.10/32"))
ELSEWHERE = of_prefix(IPv4Network("10.1.0.0/16"))
ANSWERS = [
    pytest.param((HOST,), (OFFICE,), True, id="narrowed"),
    pytest.param((OFFICE,), (OFFICE,), True, id="as-asked"),
    pytest.param(EVERYTHING, (OFFICE,), False, id="ours-widened"),
    pytest.param((OFFICE,), EVERYTHING, False, id="theirs-widened"),
    pytest.param((OFFICE, ELSEWHERE), (OFFICE,), False, id="one-of-two-outside"),
    pytest.param((), (OFFICE,), False, id="none-that-is-known"),
]


@pytest.mark.parametrize(("local", "remote", "accepted"), ANSWERS)
def test_selectors_of_an_answer_lie_in_what_was_asked(
    local: tuple[TrafficSelector, ...], remote: tuple[TrafficSelector, ...], accepted: bool
) -> None:
    answer = Proposal(1, Protocol.ESP, SPI, (AES_256, NO_ESN))
    response = Payloads((SecurityAssociation((answer,)), TsInitiator(local), TsResponder(remote)))
    terms = Terms(EspOffer(), (OFFICE,), (OFFICE,))
    if accepted:
        settled = children.accept(terms, response, exchange=False)
        assert (settled.local, settled.remote) == (local, remote)
        return
    with pytest.raises(Refusal, match="TS_UNACCEPTABLE"):
        children.accept(terms, response, exchange=False)


def ports(selector: TrafficSelector, protocol: int, first: int, last: int) -> TrafficSelector:
    return TrafficSelector(selector.first, selector.last, protocol, first, last)


NARROWINGS = [
    pytest.param(EVERYTHING, (OFFICE,), (OFFICE,), id="everything"),
    pytest.param((OFFICE,), EVERYTHING, (OFFICE,), id="everything-permitted"),
    pytest.param((HOST, OFFICE), (OFFICE,), (HOST, OFFICE), id="packet-and-network"),
    pytest.param((OFFICE, ELSEWHERE), (HOST,), (HOST,), id="one-of-two"),
    pytest.param((ELSEWHERE,), (OFFICE,), (), id="nothing"),
    pytest.param((ports(OFFICE, 6, 0, 65535),), (ports(HOST, 0, 80, 443),), (ports(HOST, 6, 80, 443),), id="ports-and-protocol"),
    pytest.param((ports(OFFICE, 6, 0, 65535),), (ports(HOST, 17, 0, 65535),), (), id="other-protocol"),
    pytest.param((ports(OFFICE, 6, 0, 79),), (ports(HOST, 6, 80, 443),), (), id="other-ports"),
    pytest.param((OFFICE, OFFICE), (OFFICE, OFFICE), (OFFICE,), id="repeated"),
]


@pytest.mark.parametrize(("asked", "permitted", "narrowed"), NARROWINGS)
def test_narrowing(
    asked: tuple[TrafficSelector, ...], permitted: tuple[TrafficSelector, ...], narrowed: tuple[TrafficSelector, ...]
) -> None:
    assert narrow(asked, permitted) == narrowed


@pytest.mark.parametrize("spi", [0, 1, 255])
def test_reserved_spis_are_refused(spi: int) -> None:
    with pytest.raises(MalformedIke, match="reserved"):
        children.parse_spi(children.pack_spi(spi))
