"""Between which endpoints an IKE conversation goes, and how its ends find out about a NAT. RFC 7296 §2.23, RFC 3948."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from dataplane.ike.algorithms import sha1
from dataplane.ike.message import Payloads
from dataplane.ike.numbers import IKE_PORT, NAT_PORT, NON_ESP_MARKER, Notice
from dataplane.ike.payloads import Notify
from dataplane.packets import Endpoint

PRETENDED = bytes(20)
"""A hash that no address has. An end that sends it as its own seems to sit behind a NAT, so ESP is sent in UDP in any case."""


@dataclass(frozen=True, slots=True)
class Path:
    """Our endpoint as our socket has it, and the peer's as we see it."""

    local: Endpoint
    remote: Endpoint

    @property
    def marker(self) -> bytes:
        """What stands before a message so that it is not taken for ESP: only port 500 belongs to IKE alone."""
        return b"" if self.local[1] == IKE_PORT else NON_ESP_MARKER

    def floated(self) -> Path:
        """The same on the ports that IKE and ESP share. A path that is not on port 500 is there already."""
        if self.local[1] != IKE_PORT:
            return self
        return Path((self.local[0], NAT_PORT), (self.remote[0], NAT_PORT))


@dataclass(frozen=True, slots=True)
class Nat:
    """Which end sits behind a NAT, as far as the hashes tell; without hashes, none."""

    here: bool
    there: bool


def nat_notices(spi_i: bytes, spi_r: bytes, path: Path, *, pretend: bool) -> list[Notify]:
    source = PRETENDED if pretend else _hash(spi_i, spi_r, path.local)
    return [
        Notify(Notice.NAT_DETECTION_SOURCE_IP, source),
        Notify(Notice.NAT_DETECTION_DESTINATION_IP, _hash(spi_i, spi_r, path.remote)),
    ]


def detect_nat(payloads: Payloads, spi_i: bytes, spi_r: bytes, path: Path) -> Nat:
    """What the peer's hashes say of the path on which they came."""
    sources = [notify.data for notify in payloads.notices(Notice.NAT_DETECTION_SOURCE_IP)]
    destinations = [notify.data for notify in payloads.notices(Notice.NAT_DETECTION_DESTINATION_IP)]
    here = bool(destinations) and _hash(spi_i, spi_r, path.local) not in destinations
    there = bool(sources) and _hash(spi_i, spi_r, path.remote) not in sources
    return Nat(here, there)


def _hash(spi_i: bytes, spi_r: bytes, endpoint: Endpoint) -> bytes:
    host, port = endpoint
    return sha1(spi_i + spi_r + IPv4Address(host).packed + port.to_bytes(2, "big"))
