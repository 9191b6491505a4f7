"""The source/destination check of a network interface, as a value with two predicates.

The fabric of a VPC enforces it (rendered to nftables), the simulation calls it, and a dataplane on a machine without a
fabric enforces it itself. All three read this one definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address


@dataclass(frozen=True, slots=True)
class EniCheck:
    """Source/destination check of one network interface.

    `addresses` are the private addresses of the interface, primary first. While `enabled`, the interface may send only
    from them and receive only for them. AWS enables the check on every new interface; a gateway needs it off
    (document "Connect AWS to Alibaba Cloud through SAG vCPE", step 2.5).
    """

    addresses: tuple[IPv4Address, ...]
    enabled: bool = True

    def permits_outbound(self, source: IPv4Address) -> bool:
        """Whether the interface may send a packet with this source address."""
        return not self.enabled or source in self.addresses

    def permits_inbound(self, destination: IPv4Address) -> bool:
        """Whether the interface may receive a packet with this destination address."""
        return not self.enabled or destination in self.addresses
