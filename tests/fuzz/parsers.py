"""What the fuzzers throw at every parser. Each function takes any bytes, lets pass only what the parser says that it raises, and
checks what is true of everything that it took.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address
from typing import TypeVar

from dataplane import icmp, ipv4, mss
from dataplane.check import EniCheck
from dataplane.commands import answer
from dataplane.config import ConfigError, parse_config, parse_keys
from dataplane.doubles import AWS, MTU, PEER, POP, VCPE, ike_pop, inbound_sa, material, outbound_sa
from dataplane.engine import Engine
from dataplane.errors import MalformedPacket, RemoteError, Replayed
from dataplane.esp import NEXT_HEADER_DUMMY
from dataplane.ike.cookies import Cookies
from dataplane.ike.doorkeeper import COOKIE_THRESHOLD, Doorkeeper
from dataplane.ike.errors import InvalidSyntax, MalformedIke, Refusal, UnsupportedCritical
from dataplane.ike.message import (
    HEADER_LENGTH,
    Datagram,
    Header,
    Payloads,
    open_message,
    pack_message,
    parse_datagram,
    parse_message,
)
from dataplane.ike.numbers import CfgAttribute, Exchange, Flag, Notice, PayloadType
from dataplane.ike.offers import EspOffer, IkeOffer, choose_esp, choose_ike
from dataplane.ike.payloads import Configuration, Nonce, Payload, SecurityAssociation, TsInitiator, parse_payload
from dataplane.ike.sealing import Opener, Sealer
from dataplane.ike.selectors import EVERYTHING, narrow, within
from dataplane.linux.requests import MalformedRequest, decode, encode
from dataplane.packets import Datagram as UdpDatagram
from dataplane.packets import Deliver, PathReport
from dataplane.peer import Peer
from dataplane.replay import ReplayWindow
from dataplane.suites import IV_LENGTH, SUITES

SPI = 4097
SUITE = SUITES["aes-128-gcm"]
MATERIAL = bytes(SUITE.material_length)
SMALL_WINDOW = 64
MOST_SEGMENT = 1200

Kind = TypeVar("Kind", bound=Payload)


# IKE


def ike_datagram(data: bytes) -> None:
    """A whole message: its header, and its payloads if they are in the clear."""
    try:
        datagram = parse_datagram(data)
        assert datagram.data == data
        assert datagram.header.pack(datagram.first, len(data))[:HEADER_LENGTH][:17] == data[:17]
        parse_message(datagram)
    except MalformedIke:
        return


def ike_payloads(data: bytes) -> None:
    """A chain of payloads, the first byte being the type of the first."""
    try:
        payloads = parse_message(_clear(data))
    except MalformedIke:
        return
    assert_packs_again(payloads)


def ike_doorkeeper(data: bytes) -> None:
    """A first message during a flood: what is asked for is a cookie, and the nonce is the one that a parser would find."""
    keeper = Doorkeeper(bytes, 0.0)
    for number in range(COOKIE_THRESHOLD):
        keeper.note(number, f"192.0.2.{number}")
    request = b"initiate" + bytes(8) + data[:1] + b"\x20\x22\x08" + bytes(8) + data[1:]
    try:
        answer = keeper.screen(request, VCPE[0], 0.0)
    except MalformedIke:
        return
    assert answer is not None
    (cookie,) = parse_message(parse_datagram(answer)).notices(Notice.COOKIE)
    with suppress(MalformedIke):
        nonce = parse_message(_clear(data)).one(Nonce).data
        assert cookie.data == Cookies(bytes, 0.0).make(nonce, VCPE[0], b"initiate", 0.0)


def assert_packs_again(payloads: Payloads) -> None:
    """What was understood says the same when it is written and read again, but for attributes that nobody here knows."""
    header = Header(b"initiate", b"responds", Exchange.INFORMATIONAL, Flag(0), 0)
    again = parse_message(parse_datagram(pack_message(header, payloads))) if len(payloads) < 100 else payloads
    if "foreign=True" not in repr(payloads):
        assert again == payloads


def _clear(data: bytes) -> Datagram:
    header = Header(b"initiate", b"responds", Exchange.IKE_SA_INIT, Flag(0), 0)
    return Datagram(header, data[0] if data else 0, bytes(HEADER_LENGTH) + data[1:])


def payload_of(kind: PayloadType) -> Callable[[bytes], Payload | None]:
    """The target that reads bytes as the body of one type of payload; it returns what was read."""

    def read(data: bytes) -> Payload | None:
        try:
            payload = parse_payload(kind, data)
        except MalformedIke:
            return None
        if "foreign=True" not in repr(payload) and kind is not PayloadType.TS_INITIATOR:
            assert parse_payload(kind, payload.body()) == payload
        return payload

    return read


def ike_proposals(data: bytes) -> None:
    payload = payload_of(PayloadType.SA)(data)
    if not isinstance(payload, SecurityAssociation):
        return
    for choose in (
        lambda: choose_ike(IkeOffer(), payload.proposals).suite,
        lambda: choose_ike(IkeOffer(), payload.proposals, 8).suite,
        lambda: choose_esp(EspOffer(), payload.proposals, exchange=True).suite,
        lambda: choose_esp(EspOffer(), payload.proposals, exchange=False).suite,
    ):
        with suppress(Refusal):  # nothing that is spoken here was offered
            assert choose() is not None


def ike_selectors(data: bytes) -> None:
    payload = payload_of(PayloadType.TS_INITIATOR)(data)
    if isinstance(payload, TsInitiator):
        narrowed = narrow(payload.selectors, EVERYTHING)
        assert within(narrowed, EVERYTHING)
        assert within(narrow(narrowed, payload.selectors), payload.selectors)


def ike_configuration(data: bytes) -> None:
    payload = payload_of(PayloadType.CONFIGURATION)(data)
    if isinstance(payload, Configuration):
        for kind in CfgAttribute:
            payload.addresses(kind)


def ike_identity(data: bytes) -> None:
    payload = payload_of(PayloadType.ID_RESPONDER)(data)
    assert payload is None or str(payload).isprintable()


def ike_notify(data: bytes) -> None:
    payload_of(PayloadType.NOTIFY)(data)


def ike_delete(data: bytes) -> None:
    payload_of(PayloadType.DELETE)(data)


def ike_sealed(data: bytes) -> None:
    """What an authentic peer may have sealed, whatever it is; and the same bytes, not sealed at all."""
    head = Header(b"initiate", b"responds", Exchange.INFORMATIONAL, Flag(0), 0)
    body = 4 + IV_LENGTH + max(0, len(data) - 1) + 16
    first = data[0] if data else 0
    associated = head.pack(PayloadType.SEALED, HEADER_LENGTH + body) + bytes([first, 0]) + body.to_bytes(2, "big")
    sealed = associated + Sealer(SUITE, MATERIAL).seal(data[1:], associated)
    for whole in (sealed, associated + data):
        try:
            open_message(Datagram(head, PayloadType.SEALED, whole), Opener(SUITE, MATERIAL))
        except (InvalidSyntax, UnsupportedCritical):
            assert whole is sealed
        except RemoteError:
            assert whole is not sealed


# Packets


def esp(data: bytes) -> None:
    """A datagram under an SPI that is known, as it is and with an integrity check value that is right."""
    gateway = by_hand()
    packet = data[1:]
    sealed = bytearray(len(packet) + 16)
    head = SPI.to_bytes(4, "big") + (1 + data[0] if data else 1).to_bytes(4, "big") + bytes(IV_LENGTH)
    key = material(SPI)
    SUITES["aes-256-gcm"].aead(key[:32]).encrypt_into(key[32:] + head[8:], packet, head[:8], sealed)
    for datagram in (head + bytes(sealed), head + packet, data):
        for effect in gateway.inbound([UdpDatagram(datagram, VCPE)], 1000.0):
            if not isinstance(effect, Deliver):
                assert packet[-1] == NEXT_HEADER_DUMMY, "only a dummy packet is answered"
                continue
            header = ipv4.parse_packet(effect.packet)
            assert IPv4Address(header.source) in AWS or header.protocol == ipv4.PROTOCOL_ICMP
    assert not gateway.outbound([data], 1000.0) or data[0] >> 4 == ipv4.VERSION


def by_hand() -> Engine:
    """A gateway with one peer keyed by hand, which was heard, and with its interface's check on."""
    peer = Peer(PEER, outbound_sa(SPI + 1), inbound_sa(SPI), [AWS], VCPE)
    peer.heard_at = 1000.0
    check = EniCheck((IPv4Address("198.51.100.10"),), enabled=False)
    return Engine([peer], mtu=MTU, icmp_source=IPv4Address(POP[0]), now=1000.0, check=check)


def ipv4_packet(data: bytes) -> None:
    """The header of a packet, what it quotes, and its fragments, which together are the packet again."""
    packet = data[:2] + len(data).to_bytes(2, "big") + data[4:]
    try:
        header = ipv4.parse_padded(packet)
        icmp.quoted(packet, header)
        if icmp.may_be_answered(packet, header):
            answer_packet = icmp.fragmentation_needed(packet, header, 576, 1)
            assert ipv4.checksum(answer_packet[:20]) == 0
        pieces = ipv4.fragments(packet, header, 100)
    except MalformedPacket:
        return
    headers = [ipv4.parse_packet(piece) for piece in pieces]
    payload = b"".join(piece[each.header_length :] for piece, each in zip(pieces, headers, strict=True))
    assert payload == packet[header.header_length :]


def tcp_options(data: bytes) -> None:
    """A SYN whose options are any bytes: what is lowered is its MSS alone, and the checksum stays right."""
    options = data[:40] + bytes(-len(data[:40]) % 4)
    segment = struct.pack("!HHIIBBHHH", 1000, 2000, 0, 0, (20 + len(options)) // 4 << 4, 2, 0, 0, 0) + options + data[40:]
    length = (20 + len(segment)).to_bytes(2, "big")
    packet = bytearray(b"\x45\0" + length + b"\0\0\0\0\x40\6\0\0" + bytes(8) + segment)
    packet[36:38] = ipv4.checksum(segment).to_bytes(2, "big")
    clamped = mss.clamp(packet, ipv4.parse_packet(packet), MOST_SEGMENT)
    assert len(clamped) == len(packet)
    assert ipv4.checksum(clamped[20:]) == 0
    changed = [place for place in range(40, len(packet)) if clamped[place] != packet[place]]
    assert set(changed) <= set(range(40, 40 + len(options)))
    assert mss.clamp(clamped, ipv4.parse_packet(clamped), MOST_SEGMENT) == clamped


def path_report(data: bytes) -> None:
    """What an ICMP error says of the path, whoever sent it: nothing is believed that is not proven."""
    gateway = by_hand()
    mtu = gateway.peers[PEER].path.mtu
    gateway.reported([PathReport(VCPE, int.from_bytes(data[:2], "big"), data[2:], is_local=False)], 1000.0)
    assert gateway.peers[PEER].path.mtu == mtu, "nothing was sent that an error could quote"


def agent_request(data: bytes) -> None:
    """What a worker asks of the agent. Whatever is not on the list is refused, and what is says the same when written again."""
    try:
        request = decode(data)
    except MalformedRequest:
        return
    assert decode(encode(request)) == request


def replay_window(data: bytes) -> None:
    """Sequence numbers, two bytes each, against a set that remembers all of them."""
    window, seen = ReplayWindow(SMALL_WINDOW), set[int]()
    for number in (int.from_bytes(data[start : start + 2], "big") for start in range(0, len(data), 2)):
        fresh = number not in seen and number > max(seen, default=0) - SMALL_WINDOW and number > 0
        try:
            window.accept(number)
        except Replayed:
            assert not fresh, f"{number} was refused"
        else:
            assert fresh, f"{number} was taken"
            seen.add(number)


# What the gateway's owner writes


def configuration(data: bytes) -> None:
    """A configuration and the keys that go with it; both are the same bytes, or two halves of them."""
    first, _, second = data.partition(b"\0")
    try:
        config = parse_config(first)
        parse_keys(second, config.peers)
    except ConfigError as refused:
        assert refused.errors  # noqa: PT017 - whether it is raised is not known beforehand


_gateway = ike_pop()


def control_line(data: bytes) -> None:
    """A line on the control socket. Whatever it says, the answer is one JSON object on one line."""
    global _gateway
    reply = answer("pop", _gateway.engine, data, 1000.0)
    assert isinstance(json.loads(reply), dict)
    assert reply.index(b"\n") == len(reply) - 1
    if len(_gateway.engine.peers) != 1 or PEER not in _gateway.engine.peers:
        _gateway = ike_pop()
