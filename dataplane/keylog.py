"""The key log: keys of security associations as Wireshark's tables want them, one row each. It performs no I/O.

A directory with both tables serves Wireshark and tshark as their own (WIRESHARK_CONFIG_DIR), or as a profile.
"""

from __future__ import annotations

from enum import StrEnum


class Table(StrEnum):
    """Which rows go together. The values are Wireshark's names for the files."""

    IKE = "ikev2_decryption_table"
    ESP = "esp_sa"
