"""The key log of a real run opens its capture: scapy decodes ESP from it, tshark ESP and IKE.

    vcpe 10.99.0.1 ──── veth, captured ──── pop 10.99.0.2, both log their keys into one directory
"""

from __future__ import annotations

import csv
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Packet
from scapy.utils import rdpcap

from tests.dataplane.test_ike_process import APP, ECS, POINT, SERIAL, Site, ping, rekey_and_wait, sites, wait_for_vpn
from tests.dataplane.test_process import running

__all__ = ["sites"]

pytestmark = pytest.mark.emulation

SCAPY_NAMES = {
    "AES-GCM with 16 octet ICV [RFC4106]": "AES-GCM",
    "ChaCha20 with Poly1305 [RFC7634]": "CHACHA20-POLY1305",
}
ECHOES = 4
IKE_MARKER = bytes(4)
NONCE = "40"  # a payload that only an opened message shows
DECRYPT = ("-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE")


@dataclass(frozen=True)
class Captured:
    pcap: Path
    keys: Path  # the directory of the key log


@contextmanager
def capturing(site: Site, pcap: Path) -> Iterator[None]:
    command = [*site.enter, "tcpdump", "--immediate-mode", "-U", "-n", "-Z", "root", "-i", "left", "-w", str(pcap), "udp"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "listening" in process.stderr.readline()
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)


def run(ends: tuple[Site, Site], place: Path, cipher: str) -> Captured:
    """Ping before and after both kinds of rekey."""
    vcpe, pop = ends
    captured = Captured(place / "wire.pcap", place / "keys")
    captured.keys.mkdir()
    for site in ends:
        site.config["keylog"] = str(captured.keys)
        site.config["peers"][0]["cipher"] = cipher
    with capturing(vcpe, captured.pcap), pop.alive(), vcpe.alive() as left:
        wait_for_vpn(vcpe, pop)
        assert ping(left, ECS) == (ECHOES, ECHOES)
        for what in ("ike", "child"):
            rekey_and_wait(vcpe, what)
        assert ping(left, ECS) == (ECHOES, ECHOES)
    return captured


def associations(keys: Path) -> dict[int, SecurityAssociation]:
    """What the ESP table says, as scapy takes it, by SPI. Both ends logged every association."""
    with (keys / "esp_sa").open(newline="") as table:
        rows = list(csv.reader(table))
    assert {(protocol, source, destination) for protocol, source, destination, *_ in rows} == {("IPv4", "*", "*")}
    found = {int(spi, 16): (SCAPY_NAMES[cipher], bytes.fromhex(key[2:])) for *_, spi, cipher, key, _, _ in rows}
    assert len(rows) == 2 * len(found)
    tunnel = IP(src="10.99.0.1", dst="10.99.0.2")  # scapy wants one, and does not look at it when it decrypts
    return {
        spi: SecurityAssociation(ESP, spi=spi, crypt_algo=cipher, crypt_key=key, tunnel_header=tunnel)
        for spi, (cipher, key) in found.items()
    }


def esp_of(packet: Packet) -> Packet | None:
    """The ESP packet that a datagram holds, as if there were no UDP around it; None for IKE."""
    payload = bytes(packet[UDP].payload)
    if packet[UDP].dport != 4500 or payload.startswith(IKE_MARKER):
        return None
    return IP(bytes(IP(src=packet[IP].src, dst=packet[IP].dst, proto=50) / payload))


@pytest.mark.parametrize("cipher", ["aes-128-gcm", "chacha20-poly1305"])
def test_scapy_decodes_every_packet(sites: tuple[Site, Site], tmp_path: Path, cipher: str) -> None:
    captured = run(sites, tmp_path, cipher)
    by_spi = associations(captured.keys)
    sealed = [packet for packet in map(esp_of, rdpcap(str(captured.pcap))) if packet is not None]
    assert len(by_spi) == 4
    assert {packet[ESP].spi for packet in sealed} == set(by_spi)
    inner = [by_spi[packet[ESP].spi].decrypt(packet) for packet in sealed]
    assert [(packet.src, packet.dst, packet[ICMP].type) for packet in inner] == [(APP, ECS, 8), (ECS, APP, 0)] * 2 * ECHOES
    for table in captured.keys.iterdir():
        state = table.stat()
        assert (stat.S_IMODE(state.st_mode), state.st_uid) == (0o600, os.geteuid())


@pytest.mark.judge("tshark")
def test_tshark_decrypts_ike_and_esp(sites: tuple[Site, Site], tmp_path: Path) -> None:
    captured = run(sites, tmp_path, "aes-256-gcm")
    proofs = ("isakmp.id.data.key_id", "isakmp.id.data.fqdn", "isakmp.auth.method")
    identities = tshark(captured, "isakmp.exchangetype == 35", *proofs)
    serial, point = SERIAL["value"].encode().hex(), POINT["value"]
    assert identities == [[serial, point, "2"], ["", point, "2"]]
    rekeys = tshark(captured, "isakmp.exchangetype == 36", "isakmp.typepayload")
    assert [NONCE in payloads.split(",") for (payloads,) in rekeys] == [True] * 4  # of IKE and of a child, there and back
    echoes = tshark(captured, "esp && icmp", "ip.src", "ip.dst", "icmp.type", "esp.icv_good")
    there, back = ["10.99.0.1," + APP, "10.99.0.2," + ECS, "8", "1"], ["10.99.0.2," + ECS, "10.99.0.1," + APP, "0", "1"]
    assert echoes == [there, back] * 2 * ECHOES


def tshark(captured: Captured, wanted: str, *fields: str) -> list[list[str]]:
    """The fields of each packet that is wanted. The key log's directory serves as tshark's configuration."""
    names = [part for field in fields for part in ("-e", field)]
    command = ["tshark", "-r", str(captured.pcap), *DECRYPT, "-Y", wanted, "-T", "fields", *names]
    environment = os.environ | {"WIRESHARK_CONFIG_DIR": str(captured.keys)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "Error loading table" not in done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize("obstacle", ["symlink", "open-to-others", "no-directory"])
def test_key_log_that_others_could_read_is_refused(sites: tuple[Site, Site], tmp_path: Path, obstacle: str) -> None:
    vcpe, _ = sites
    keys = tmp_path / "keys"
    table = keys / "ikev2_decryption_table"
    if obstacle != "no-directory":
        keys.mkdir()
    if obstacle == "symlink":
        table.symlink_to(tmp_path / "elsewhere")
    elif obstacle == "open-to-others":
        table.touch(0o644)
    vcpe.config["keylog"] = str(keys)
    out, err = vcpe.start(vcpe.enter).communicate(timeout=60)
    assert out == ""
    assert err.startswith(f"dataplane: key log {table}: ")
    assert not (tmp_path / "elsewhere").exists()


def test_no_key_log_unasked(sites: tuple[Site, Site], tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    vcpe, _ = sites
    with running(vcpe, *vcpe.enter):
        assert {path.name for path in set(tmp_path.iterdir()) - before} == {"vcpe.json", "vcpe.sock"}
