"""A tunnel between two gateways in memory, before any is born: what a first handshake and a first packet make, all then share.

OpenSSL makes its tables at the first use of each algorithm, and Python notes in its code how that was run. Nothing of a rehearsal
is secret, or lives on: a dataplane draws its randomness from the kernel.
"""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address

from dataplane.doubles import Underlay, ike_pop, ike_vcpe
from dataplane.ipv4 import build_header
from dataplane.linux.seccomp import SeccompError, prepare_filter

_APP, _ECS = (int(IPv4Address(address)) for address in ("10.0.1.10", "192.168.1.10"))
_PROTOCOL = 253  # RFC 3692: for experiments


def rehearse() -> None:
    """Connect, and send a packet each way; make ready what a worker gives its system calls up with."""
    with contextlib.suppress(SeccompError):  # a worker says so itself, if it needs it
        prepare_filter()
    vcpe, pop = ike_vcpe(), ike_pop()
    underlay = Underlay(vcpe, pop)
    underlay.tick()
    underlay.send(vcpe, _packet(_APP, _ECS))
    underlay.send(pop, _packet(_ECS, _APP))
    if not (vcpe.delivered and pop.delivered):
        raise RuntimeError("no packet passed between two gateways in memory")


def _packet(source: int, destination: int) -> bytes:
    return build_header(protocol=_PROTOCOL, source=source, destination=destination, payload_length=0, tos=0, ttl=64)
