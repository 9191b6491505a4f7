"""The codec against scapy, an independent implementation, and against every length that is not what it says."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib import ikev2 as scapy
from scapy.packet import Packet, raw

from dataplane.errors import RemoteError
from dataplane.ike import identity
from dataplane.ike.errors import IkeForged, MalformedIke, UnsupportedCritical
from dataplane.ike.message import (
    HEADER_LENGTH,
    MAXIMUM_LENGTH,
    Header,
    open_message,
    pack_message,
    parse_datagram,
    parse_message,
    seal_message,
)
from dataplane.ike.numbers import CfgAttribute, CfgType, Exchange, Flag, IdKind, Notice, PayloadType, Protocol, TransformType
from dataplane.ike.payloads import (
    Authentication,
    Configuration,
    Delete,
    IdInitiator,
    IdResponder,
    KeyExchange,
    Nonce,
    Notify,
    Opaque,
    Payload,
    SecurityAssociation,
    TsInitiator,
    TsResponder,
    VendorId,
)
from dataplane.ike.proposals import Proposal, Transform
from dataplane.ike.sealing import Opener, Sealer
from dataplane.ike.selectors import TrafficSelector, of_prefix
from dataplane.suites import SUITES

HEADER = Header(b"initiate", b"response", Exchange.INFORMATIONAL, Flag.INITIATOR, 7)
ADDRESSES = of_prefix(IPv4Network("10.0.0.0/16"))
PORTS = TrafficSelector(IPv4Address("192.168.1.10"), IPv4Address("192.168.1.10"), 17, 53, 53)
CIPHERS = pytest.mark.parametrize("cipher", SUITES)

AES, CHACHA = Transform(TransformType.ENCRYPTION, 20, 256), Transform(TransformType.ENCRYPTION, 28)
IKE = Proposal(1, Protocol.IKE, b"", (AES, Transform(TransformType.PRF, 5), Transform(TransformType.GROUP, 31)))
ESP = Proposal(2, Protocol.ESP, b"\1\2\3\4", (CHACHA, Transform(TransformType.ESN, 0)))


def scapy_transforms(*transforms: Packet) -> Packet:
    """scapy links transforms as a chain of its own."""
    chain = None
    for transform in reversed(transforms):
        transform.next_payload = 0 if chain is None else 3
        chain = transform if chain is None else transform / chain
    return chain


def scapy_sa() -> Packet:
    ike = [
        scapy.IKEv2_Transform(transform_type=1, transform_id=20, key_length=256, length=12),
        scapy.IKEv2_Transform(transform_type=2, transform_id=5),
        scapy.IKEv2_Transform(transform_type=4, transform_id=31),
    ]
    esp = [scapy.IKEv2_Transform(transform_type=1, transform_id=28), scapy.IKEv2_Transform(transform_type=5, transform_id=0)]
    second = scapy.IKEv2_Proposal(next_payload=0, proposal=2, proto=3, SPI=b"\1\2\3\4", trans_nb=2, trans=scapy_transforms(*esp))
    first = scapy.IKEv2_Proposal(next_payload=2, proposal=1, proto=1, trans_nb=3, trans=scapy_transforms(*ike))
    return scapy.IKEv2_SA(prop=first / second)


def scapy_ts(kind: type[Packet]) -> Packet:
    selectors = [
        scapy.IPv4TrafficSelector(IP_protocol_ID=0, starting_address_v4="10.0.0.0", ending_address_v4="10.0.255.255"),
        scapy.IPv4TrafficSelector(
            IP_protocol_ID=17, start_port=53, end_port=53, starting_address_v4="192.168.1.10", ending_address_v4="192.168.1.10"
        ),
    ]
    return kind(number_of_TSs=2, traffic_selector=selectors)


# Each pair is the same payload in our words and in scapy's.
PAIRS = [
    pytest.param(SecurityAssociation((IKE, ESP)), scapy_sa(), id="sa"),
    pytest.param(KeyExchange(31, bytes(range(32))), scapy.IKEv2_KE(group=31, ke=bytes(range(32))), id="ke"),
    pytest.param(Nonce(b"n" * 32), scapy.IKEv2_Nonce(nonce=b"n" * 32), id="nonce"),
    pytest.param(IdInitiator(identity.key_id("sage6m2p")), scapy.IKEv2_IDi(IDtype=11, ID=b"sage6m2p"), id="idi-key-id"),
    pytest.param(IdResponder(identity.fqdn("pop.example")), scapy.IKEv2_IDr(IDtype=2, ID=b"pop.example"), id="idr-fqdn"),
    pytest.param(
        IdInitiator(identity.address(IPv4Address("10.0.2.10"))), scapy.IKEv2_IDi(IDtype=1, ID="10.0.2.10"), id="idi-address"
    ),
    pytest.param(Authentication(2, b"a" * 32), scapy.IKEv2_AUTH(auth_type=2, load=b"a" * 32), id="auth"),
    pytest.param(Notify(Notice.COOKIE, b"cookie"), scapy.IKEv2_Notify(proto=0, type=16390, notify=b"cookie"), id="notify"),
    pytest.param(
        Notify(Notice.REKEY_SA, b"", Protocol.ESP, b"\1\2\3\4"),
        scapy.IKEv2_Notify(proto=3, type=16393, SPI=b"\1\2\3\4"),
        id="notify-with-spi",
    ),
    pytest.param(Delete(Protocol.IKE), scapy.IKEv2_Delete(proto=1, SPIsize=0), id="delete-ike"),
    pytest.param(
        Delete(Protocol.ESP, (b"\1\2\3\4", b"\5\6\7\x08")),
        scapy.IKEv2_Delete(proto=3, SPIsize=4, SPInum=2, SPI=[b"\1\2\3\4", b"\5\6\7\x08"]),
        id="delete-esp",
    ),
    pytest.param(VendorId(b"somebody"), scapy.IKEv2_VendorID(vendorID=b"somebody"), id="vendor-id"),
    pytest.param(TsInitiator((ADDRESSES, PORTS)), scapy_ts(scapy.IKEv2_TSi), id="tsi"),
    pytest.param(TsResponder((ADDRESSES, PORTS)), scapy_ts(scapy.IKEv2_TSr), id="tsr"),
    pytest.param(
        Configuration(
            CfgType.REPLY,
            (
                (CfgAttribute.INTERNAL_IP4_ADDRESS, IPv4Address("10.9.0.5").packed),
                (CfgAttribute.INTERNAL_IP4_NETMASK, b""),
                (CfgAttribute.INTERNAL_IP4_DNS, IPv4Address("10.9.0.1").packed),
            ),
        ),
        scapy.IKEv2_CP(
            CFGType=2,
            attributes=[
                scapy.ConfigurationAttribute(type=1, length=4, value="10.9.0.5"),
                scapy.ConfigurationAttribute(type=2, length=0, value=b""),
                scapy.ConfigurationAttribute(type=3, length=4, value="10.9.0.1"),
            ],
        ),
        id="cp",
    ),
    pytest.param(
        Opaque(PayloadType.CERTREQ, b"\4authority"),
        scapy.IKEv2_CERTREQ(cert_encoding=4, cert_authority=b"authority"),
        id="certreq",
    ),
]


def scapy_message(*payloads: Packet) -> bytes:
    message = scapy.IKEv2(init_SPI=b"initiate", resp_SPI=b"response", exch_type=37, flags="Initiator", id=7)
    for payload in payloads:
        message = message / payload.copy()
    return raw(message)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_same_bytes_as_scapy(ours: Payload, theirs: Packet) -> None:
    assert pack_message(HEADER, [ours]).hex() == scapy_message(theirs).hex()


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_we_parse_what_scapy_packs(ours: Payload, theirs: Packet) -> None:
    datagram = parse_datagram(scapy_message(theirs))
    assert datagram.header == HEADER
    assert parse_message(datagram) == (ours,)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_scapy_parses_what_we_pack(ours: Payload, theirs: Packet) -> None:
    seen = scapy.IKEv2(pack_message(HEADER, [ours]))
    assert (seen.init_SPI, seen.resp_SPI, seen.exch_type, seen.id) == (b"initiate", b"response", 37, 7)
    assert isinstance(seen.payload, type(theirs))
    assert raw(seen.payload)[4:] == ours.body()


def test_a_chain_keeps_its_order() -> None:
    chain = [pair.values[0] for pair in PAIRS]
    assert parse_message(parse_datagram(pack_message(HEADER, chain))) == tuple(chain)
    assert parse_message(parse_datagram(scapy_message(*(pair.values[1] for pair in PAIRS)))) == tuple(chain)


# Sealed messages


@CIPHERS
@pytest.mark.parametrize("payloads", [[], [Nonce(b"n" * 32), Notify(Notice.INITIAL_CONTACT)]], ids=["empty", "two"])
def test_sealed_messages_open(cipher: str, payloads: list[Payload]) -> None:
    material = bytes(range(SUITES[cipher].material_length))
    sealer, opener = Sealer(SUITES[cipher], material), Opener(SUITES[cipher], material)
    first, second = (seal_message(HEADER, payloads, sealer) for _ in range(2))
    assert first != second, "an IV was used twice"
    for data in first, second:
        assert open_message(parse_datagram(data), opener) == tuple(payloads)
        assert scapy.IKEv2(data)[scapy.IKEv2_Encrypted].length == len(data) - HEADER_LENGTH


@CIPHERS
def test_one_bit_anywhere_is_noticed(cipher: str) -> None:
    material = bytes(SUITES[cipher].material_length)
    data = seal_message(HEADER, [Nonce(b"n" * 16)], Sealer(SUITES[cipher], material))
    opener = Opener(SUITES[cipher], material)
    for position in range(len(data)):
        forged = bytearray(data)
        forged[position] ^= 1
        with pytest.raises((IkeForged, MalformedIke)):
            open_message(parse_datagram(forged), opener)


def chain(first: int, data: str) -> bytes:
    body = bytes.fromhex(data)
    return HEADER.pack(first, HEADER_LENGTH + len(body)) + body


LONG = HEADER.pack(PayloadType.VENDOR_ID, MAXIMUM_LENGTH + 1) + bytes(MAXIMUM_LENGTH + 1 - HEADER_LENGTH)

MALFORMED = [
    pytest.param(b"", id="empty"),
    pytest.param(chain(0, "")[:-1], id="header-cut-off"),
    pytest.param(chain(0, "") + b"\0", id="longer-than-it-says"),
    pytest.param(chain(0, "00"), id="bytes-behind-the-last-payload"),
    pytest.param(LONG, id="oversized"),
    pytest.param(chain(0, "").replace(b"\x20", b"\x30", 1), id="version-3"),
    pytest.param(chain(0, "").replace(b"\x20", b"\x10", 1), id="version-1"),
    pytest.param(bytes(8) + chain(0, "")[8:], id="no-initiator-spi"),
    pytest.param(chain(40, "000000"), id="generic-header-cut-off"),
    pytest.param(chain(40, "00000003"), id="length-below-its-header"),
    pytest.param(chain(40, "00000024" + "00" * 31), id="length-beyond-the-message"),
    pytest.param(chain(40, "00000013" + "00" * 15), id="nonce-too-short"),
    pytest.param(chain(40, "00000105" + "00" * 257), id="nonce-too-long"),
    pytest.param(chain(33, "00000004"), id="sa-empty"),
    pytest.param(chain(33, "0000000c 00000009 01010000".replace(" ", "")), id="proposal-longer-than-it"),
    pytest.param(chain(33, "0000000c 00000007 01010000".replace(" ", "")), id="proposal-shorter-than-its-header"),
    pytest.param(chain(33, "0000000c 00000008 01010400".replace(" ", "")), id="proposal-spi-cut-off"),
    pytest.param(chain(33, "0000000c 00000008 01010001".replace(" ", "")), id="transform-missing"),
    pytest.param(chain(33, "0000000c 02000008 01010000".replace(" ", "")), id="proposal-promises-another"),
    pytest.param(chain(33, "0000000c 01000008 01010000".replace(" ", "")), id="proposal-says-nonsense"),
    pytest.param(chain(33, "00000014 00000010 01010001 03000008 02000005".replace(" ", "")), id="transform-promises-another"),
    pytest.param(chain(33, "00000014 00000010 01010001 00000009 02000005".replace(" ", "")), id="transform-longer-than-it"),
    pytest.param(chain(33, "00000016 00000012 01010001 0000000a 02000005 0000".replace(" ", "")), id="attribute-cut-off"),
    pytest.param(chain(34, "00000006001f"), id="ke-cut-off"),
    pytest.param(chain(35, "000000080b000000"), id="id-of-nobody"),
    pytest.param(chain(35, "0000000b010000000a0000"), id="id-address-of-three-bytes"),
    pytest.param(chain(41, "00000008 03044009".replace(" ", "")), id="notify-spi-cut-off"),
    pytest.param(chain(42, "0000000c 03040002 00000001".replace(" ", "")), id="delete-spi-missing"),
    pytest.param(chain(42, "00000010 03040001 00000001 00000002".replace(" ", "")), id="delete-spi-uncounted"),
    pytest.param(chain(42, "00000010 03080001 00000001 00000002".replace(" ", "")), id="delete-spi-of-8-bytes"),
    pytest.param(chain(42, "00000008 01000001".replace(" ", "")), id="delete-ike-with-count"),
    pytest.param(chain(44, "0000000800000000"), id="ts-empty"),
    pytest.param(chain(44, "00000010 01000000 07000010 0000ffff".replace(" ", "")), id="ts-cut-off"),
    pytest.param(chain(44, "00000018 01000000 0700000c 0000ffff 0a000000 0affffff".replace(" ", "")), id="ts-length-wrong"),
    pytest.param(chain(44, "00000018 01000000 07000010 0000ffff 0b000000 0a000000".replace(" ", "")), id="ts-backwards"),
    pytest.param(chain(47, "0000000e 01000000 00010003 0a09".replace(" ", "")), id="cp-value-cut-off"),
    pytest.param(chain(47, "0000000f 01000000 00010003 0a0900".replace(" ", "")), id="cp-address-of-three-bytes"),
]


@pytest.mark.parametrize("data", MALFORMED)
def test_malformed_messages_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedIke):
        parse_message(parse_datagram(data))


UNKNOWN_SELECTOR = "08000028" + "00" * 4 + "00" * 32
KNOWN_SELECTOR = "07000010" + "0000ffff" + "0a000000" + "0a00ffff"

TOLERATED = [
    pytest.param(chain(200, "28000008deadbeef" + "00000014" + "11" * 16), (Nonce(b"\x11" * 16),), id="unknown-payload"),
    pytest.param(chain(40, "00800014" + "11" * 16), (Nonce(b"\x11" * 16),), id="known-and-critical"),
    pytest.param(
        chain(44, "00000040" + "02000000" + UNKNOWN_SELECTOR + KNOWN_SELECTOR), (TsInitiator((ADDRESSES,)),), id="ipv6-selector"
    ),
]


@pytest.mark.parametrize(("data", "payloads"), TOLERATED)
def test_what_is_unknown_and_not_critical_is_skipped(data: bytes, payloads: tuple[Payload, ...]) -> None:
    assert parse_message(parse_datagram(data)) == payloads


def test_unknown_critical_payload_is_named() -> None:
    with pytest.raises(UnsupportedCritical) as caught:
        parse_message(parse_datagram(chain(200, "00800008deadbeef")))
    assert caught.value.payload_type == 200


def test_payloads_that_must_stand_alone() -> None:
    nonce = Nonce(b"n" * 16)
    payloads = parse_message(parse_datagram(pack_message(HEADER, [nonce, nonce])))
    with pytest.raises(MalformedIke, match="2 payloads Nonce"):
        payloads.one(Nonce)
    with pytest.raises(MalformedIke, match="lacks a payload KeyExchange"):
        payloads.one(KeyExchange)
    assert payloads.maybe(KeyExchange) is None


def test_an_unknown_attribute_makes_a_transform_foreign() -> None:
    transform = "0000000c 01000014 81230001".replace(" ", "")
    data = chain(33, "00000018" + "00000014" + "01010001" + transform)
    (sa,) = parse_message(parse_datagram(data)).all(SecurityAssociation)
    assert sa.proposals[0].transforms == (Transform(1, 20, None, foreign=True),)


@given(st.binary(max_size=200))
def test_rubbish_raises_nothing_but_remote_errors(data: bytes) -> None:
    try:
        parse_message(parse_datagram(data))
    except RemoteError:
        return


PACKED = [pack_message(HEADER, [pair.values[0]]) for pair in PAIRS]


@given(st.sampled_from(PACKED), st.lists(st.tuples(st.integers(16, 300), st.integers(0, 255)), max_size=6), st.integers(0, 40))
def test_altered_messages_raise_nothing_but_remote_errors(packed: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(packed[: len(packed) - cut])
    for position, value in changes:
        if position < len(data):
            data[position] = value
    if len(data) >= HEADER_LENGTH:
        data[24:28] = len(data).to_bytes(4, "big")  # or nothing would get past the header
    try:
        payloads = parse_message(parse_datagram(data))
    except RemoteError:
        return
    for payload in payloads:
        assert isinstance(payload.body(), bytes)


def test_identities_show_themselves() -> None:
    shown = [str(each) for each in (identity.key_id("sn"), identity.fqdn("a.b"), identity.address(IPv4Address("10.0.0.1")))]
    assert shown == ["sn", "a.b", "10.0.0.1"]
    assert identity.key_id("sn").kind == IdKind.KEY_ID
