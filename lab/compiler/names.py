"""Generated names, numbers and addresses of a Topology.

Each derives from the resource it is for, so that it stays when others go. Nothing a user typed gets in here. An identifier's
last 11 characters are unique, and with a prefix of at most four they fit an interface's name (15 characters).
"""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network

from lab.origin import Origin

TUN = "tun0"
WAN = "wan"
IGW = "igw"
CEN = "cen"
INTERNET = "internet"
CONTROLLER = "controller"

MAIN_TABLE = 254
_FIRST_TABLE = 1000

# Transfer links: shared address space (RFC 6598), the half that Alibaba Cloud's own services do not use. One call may bring about
# a link to the internet and one between two fabrics, so each kind has a part of its own.
_TO_INTERNET, _INSIDE = IPv4Network("100.64.0.0/12"), IPv4Network("100.80.0.0/12")

NOWHERE = Origin("", "")


def presence_name(ccn_id: str) -> str:
    """The name that a CCN's point of presence proves to be: a domain name kept for documentation (RFC 2606 §3)."""
    return f"{ccn_id}.ccn.example"


def interface_name(prefix: str, resource: str) -> str:
    """The name of the interface that leads to a resource: "eni" and "eni-0a…" give "eni-" and the id's last 11 characters."""
    return f"{prefix}-{resource[-11:]}"


def table_number(origin: Origin) -> int:
    """The kernel's number for a table of its own: the journal's number of what made it, moved past the reserved ones."""
    return _FIRST_TABLE + origin.number


def transfer_addresses(origin: Origin, *, inside: bool = False) -> tuple[IPv4Interface, IPv4Interface]:
    """The two addresses of the link that an operation brought about, each with /30: to the internet, or `inside` a cloud."""
    block = _INSIDE if inside else _TO_INTERNET
    base = int(block.network_address) + 4 * (origin.number % (block.num_addresses // 4))
    return IPv4Interface((base + 1, 30)), IPv4Interface((base + 2, 30))
