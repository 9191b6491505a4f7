"""The key log: keys of security associations as Wireshark's tables want them, one row each. It performs no I/O.

A directory with both tables serves Wireshark and tshark as their configuration (WIRESHARK_CONFIG_DIR) or as a profile.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from dataplane.config import PeerKeys
from dataplane.ike.association import IkeSa
from dataplane.ike.keys import IkeKeys
from dataplane.suites import Suite


class Table(StrEnum):
    """Which rows go together. The values are Wireshark's names for the files."""

    IKE = "ikev2_decryption_table"
    ESP = "esp_sa"


# Wireshark's names: epan/dissectors/packet-isakmp.c, packet-ipsec.c
_IKE_CIPHERS = {
    "aes-128-gcm": "AES-GCM-128 with 16 octet ICV [RFC5282]",
    "aes-256-gcm": "AES-GCM-256 with 16 octet ICV [RFC5282]",
}
_IKE_NO_INTEGRITY = "NONE [RFC4306]"
_ESP_CIPHERS = {
    "aes-128-gcm": "AES-GCM with 16 octet ICV [RFC4106]",
    "aes-256-gcm": "AES-GCM with 16 octet ICV [RFC4106]",
    "chacha20-poly1305": "ChaCha20 with Poly1305 [RFC7634]",  # of versions after 4.0, which says that it does not know it
}
_ESP_NO_INTEGRITY = "NULL"
_ANYWHERE = "*"  # a NAT on the way changes addresses, and an SPI of 32 random bits says enough


class KeyLog:
    """Makes rows of keys, each of which goes to `write`, with its table and without a newline."""

    def __init__(self, write: Callable[[Table, str], None]) -> None:
        self._write = write

    def ike(self, sa: IkeSa) -> None:
        """An IKE SA that is established. Wireshark 4.0 has no name for ChaCha20-Poly1305 in IKE: a comment stands for that."""
        spis = f"{sa.spi_i.hex()},{sa.spi_r.hex()}"
        cipher = None if sa.suite is None else sa.suite.cipher.name
        if cipher in _IKE_CIPHERS:
            row = _ike_row(spis, sa.require_keys(), _IKE_CIPHERS[cipher])
        else:
            row = f"# {spis}: Wireshark does not decrypt {cipher} in IKE"
        self._write(Table.IKE, row)

    def child(self, suite: Suite, keys: PeerKeys) -> None:
        """Both directions of a pair of ESP associations."""
        for sa in (keys.outbound, keys.inbound):
            self._write(Table.ESP, _esp_row(sa.spi, suite, sa.material))


def _ike_row(spis: str, keys: IkeKeys, cipher: str) -> str:
    """SPIs, SK_ei, SK_er (with their salts), cipher, SK_ai, SK_ar, integrity: an AEAD has no keys for that."""
    return f'{spis},{keys.seal_i.hex()},{keys.seal_r.hex()},"{cipher}",,,"{_IKE_NO_INTEGRITY}"'


def _esp_row(spi: int, suite: Suite, material: bytes) -> str:
    """Protocol, source, destination, SPI, cipher, key (with its salt), integrity and its key."""
    sa = (_ANYWHERE, _ANYWHERE, f"0x{spi:08x}")
    keys = (_ESP_CIPHERS[suite.name], f"0x{material.hex()}", _ESP_NO_INTEGRITY, "")
    return ",".join(f'"{field}"' for field in ("IPv4", *sa, *keys))
