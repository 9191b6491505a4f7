"""ESP against published vectors and against scapy, an independent implementation."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import raw

from dataplane.doubles import inbound_sa, material, outbound_sa
from dataplane.errors import AuthenticationFailed, KeyExhausted, LocalError, MalformedEsp, Replayed, SequenceExhausted
from dataplane.esp import LAST_SEQUENCE, NEXT_HEADER_DUMMY, NEXT_HEADER_IPV4, InboundSa, OutboundSa, overlay_mtu
from dataplane.suites import SUITES

SPI = 4097
SCAPY_NAMES = {"aes-128-gcm": "AES-GCM", "aes-256-gcm": "AES-GCM", "chacha20-poly1305": "CHACHA20-POLY1305"}
CIPHERS = pytest.mark.parametrize("cipher", SUITES)
SIZES = pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 100, 1409, 1410])
INNER = {"src": "10.0.1.10", "dst": "192.168.1.10"}
OUTER = {"src": "203.0.113.10", "dst": "198.51.100.10"}

# Two from draft-mcgrew-gcm-test-01 §4 (transport-layer next header 1), one from RFC 7634 appendix A.
VECTORS = [
    pytest.param(
        "aes-128-gcm",
        "feffe9928665731c6d6a8f9467308308 cafebabe",
        "0000a5f8 0000000a facedbaddecaf888"
        "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c"
        "3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1"
        "83b70d3aa8bc6ee4c309e9d85a41ad4a",
        1,
        "4500003e698f000080114dccc0a80102c0a801010a980035002a2343"
        "b2d001000001000000000000037369700963796265726369747902646b0000010001",
        id="gcm-test-01-128",
    ),
    pytest.param(
        "aes-256-gcm",
        "abbccddef00112233445566778899aababbccddef00112233445566778899aab 11223344",
        "4a2cbfe3 00000002 0102030405060708"
        "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763"
        "748a637985771d347f0545659f14e99def842d8eb335f4eecfdbf831824b4c4915956c96",
        1,
        "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf0000020405b401010402",
        id="gcm-test-01-256",
    ),
    pytest.param(
        "chacha20-poly1305",
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f a0a1a2a3",
        "01020304 00000005 1011121314151617"
        "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
        "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
        "cbec163fac469b502773f6fb94e664da9165b82829f641e076aaa8266b7fb0f7b11b369907e1ad43",
        4,
        "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f1011121314"
        "15161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
        id="rfc-7634-appendix-a",
    ),
]


@pytest.mark.parametrize(("cipher", "keys", "datagram", "next_header", "packet"), VECTORS)
def test_published_vectors_open(cipher: str, keys: str, datagram: str, next_header: int, packet: str) -> None:
    received = bytes.fromhex(datagram)
    sa = InboundSa(int.from_bytes(received[:4], "big"), SUITES[cipher], bytes.fromhex(keys))
    opened = sa.decapsulate(received)
    assert opened.next_header == next_header
    assert opened.packet.hex() == packet


def scapy_sa(cipher: str, **options: object) -> SecurityAssociation:
    keys = material(SPI, cipher)
    return SecurityAssociation(ESP, spi=SPI, crypt_algo=SCAPY_NAMES[cipher], crypt_key=keys, tunnel_header=IP(**OUTER), **options)


@CIPHERS
@SIZES
def test_scapy_opens_what_we_seal(cipher: str, size: int) -> None:
    inner = raw(IP(**INNER) / UDP(sport=1, dport=2) / bytes(size))
    datagram = bytes(outbound_sa(SPI, cipher).encapsulate(inner))
    opened = scapy_sa(cipher).decrypt(IP(raw(IP(**OUTER, proto=50) / datagram)))
    assert raw(opened) == inner


@CIPHERS
@SIZES
def test_we_open_what_scapy_seals(cipher: str, size: int) -> None:
    inner = IP(**INNER) / TCP(sport=1, dport=2) / bytes(size)
    sealed = scapy_sa(cipher, nat_t_header=UDP(sport=4500, dport=4500)).encrypt(inner)
    opened = inbound_sa(SPI, cipher).decapsulate(raw(sealed[UDP].payload))
    assert (opened.next_header, bytes(opened.packet)) == (NEXT_HEADER_IPV4, raw(inner))


@CIPHERS
def test_one_bit_anywhere_is_noticed(cipher: str) -> None:
    datagram = outbound_sa(SPI, cipher).encapsulate(b"payload")
    for position in range(4, len(datagram)):
        forged = bytearray(datagram)
        forged[position] ^= 1
        with pytest.raises(AuthenticationFailed):
            inbound_sa(SPI, cipher).decapsulate(forged)


def test_numbers_start_at_one_and_no_nonce_repeats() -> None:
    sa = outbound_sa(SPI)
    heads = [bytes(sa.encapsulate(b"")[4:16]) for _ in range(3)]
    assert heads == [number.to_bytes(4, "big") + number.to_bytes(8, "big") for number in (1, 2, 3)]


def test_last_sequence_number_is_sent_and_none_after_it() -> None:
    sa = outbound_sa(SPI, "chacha20-poly1305")
    sa.sequence = LAST_SEQUENCE - 1
    assert sa.encapsulate(b"")[4:8] == b"\xff\xff\xff\xff"
    with pytest.raises(SequenceExhausted):
        sa.encapsulate(b"")
    assert sa.sequence == LAST_SEQUENCE


GCM = ["aes-128-gcm", "aes-256-gcm"]
LIMITS = [
    *[pytest.param(cipher, 2**28, 1000, 1, id=f"{cipher}-small") for cipher in GCM],
    *[pytest.param(cipher, 2**28, 2046, 1, id=f"{cipher}-of-2048") for cipher in GCM],
    *[pytest.param(cipher, 2**28, 2047, 32, id=f"{cipher}-of-2052") for cipher in GCM],
    *[pytest.param(cipher, 2**28, 65000, 32, id=f"{cipher}-of-65000") for cipher in GCM],
    pytest.param("chacha20-poly1305", LAST_SEQUENCE, 65000, 1, id="chacha20-poly1305"),
]


@pytest.mark.parametrize(("cipher", "limit", "size", "cost"), LIMITS)
def test_key_seals_to_its_limit_and_no_further(cipher: str, limit: int, size: int, cost: int) -> None:
    """At the limit exactly, whatever sizes there were before: one packet of 3000 bytes, and small ones up to the last."""
    sa = outbound_sa(SPI, cipher)
    sa.encapsulate(bytes(3000))
    large_before = 32 if cipher in GCM else 1
    sa.sequence = limit - (large_before - 1) - cost
    sa.encapsulate(bytes(size))
    assert sa.wear == 1
    with pytest.raises((KeyExhausted, SequenceExhausted)):
        sa.encapsulate(b"")


@CIPHERS
def test_key_is_given_up_after_too_many_forgeries(cipher: str) -> None:
    sender, receiver = outbound_sa(SPI, cipher), inbound_sa(SPI, cipher)
    datagram = sender.encapsulate(b"")
    receiver.forgeries = 2**36 - 1
    receiver.decapsulate(datagram)
    assert receiver.wear < 1
    with pytest.raises(AuthenticationFailed):
        receiver.decapsulate(datagram[:-1] + bytes([datagram[-1] ^ 1]))
    assert receiver.wear == 1
    with pytest.raises(KeyExhausted):
        receiver.decapsulate(sender.encapsulate(b""))


def test_dummy_is_empty_and_says_so() -> None:
    opened = inbound_sa(SPI).decapsulate(outbound_sa(SPI).encapsulate(b"", NEXT_HEADER_DUMMY))
    assert (opened.next_header, bytes(opened.packet)) == (NEXT_HEADER_DUMMY, b"")


@pytest.mark.parametrize("length", [0, 8, 16, 32, 35, 37, 38, 39, 41], ids=lambda length: f"{length}-bytes")
def test_lengths_that_no_esp_packet_has(length: int) -> None:
    datagram = (SPI.to_bytes(4, "big") + bytes(64))[:length]
    with pytest.raises(MalformedEsp):
        inbound_sa(SPI).decapsulate(datagram)


@pytest.mark.parametrize(
    "plaintext",
    [
        pytest.param(bytes([9, 9, 2, 4]), id="padding-of-other-bytes"),
        pytest.param(bytes([1, 2, 3, 4, 5, 6, 200, 4]), id="padding-longer-than-the-payload"),
    ],
)
def test_authentic_payload_with_a_bad_trailer(plaintext: bytes) -> None:
    suite, keys = SUITES["aes-256-gcm"], material(SPI)
    head = SPI.to_bytes(4, "big") + (1).to_bytes(4, "big") + (1).to_bytes(8, "big")
    sealed = suite.aead(keys[:32]).encrypt(keys[32:] + head[8:], plaintext, head[:8])
    with pytest.raises(MalformedEsp):
        inbound_sa(SPI).decapsulate(head + sealed)


def test_forgery_does_not_move_the_window() -> None:
    sender, receiver = outbound_sa(SPI), inbound_sa(SPI)
    forged = sender.encapsulate(b"")
    forged[4:8] = b"\xff\xff\xff\xff"
    with pytest.raises(AuthenticationFailed):
        receiver.decapsulate(forged)
    assert receiver.window.highest == 0


def test_authentication_comes_before_the_replay_window() -> None:
    datagram, receiver = outbound_sa(SPI).encapsulate(b""), inbound_sa(SPI)
    receiver.decapsulate(datagram)
    with pytest.raises(Replayed):
        receiver.decapsulate(datagram)
    datagram[-1] ^= 1
    with pytest.raises(AuthenticationFailed):
        receiver.decapsulate(datagram)


def test_only_the_newest_is_called_newest() -> None:
    sender, receiver = outbound_sa(SPI), inbound_sa(SPI)
    first, second = sender.encapsulate(b""), sender.encapsulate(b"")
    assert receiver.decapsulate(second).newest
    assert not receiver.decapsulate(first).newest


@pytest.mark.parametrize("direction", [OutboundSa, InboundSa])
@pytest.mark.parametrize("spi", [0, 255, 2**32], ids=lambda spi: f"spi-{spi}")
def test_reserved_spi_is_refused(direction: type[OutboundSa | InboundSa], spi: int) -> None:
    with pytest.raises(LocalError, match=f"SPI {spi} is reserved"):
        direction(spi, SUITES["aes-256-gcm"], bytes(36))


@CIPHERS
def test_material_of_another_length_is_refused(cipher: str) -> None:
    suite = SUITES[cipher]
    with pytest.raises(LocalError, match="bytes of key and salt"):
        OutboundSa(SPI, suite, bytes(suite.key_length))


def test_repr_shows_no_key() -> None:
    assert repr(outbound_sa(SPI)) == "OutboundSa(spi=4097, suite='aes-256-gcm')"


@pytest.mark.parametrize("underlay", [1280, 1400, 1492, 1499, 1500, 1501, 9000])
def test_overlay_mtu_is_the_largest_that_fits(underlay: int) -> None:
    mtu = overlay_mtu(underlay)
    lengths = [28 + len(outbound_sa(SPI).encapsulate(bytes(size))) for size in (mtu, mtu + 1)]
    assert lengths[0] <= underlay < lengths[1]
