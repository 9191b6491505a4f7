"""What the inner and the outer IP header have to do with each other: DSCP and ECN. RFC 2983, RFC 6040.

On the way in, the outer header is made like the inner one. On the way out, only what routers said about congestion is taken
over into the inner header; a DSCP that the underlay changed stays there. The kernel chooses the outer TTL, and DF is always set.
An IPv6 header has the same eight bits as its traffic class, so all of this but the place of the byte would hold for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataplane import ipv4
from dataplane.errors import CongestionExperienced
from dataplane.ipv4 import Ipv4Header

DSCP_MASK = 0xFC  # RFC 2474 §3
ECN_MASK = 0x03  # RFC 3168 §5
NOT_ECT, ECT_1, ECT_0, CE = range(4)  # RFC 3168 §5

_MARKED_ON_THE_WAY = {(ECT_0, ECT_1): ECT_1, (ECT_0, CE): CE, (ECT_1, CE): CE}
"""By inner and outer codepoint, what the inner one becomes; in every other pair it stays. RFC 6040 §4.2, figure 4."""


@dataclass(frozen=True, slots=True)
class HeaderRules:
    """What is done to headers. Our choice: everything; each may be switched off.

    Without `copy_dscp` the underlay sees DSCP 0, and so does not learn of what class a packet is (RFC 2983 §5). Without
    `copy_ecn` it sees a sender that knows no ECN: the compatibility mode of RFC 6040 §4.1, for a peer that does not take
    congestion marks over. `clamp_mss` lowers the segment size that TCP announces to what the tunnel carries. `discover_mtu` finds
    out what the path to a peer carries; without it every path is taken to carry the overlay's MTU.
    """

    copy_dscp: bool = True
    copy_ecn: bool = True
    clamp_mss: bool = True
    discover_mtu: bool = True

    @property
    def tos_mask(self) -> int:
        """The bits of an inner TOS byte that the outer one takes over. RFC 6040 §4.1: CE is copied too."""
        return (DSCP_MASK if self.copy_dscp else 0) | (ECN_MASK if self.copy_ecn else 0)


def has_news_of_congestion(inner_tos: int, outer_tos: int) -> bool:
    """Whether `take_over_congestion` has anything to do."""
    inner, outer = inner_tos & ECN_MASK, outer_tos & ECN_MASK
    return outer == CE != inner or (inner, outer) in _MARKED_ON_THE_WAY


def take_over_congestion(packet: memoryview, header: Ipv4Header, outer_tos: int) -> None:
    """Write into a decapsulated packet what its outer header says about congestion. RFC 6040 §4.2.

    Raises CongestionExperienced for a packet that only a loss can tell about it.
    """
    inner, outer = header.tos & ECN_MASK, outer_tos & ECN_MASK
    if inner == NOT_ECT and outer == CE:
        raise CongestionExperienced("CE outside a packet whose sender knows no ECN")
    marked = _MARKED_ON_THE_WAY.get((inner, outer))
    if marked is not None:
        ipv4.write_tos(packet, header.tos & DSCP_MASK | marked)
