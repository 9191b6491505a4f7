"""What a node's kernel itself drops, before or beside any gate: too old, too big, not for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from lab.emulation.machine import Machine

# RFC 4293's counters, as /proc/net/snmp names them, and what a rise in each means here.
MEANING = {"InHdrErrors": "TTL_EXCEEDED", "FragFails": "FRAGMENTATION_NEEDED", "InAddrErrors": "NOT_FORWARDING"}


def kernel_drops(machines: Mapping[str, Machine]) -> Counter[tuple[str, str]]:
    """How many packets the kernel of each node has dropped, by (node, code)."""
    found: Counter[tuple[str, str]] = Counter()
    for name, machine in machines.items():
        values = _ip_counters(Path(f"/proc/{machine.pid}/net/snmp").read_text())
        found.update({(name, code): values[counter] for counter, code in MEANING.items()})
    return found


def _ip_counters(snmp: str) -> dict[str, int]:
    names, values = (line.split()[1:] for line in snmp.splitlines() if line.startswith("Ip:"))
    return dict(zip(names, map(int, values), strict=True))
