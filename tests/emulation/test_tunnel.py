"""What the internet sees of a ping, under each cipher: nothing but ESP, which scapy opens with the keys that IKE agreed on."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Packet
from scapy.utils import rdpcap

from dataplane.keylog import Table
from lab.emulation.sandbox import RUNTIME
from lab.emulation.tunnels import CIPHERS
from tests.emulation.lab_process import LabProcess
from tests.emulation.scenario_lab import scenario_lab

pytestmark = pytest.mark.emulation

APP, ECS = "10.0.1.10", "192.168.1.10"
PUBLIC, PRESENCE = "203.0.113.10", "198.51.100.10"
ECHOES = 4
PATTERN = b"saglab in clear!"  # ping repeats up to 16 bytes of it through the payload

SCAPY_NAMES = {"aes-128-gcm": "AES-GCM", "aes-256-gcm": "AES-GCM", "chacha20-poly1305": "CHACHA20-POLY1305"}


@dataclass(frozen=True)
class Observed:
    """A ping from app to ecs: captures on the internet and at ecs, what was dropped, and what the dataplanes say."""

    internet: Path
    ecs: Path
    received: int
    drops: list[tuple[str, str, int]]
    peers: dict[str, dict[str, Any]]  # the status of the only peer at "vcpe" and at "ccn-singapore"
    keys: dict[int, bytes]  # by SPI, from the key log: key and salt

    @property
    def spis(self) -> set[int]:
        return {peer[direction] for peer in self.peers.values() for direction in ("spi_in", "spi_out")}


def _observe(cipher: str, place: Path) -> Observed:
    directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    keylog = RUNTIME / "keylog"
    keylog.mkdir(mode=0o700)
    with scenario_lab(cipher, keylog) as lab:
        topology = lab.emulation.topology
        uplink = next(i.name for i in topology.by_name["internet"].interfaces if i.name.startswith("ccn-"))
        with (
            lab.emulation.capture("internet", uplink, Path("internet.pcap"), directory),
            lab.emulation.capture(lab.node("ecs"), "eth0", Path("ecs.pcap"), directory),
        ):
            ping = lab.ping("app", ECS, "-p", PATTERN.hex(), "-I", APP, echoes=ECHOES)
        received = ping.text.count("bytes from")
        status = {label: lab.emulation.tunnel_status()[lab.node(label)]["peers"] for label in ("vcpe", "ccn-singapore")}
        peers = {label: next(iter(found.values())) for label, found in status.items()}
        keys = _logged_keys(keylog)
        return Observed(place / "internet.pcap", place / "ecs.pcap", received, lab.drops(), peers, keys)


def _logged_keys(keylog: Path) -> dict[int, bytes]:
    rows = csv.reader((keylog / Table.ESP).read_text().splitlines())
    return {int(spi, 16): bytes.fromhex(key.removeprefix("0x")) for _, _, _, spi, _, key, _, _ in rows}


@pytest.fixture(scope="module")
def observations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Observed]:
    places = {cipher: tmp_path_factory.mktemp(cipher) for cipher in CIPHERS}
    labs = {cipher: LabProcess(lambda c=cipher, p=place: _observe(c, p)) for cipher, place in places.items()}  # type: ignore[misc]
    return {cipher: lab.result() for cipher, lab in labs.items()}


@pytest.fixture(params=CIPHERS)
def cipher(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def observed(observations: dict[str, Observed], cipher: str) -> Observed:
    return observations[cipher]


def requests_at_ecs(observed: Observed) -> list[Packet]:
    return [p[IP] for p in rdpcap(str(observed.ecs)) if ICMP in p and p[ICMP].type == 8]


def datagrams(observed: Observed) -> list[Packet]:
    """What carries ESP on the internet; a keepalive is one byte long."""
    return [p[IP] for p in rdpcap(str(observed.internet)) if UDP in p and p[UDP].len > 8 + 1]


def opened(observed: Observed, cipher: str) -> Iterator[Packet]:
    """The inner packets of what the vCPE sent, decrypted by scapy."""
    spi = observed.peers["vcpe"]["spi_out"]
    association = SecurityAssociation(  # type: ignore[no-untyped-call]
        ESP, spi=spi, crypt_algo=SCAPY_NAMES[cipher], crypt_key=observed.keys[spi], tunnel_header=IP(src=PUBLIC, dst=PRESENCE)
    )
    for packet in datagrams(observed):
        sealed = bytes(packet[UDP].payload)
        if int.from_bytes(sealed[:4], "big") == spi:
            yield association.decrypt(IP(bytes(IP(src=packet.src, dst=packet.dst, proto=50) / sealed)))  # type: ignore[no-untyped-call]


def test_every_echo_is_answered_and_nothing_drops(observed: Observed) -> None:
    assert observed.received == ECHOES
    assert observed.drops == []


@pytest.mark.requirement("S0-003", "S0-068")
def test_source_address_is_preserved_at_ecs(observed: Observed) -> None:
    requests = requests_at_ecs(observed)
    assert [(p.src, p.dst) for p in requests] == [(APP, ECS)] * ECHOES


@pytest.mark.requirement("S0-068")
def test_the_internet_carries_nothing_in_clear(observed: Observed) -> None:
    inside, outside = observed.ecs.read_bytes(), observed.internet.read_bytes()
    assert PATTERN in inside  # it can be found where it is in clear
    doubled = PATTERN + PATTERN
    for start in range(len(PATTERN)):
        assert doubled[start : start + 6] not in outside
    addresses = bytes(IP(src=APP, dst=ECS))[12:20]
    assert addresses in inside
    assert addresses not in outside


@pytest.mark.requirement("S0-068")
def test_only_tunnel_packets_between_the_public_addresses(observed: Observed) -> None:
    packets = [p[IP] for p in rdpcap(str(observed.internet)) if IP in p]
    assert {frozenset((p.src, p.dst)) for p in packets} == {frozenset((PUBLIC, PRESENCE))}
    assert all(UDP in p and {p[UDP].sport, p[UDP].dport} == {4500} for p in packets)
    assert len(datagrams(observed)) >= 2 * ECHOES


def test_each_datagram_is_of_an_association_that_ike_made(observed: Observed) -> None:
    sealed = [bytes(packet[UDP].payload) for packet in datagrams(observed)]
    assert {int.from_bytes(payload[:4], "big") for payload in sealed} == observed.spis
    assert len(observed.spis) == 2


def test_scapy_opens_what_the_vcpe_sent(observed: Observed, cipher: str) -> None:
    requests = [packet for packet in opened(observed, cipher) if ICMP in packet and packet[ICMP].type == 8]
    delivered = requests_at_ecs(observed)
    assert len(requests) == ECHOES
    assert [bytes(p[ICMP]) for p in requests] == [bytes(p[ICMP]) for p in delivered]
    assert [(p.src, p.dst, p.id) for p in requests] == [(p.src, p.dst, p.id) for p in delivered]


@pytest.mark.requirement("S0-037", "S0-050")
def test_both_ends_are_normal_under_the_chosen_cipher(observed: Observed, cipher: str) -> None:
    assert [(peer["vpn_status"], peer["cipher"], peer["ike"]["failure"]) for peer in observed.peers.values()] == [
        ("Normal", cipher, None)
    ] * 2
    vcpe, presence = (observed.peers[label]["ike"] for label in ("vcpe", "ccn-singapore"))
    assert (vcpe["identity"], vcpe["remote_identity"]) == (presence["remote_identity"], presence["identity"])
    assert vcpe["identity"].startswith("sag")


def test_every_run_has_keys_of_its_own(observations: dict[str, Observed]) -> None:
    keys = [key[:16] for observed in observations.values() for key in observed.keys.values()]
    assert len(keys) == len(set(keys)) == 2 * len(CIPHERS)
