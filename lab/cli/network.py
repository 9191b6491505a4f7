"""The options by which `run` and `up` have a network run: cipher, capture, keys, a bad internet, and where mail goes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import UsageError
from lab.impairments import Order, parse_impairments

if TYPE_CHECKING:
    from lab.supervisor.options import NetworkOptions

# With %% for %, which argparse reads as the start of a name.
WHAT_A_LINK_MAY_DO = "delay 20ms, jitter 2ms, loss 1%%, duplicate 1%%, reorder 1%%, rate 10mbit, mtu 1280, down"


def add_network_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cipher", metavar="NAME", help="aes-128-gcm, aes-256-gcm (default) or chacha20-poly1305")
    parser.add_argument("--pcap", metavar="FILE", type=Path, help="write what passes all interfaces into one pcapng file")
    parser.add_argument("--keylog", metavar="DIR", type=Path, help="write all tunnels' keys into a directory, for Wireshark")
    parser.add_argument(
        "--wan", metavar="WHAT", help=f"what the links do by which tunnels enter the internet: {WHAT_A_LINK_MAY_DO}"
    )
    parser.add_argument("--smtp", metavar="HOST:PORT", help="the server that takes the clouds' mail (default: one in the lab)")
    parser.add_argument("--wan-seed", metavar="S", help="where all its chances come from")


def network_options(options: argparse.Namespace) -> NetworkOptions:
    """What was asked for, with the files opened: a lab has mounts of its own. Raises UsageError for what cannot be."""
    from lab.emulation.tunnels import CIPHERS, DEFAULT_CIPHER
    from lab.smtp import Relay
    from lab.supervisor.options import NetworkOptions

    cipher = options.cipher or DEFAULT_CIPHER
    if cipher not in CIPHERS:
        raise UsageError(f"no cipher {cipher!r}; there are: {', '.join(CIPHERS)}")
    wan = _wan(options)
    smtp = Relay.of(options.smtp) if options.smtp else None
    capture = _file(options.pcap) if options.pcap else None
    keylog = _directory(options.keylog) if options.keylog else None
    return NetworkOptions(cipher, capture, keylog, wan, smtp=smtp)


def _wan(options: argparse.Namespace) -> Order | None:
    if options.wan is not None:
        return Order(parse_impairments(options.wan), options.wan_seed)
    if options.wan_seed is not None:
        raise UsageError("--wan-seed says how the chances of --wan are drawn; give --wan too")
    return None


def _file(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _directory(directory: Path) -> int:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UsageError(f"cannot write keys into {directory}: {error.strerror}") from error
