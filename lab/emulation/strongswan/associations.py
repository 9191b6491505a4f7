"""What charon says of its associations, in the words of our own dataplane's status.

The members are those of the event list-sa in the README of strongSwan's vici plugin; times are in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.status import ABNORMAL, NORMAL

Association = dict[str, Any]  # names to bytes, or to an Association inside

_CIPHERS = {("AES_GCM_16", 128): "aes-128-gcm", ("AES_GCM_16", 256): "aes-256-gcm", ("CHACHA20_POLY1305", 0): "chacha20-poly1305"}


def peer_status(associations: Sequence[Association], failure: str | None, servers: Sequence[str] = ()) -> dict[str, Any]:
    """The newest association of each kind speaks for the peer: while one is replaced there are two.

    `servers` are the DNS servers that came with a virtual address.
    """
    established = [one for one in associations if _text(one, "state") == "ESTABLISHED"]
    children = [child for one in established for child in one["child-sas"].values() if _text(child, "state") == "INSTALLED"]
    ike = min(established, key=lambda one: _number(one, "established"), default=None)
    child = min(children, key=lambda one: _number(one, "install-time"), default=None)
    told = {**_ike(ike), "failure": failure, "lease": _lease(ike, servers)}
    return {"vpn_status": ABNORMAL if child is None else NORMAL, **_child(child), "ike": told}


def _child(child: Association | None) -> dict[str, Any]:
    if child is None:
        return {"heard": None, "cipher": None, "spi_in": None, "spi_out": None}
    return {
        "heard": _number(child, "use-in") if "use-in" in child else None,
        "cipher": _cipher(child),
        "spi_in": int(_text(child, "spi-in"), 16),
        "spi_out": int(_text(child, "spi-out"), 16),
        "sent_packets": _number(child, "packets-out"),
        "sent_bytes": _number(child, "bytes-out"),
        "received_packets": _number(child, "packets-in"),
        "received_bytes": _number(child, "bytes-in"),
    }


def _ike(ike: Association | None) -> dict[str, Any]:
    if ike is None:
        return {"state": "IDLE", "established": None, "cipher": None, "prf": None, "group": None, "spi_i": None, "spi_r": None}
    return {
        "state": _text(ike, "state"),
        "established": _number(ike, "established"),
        "cipher": _cipher(ike),
        "prf": _text(ike, "prf-alg"),
        "group": _text(ike, "dh-group"),
        "spi_i": _text(ike, "initiator-spi"),
        "spi_r": _text(ike, "responder-spi"),
    }


def _lease(ike: Association | None, servers: Sequence[str]) -> dict[str, Any] | None:
    addresses = [] if ike is None else ike.get("local-vips", [])
    return {"address": addresses[0].decode(), "dns": list(servers)} if addresses else None


def _cipher(association: Association) -> str:
    """Our name of a cipher, or strongSwan's where we have none."""
    name, size = _text(association, "encr-alg"), int(association.get("encr-keysize", b"0"))
    return _CIPHERS.get((name, size), name)


def _text(association: Association, name: str) -> str:
    value: bytes = association[name]
    return value.decode()


def _number(association: Association, name: str) -> int:
    return int(_text(association, name))
