"""What to do about a drop that no single call mends."""

from __future__ import annotations

from lab.reasons import Reason
from lab.simulation import Drop, Failure
from lab.topology import NodeKind

_HINTS: dict[Reason | Drop, str] = {
    Reason.SAG_DEVICE_NOT_ASSOCIATED: (
        "launch the machine anew from the SAG vCPE image, with the serial number and key of a device as its user data"
    ),
    Reason.NO_POSSIBLE_DESTINATION: "launch a machine with that address, or ask for another address",
    Reason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS: "associate the public address with a running machine, or ask for another one",
    Drop.TTL_EXCEEDED: "send the packet with a greater TTL",
    Drop.NOT_FORWARDING: "route to a gateway; this machine accepts only what is addressed to itself",
    Drop.NEXT_HOP_UNREACHABLE: "route to an address that a machine on the link has",
    Drop.MARTIAN_SOURCE: "send from an address that can be answered",
    Drop.MARTIAN_DESTINATION: "send to a unicast address",
}


def hint_for(cause: Failure) -> str:
    """A sentence without a full stop; empty when nothing is known."""
    if cause.reason is Drop.FRAGMENTATION_NEEDED:
        return _smaller(cause)
    if cause.at is not None and cause.at.node.kind is NodeKind.INTERNET:
        return "ask for the public address of a machine; the lab's internet has no others"
    return _HINTS.get(cause.reason, "")


def _smaller(cause: Failure) -> str:
    leaves = cause.at.interface_out if cause.at is not None else None
    fits = f" of at most {leaves.mtu} bytes" if leaves is not None else ""
    return f"send packets{fits}, or let them be fragmented"
