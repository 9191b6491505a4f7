"""What lies behind the peer, enforced beside charon: it negotiates 0.0.0.0/0, and its selectors can not be changed live.

An nftables table of the node's own, on both sides of charon's TUN device. An ICMP error from a router behind the peer passes
when it is about a packet that passed (RFC 4301 §6), which the kernel knows as `related`.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from ipaddress import IPv4Network

from dataplane.errors import DropReason
from lab.emulation.machine import Machine

_TABLE = "selectors"
_COUNTED = (DropReason.OUTSIDE_SELECTOR, DropReason.NO_PEER_FOR_DESTINATION)

# After connection tracking (-200), which has to have seen an error before it is called related.
_RULES = """
table inet {table} {{
  counter {outside} {{ }}
  counter {nobody} {{ }}
  set behind {{ type ipv4_addr; flags interval; auto-merge; }}
  chain inbound {{
    type filter hook prerouting priority -150; policy accept;
    iifname "{device}" ip saddr != @behind ct state != related counter name "{outside}" drop
  }}
  chain outbound {{
    type filter hook postrouting priority 0; policy accept;
    oifname "{device}" ip daddr != @behind counter name "{nobody}" drop
  }}
}}
"""


class Selectors:
    """The prefixes behind the peer at a TUN device of a machine. At first there are none, and nothing passes."""

    def __init__(self, machine: Machine, device: str) -> None:
        self._machine = machine
        outside, nobody = _COUNTED
        self._load(_RULES.format(table=_TABLE, device=device, outside=outside, nobody=nobody))

    def set(self, prefixes: Collection[IPv4Network]) -> None:
        """In one step; a packet sees the old prefixes or the new ones."""
        listed = ", ".join(map(str, prefixes))
        added = f"add element inet {_TABLE} behind {{ {listed} }}\n" if listed else ""
        self._load(f"flush set inet {_TABLE} behind\n{added}")

    def drops(self) -> dict[DropReason, int]:
        listing = json.loads(self._machine.run_nft(f"list counters table inet {_TABLE}", json=True))
        counted = {entry["counter"]["name"]: entry["counter"]["packets"] for entry in listing["nftables"] if "counter" in entry}
        return {reason: counted[reason] for reason in _COUNTED}

    def remove(self) -> None:
        self._load(f"delete table inet {_TABLE}")

    def _load(self, text: str) -> None:
        self._machine.run_nft(text)
