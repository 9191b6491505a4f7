"""The public resolver: whom people's devices ask for names, unless their app has them ask somebody else."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from lab.compiler.draft import Draft, NodeDraft
from lab.compiler.names import WAN
from lab.origin import Origin
from lab.topology import ANY, Name, NameService, NodeKind, Route

# Our choice: an address kept free for documentation (TEST-NET-2, RFC 5737), below those of the points of presence.
RESOLVER_ADDRESS = IPv4Address("198.51.100.3")
PUBLIC_ZONE = "example.com"  # RFC 2606 §3
PUBLIC_NAME = f"www.{PUBLIC_ZONE}"  # a public site, which the resolver's own machine stands for
_TTL = 60  # seconds

_RESOLVER = "resolver"
_ORIGIN = Origin(_RESOLVER, "")  # like the internet it was there before any call
_LINK = Origin(_RESOLVER, "", -1)  # the last of the transfer links, which no call will get to


def write_resolver(draft: Draft) -> None:
    """Added where people's devices are: who asks others for names reaches it by its address nevertheless."""
    if all(node.kind is not NodeKind.TERMINAL for node in draft.nodes.values()):
        return
    node = draft.add(NodeDraft(_RESOLVER, _RESOLVER, NodeKind.DNS, ""))
    draft.transfer(node, WAN, draft.internet, _RESOLVER, _LINK, public=RESOLVER_ADDRESS)
    draft.internet.main.append(draft.through(draft.internet, _RESOLVER, IPv4Network(RESOLVER_ADDRESS), _ORIGIN))
    way_out = draft.through(node, WAN, ANY, _ORIGIN)
    node.main.append(Route(ANY, _ORIGIN, WAN, way_out.via, source=RESOLVER_ADDRESS))
    site = Name(PUBLIC_NAME, RESOLVER_ADDRESS, _TTL)
    node.name_service = NameService((RESOLVER_ADDRESS,), (PUBLIC_ZONE,), (site,), _ORIGIN)
