"""The options that say what packet a question is about."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.explanation import Question


def add_packet_options(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    parser.add_argument("--protocol", choices=["icmp", "tcp", "udp"], default="icmp", help="what is sent (default: icmp)")
    parser.add_argument("--port", metavar="N", type=int, help="the destination port, for tcp and udp")
    parser.add_argument("--size", metavar="N", type=int, help="length of the IP packet in bytes (default: 84, tcp 60)")
    parser.add_argument("--ttl", metavar="N", type=int, default=64, help="time to live (default: 64)")
    parser.add_argument("--df", action="store_true", help="the packet must not be fragmented")


def asked_packet(options: argparse.Namespace, source: str, destination: str) -> Question:
    """What they ask about. Raises UsageError for a packet that cannot be."""
    from lab.explanation import Question  # few verbs need it, and it takes long to load

    return Question(source, destination, options.protocol, options.port, options.size, options.ttl, options.df)


def asks_about_packet(options: argparse.Namespace) -> bool:
    """Whether any of them was given. Raises UsageError for a packet that cannot be."""
    from lab.explanation import Question

    return asked_packet(options, "", "") != Question("", "")
