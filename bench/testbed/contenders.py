"""All that compete, in the order of the table's columns."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial

from testbed import openvpn, saglab, strongswan, tinc, wireguard
from testbed.contender import Contender
from testbed.path import Path


def _packaged(package: str) -> str:
    """The version of a Debian package; empty where it is not installed."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return done.stdout


def _debian(name: str, what: str, package: str, programs: tuple[str, ...], start: Callable[[Path], None]) -> Contender:
    return Contender(name, what, start, programs, package, partial(_packaged, package.split()[0]))


_SWAN = (
    "strongswan-charon strongswan-swanctl libcharon-extra-plugins libstrongswan-standard-plugins libstrongswan-extra-plugins",
    (strongswan.CHARON, "swanctl"),
)

_PLAIN = {"offloads": dict.fromkeys(("tun_tcp", "tun_udp", "underlay_send", "underlay_receive"), False)}
_TUNING = {"interfaces": ["lan", "wan"]}

CONTENDERS = (
    Contender("none", "the kernel forwards the packets as they are: the ceiling", Path.route_plainly),
    Contender("saglab", "AES-256-GCM", saglab.start),
    Contender("saglab-chacha", "ChaCha20-Poly1305", partial(saglab.start, cipher="chacha20-poly1305")),
    Contender("saglab-plain", "AES-256-GCM, with every offload switched off", partial(saglab.start, changes=_PLAIN)),
    _debian("wireguard-go", "ChaCha20-Poly1305", "wireguard-go wireguard-tools", ("wireguard-go", "wg"), wireguard.start),
    _debian("openvpn", "AES-256-GCM, no DCO", "openvpn", ("openvpn",), openvpn.start),
    _debian("strongswan-128", "AES-128-GCM, libipsec", *_SWAN, partial(strongswan.start, esp="aes128gcm16")),
    _debian("strongswan-256", "AES-256-GCM, libipsec", *_SWAN, partial(strongswan.start, esp="aes256gcm16")),
    _debian("tinc", "its own choice of cipher", "tinc", ("tincd",), tinc.start),
)

ON_REQUEST = (
    Contender("saglab-128", "AES-128-GCM", partial(saglab.start, cipher="aes-128-gcm")),
    Contender("saglab-1000", "AES-256-GCM, with 999 more peers", partial(saglab.start, others=999)),
    Contender("saglab-tuning", "AES-256-GCM, and tunes the gateway's interfaces itself", partial(saglab.start, changes=_TUNING)),
)
"""Measured when they are asked for."""
