"""What to do about a drop that no single call mends."""

from __future__ import annotations

from lab.cloud.alibaba.resources import EnsNetwork
from lab.cloud.aws.resources import Vpc
from lab.explanation.client import client_hint
from lab.explanation.site import gateways_in, name_of_site, sites_of_address
from lab.explanation.situation import Situation
from lab.reasons import Reason
from lab.simulation import Drop
from lab.topology import NodeKind

_WAYLESS = (
    Drop.PEER_NOT_HEARD,
    Drop.NO_PEER_FOR_DESTINATION,
    Reason.NO_ROUTE_TO_DESTINATION,
    Reason.SAG_APP_NOT_CONNECTED,
    Reason.BAD_STATE_ROUTE,
    Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS,
)

_HINTS: dict[Reason | Drop, str] = {
    Reason.SAG_DEVICE_NOT_ASSOCIATED: (
        "launch the machine anew from the SAG vCPE image, with the serial number and key of a device as its user data (in a lab "
        "file: `runs_on` of a gateway)"
    ),
    Drop.AUTHENTICATION_FAILED: (
        "launch the gateway's machine anew, with the serial number and key of one device as its user data"
    ),
    Reason.CEN_NO_BANDWIDTH_PLAN: (
        "all of the bandwidth plan is shared out: take from what another pair of regions has, or have a larger plan"
    ),
    Reason.NO_POSSIBLE_DESTINATION: "launch a machine with that address, or ask for another address",
    Reason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS: "associate the public address with a running machine, or ask for another one",
    Drop.TTL_EXCEEDED: "send the packet with a greater TTL",
    Drop.NOT_FORWARDING: "route to a gateway; this machine accepts only what is addressed to itself",
    Drop.NEXT_HOP_UNREACHABLE: "route to an address that a machine on the link has",
    Drop.MARTIAN_SOURCE: "send from an address that can be answered",
    Drop.MARTIAN_DESTINATION: "send to a unicast address",
}


def hint_for(situation: Situation) -> str:
    """A sentence without a full stop; empty when nothing is known."""
    if situation.reason is Drop.FRAGMENTATION_NEEDED:
        return _smaller(situation)
    client = client_hint(situation) if situation.reason in _WAYLESS else ""
    if client:
        return client
    overlap = _overlap(situation)
    if overlap:
        return overlap
    if situation.hop.node.kind is NodeKind.INTERNET:
        return "ask for the public address of a machine; the lab's internet has no others"
    return _without_gateway(situation) or _HINTS.get(situation.reason, "")


def _smaller(situation: Situation) -> str:
    leaves = situation.hop.interface_out
    fits = f" of at most {leaves.mtu} bytes" if leaves is not None else ""
    return f"send packets{fits}, or let them be fragmented"


def _overlap(situation: Situation) -> str:
    """An address that lies in the blocks of two networks: packets go to the wrong one."""
    address = situation.packet.destination
    home = situation.site(address)
    if home is None or situation.reason not in (*_WAYLESS, Reason.NO_POSSIBLE_DESTINATION):
        return ""
    others = [site for site in sites_of_address(situation.cloud, address) if site.id != home.id]
    if not others:
        return ""
    there = f"{others[0].cidr_block} of {name_of_site(others[0])} overlaps {home.cidr_block} of {name_of_site(home)}"
    return f"{there}, so packets to {address} may go to either: give one of them another block"


def _without_gateway(situation: Situation) -> str:
    """Between the clouds there is no way but through a gateway in the AWS VPC or on the edge node."""
    sites = [situation.site(address) for address in (situation.packet.source, situation.packet.destination)]
    if situation.reason not in _WAYLESS or None in sites or sites[0] == sites[1]:
        return ""
    for site in sites:
        if isinstance(site, (Vpc, EnsNetwork)) and not gateways_in(situation.cloud, site):
            launch = "launch one from the SAG vCPE image, with a device's serial number and key"
            return f"no gateway runs in {name_of_site(site)}: {launch} (in a lab file: `runs_on` of a gateway)"
    return ""
