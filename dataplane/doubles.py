"""Doubles for tests: gateways with an in-memory TUN device, an in-memory underlay between them, a clock that tests move.

vcpe 203.0.113.10 ── speaks first ──► pop 198.51.100.10
     10.0.0.0/16                          192.168.0.0/16
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network

from dataplane.check import EniCheck
from dataplane.engine import Engine
from dataplane.errors import DropReason, LocalError
from dataplane.esp import OUTER_LENGTH, InboundSa, OutboundSa, overlay_mtu
from dataplane.headers import HeaderRules
from dataplane.ike.doubles import PSK, TO_POP, TO_VCPE, entropy_from
from dataplane.ike.numbers import IKE_PORT
from dataplane.ike.policy import Settings
from dataplane.negotiated import NegotiatedPeer
from dataplane.negotiation import IkeSetup
from dataplane.packets import Buffer, Datagram, Deliver, Effect, Endpoint, PathReport, Send
from dataplane.peer import Peer, RemoteGateway
from dataplane.suites import SUITES

VCPE: Endpoint = ("203.0.113.10", 4500)
POP: Endpoint = ("198.51.100.10", 4500)
AWS = IPv4Network("10.0.0.0/16")
ALIBABA = IPv4Network("192.168.0.0/16")
PEER = "sag-1"  # the gateway's resource names the tunnel at both ends
TO_POP_SPI = 4097
TO_VCPE_SPI = 4098
MTU = overlay_mtu(1500)
UNLIMITED = 65535  # bytes of a datagram
QUOTED_LENGTH = 8  # bytes of a datagram's payload in an ICMP error of the double's router
DEFAULT_CIPHER = "aes-256-gcm"
QUIET = HeaderRules(discover_mtu=False)
"""What gateways do about headers unless a test wants more: no probe stands between the packets of a test."""


def material(spi: int, cipher: str = DEFAULT_CIPHER) -> bytes:
    """Keying material that is worth nothing: each direction's own, the same in every run."""
    return bytes((spi + index) % 256 for index in range(SUITES[cipher].material_length))


def outbound_sa(spi: int, cipher: str = DEFAULT_CIPHER) -> OutboundSa:
    return OutboundSa(spi, SUITES[cipher], material(spi, cipher))


def inbound_sa(spi: int, cipher: str = DEFAULT_CIPHER) -> InboundSa:
    return InboundSa(spi, SUITES[cipher], material(spi, cipher))


@dataclass
class Gateway:
    """An engine, the endpoint that others see it at, and what it wrote to its TUN device."""

    engine: Engine
    endpoint: Endpoint
    delivered: list[bytes] = field(default_factory=list)

    @property
    def peer(self) -> RemoteGateway:
        return self.engine.peers[PEER]

    @property
    def negotiated(self) -> NegotiatedPeer:
        """The peer, which is keyed by IKE."""
        peer = self.peer
        if not isinstance(peer, NegotiatedPeer):
            raise LocalError(f"peer {peer.name} is keyed by hand")
        return peer

    @property
    def drops(self) -> dict[DropReason, int]:
        """Every drop that the engine counted, wherever."""
        return dict(self.engine.drops + self.peer.counters.drops)


class Underlay:
    """Carries datagrams between gateways at once, and keeps a copy of each on `wire`. `up` may be switched off.

    `mtu` is that of a link in the middle. Its router tells a sender of a datagram too big for it, unless `icmp` is switched off.
    """

    def __init__(self, *gateways: Gateway, now: float = 1000.0) -> None:
        self.gateways = gateways
        self.now = now
        self.up = True
        self.mtu = UNLIMITED
        self.icmp = True
        self.wire: list[Datagram] = []

    def send(self, gateway: Gateway, *packets: Buffer) -> None:
        """A gateway reads packets off its TUN device."""
        self.carry_out(gateway, gateway.engine.outbound(packets, self.now))

    def inject(self, gateway: Gateway, payload: Buffer, source: Endpoint, tos: int = 0) -> None:
        """A datagram reaches a gateway, from wherever."""
        self.carry_out(gateway, gateway.engine.inbound([Datagram(payload, source, tos)], self.now))

    def inject_ike(self, gateway: Gateway, payload: Buffer, source: Endpoint) -> None:
        """A datagram reaches a gateway's UDP/500."""
        self.carry_out(gateway, gateway.engine.inbound_ike([Datagram(payload, source)], self.now))

    def advance(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass, with a tick for every gateway at each step."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + step)
            self.tick()

    def tick(self) -> None:
        for gateway in self.gateways:
            self.carry_out(gateway, gateway.engine.tick(self.now))

    def carry_out(self, gateway: Gateway, effects: list[Effect]) -> None:
        """Do what a gateway's engine wants."""
        for effect in effects:
            if isinstance(effect, Send | Deliver) and effect.entry is not None:
                effect.entry.put_down()
            if isinstance(effect, Deliver):
                gateway.delivered.append(bytes(effect.packet))
            else:
                source = gateway.endpoint if isinstance(effect, Send) else (gateway.endpoint[0], IKE_PORT)
                tos = effect.tos if isinstance(effect, Send) else 0
                self._transmit(gateway, Datagram(bytes(effect.payload), source, tos), effect.endpoint)

    def _transmit(self, sender: Gateway, datagram: Datagram, destination: Endpoint) -> None:
        self.wire.append(datagram)
        if OUTER_LENGTH + len(datagram.payload) > self.mtu:
            report = PathReport(destination, self.mtu, bytes(datagram.payload[:QUOTED_LENGTH]), is_local=False)
            sender.engine.reported([report] if self.icmp else [], self.now)
            return
        for gateway in self.gateways:
            if self.up and gateway.endpoint == destination:
                self.inject(gateway, *datagram)
            elif self.up and (gateway.endpoint[0], IKE_PORT) == destination:
                self.inject_ike(gateway, datagram.payload, datagram.endpoint)


def vcpe(
    cipher: str = DEFAULT_CIPHER,
    *,
    mtu: int = MTU,
    check: EniCheck | None = None,
    now: float = 1000.0,
    rules: HeaderRules = QUIET,
) -> Gateway:
    """The end that speaks first, with its point of presence configured."""
    outbound, inbound = outbound_sa(TO_POP_SPI, cipher), inbound_sa(TO_VCPE_SPI, cipher)
    peer = Peer(PEER, outbound, inbound, [ALIBABA], POP, speaks_first=True)
    source = IPv4Address("10.0.2.10")
    return Gateway(Engine([peer], mtu=mtu, icmp_source=source, now=now, check=check, rules=rules), VCPE)


def pop(cipher: str = DEFAULT_CIPHER, *, now: float = 1000.0, rules: HeaderRules = QUIET) -> Gateway:
    """The end that waits, and knows no endpoint."""
    peer = Peer(PEER, outbound_sa(TO_VCPE_SPI, cipher), inbound_sa(TO_POP_SPI, cipher), [AWS])
    return Gateway(Engine([peer], mtu=MTU, icmp_source=IPv4Address("198.51.100.10"), now=now, rules=rules), POP)


def ike_vcpe(
    *,
    psk: bytes = PSK,
    to: Endpoint = POP,
    settings: Settings | None = None,
    seed: str = "",
    rules: HeaderRules = QUIET,
    seen_at: Endpoint = VCPE,
) -> Gateway:
    """The end that begins, keyed by IKE. It sits behind a NAT when it is `seen_at` another endpoint than its own."""
    peer = NegotiatedPeer(PEER, replace(TO_POP, psk=psk), [ALIBABA], to, speaks_first=True)
    return Gateway(_ike_engine(peer, VCPE, settings, seed, rules), seen_at)


def ike_pop(
    *,
    psk: bytes = PSK,
    settings: Settings | None = None,
    seed: str = "",
    rules: HeaderRules = QUIET,
    own: Endpoint = POP,
) -> Gateway:
    """The end that waits, keyed by IKE. It sits behind a NAT when its `own` endpoint is not the one that it is seen at."""
    return Gateway(_ike_engine(NegotiatedPeer(PEER, replace(TO_VCPE, psk=psk), [AWS]), own, settings, seed, rules), POP)


def _ike_engine(peer: NegotiatedPeer, own: Endpoint, settings: Settings | None, seed: str, rules: HeaderRules) -> Engine:
    setup = IkeSetup(own, entropy_from(f"{own} {seed}"), settings or Settings())
    return Engine([peer], mtu=MTU, icmp_source=IPv4Address(own[0]), now=1000.0, ike=setup, rules=rules)
