"""Protocols and ports as EC2 writes them in the rules of security groups and network ACLs."""

from __future__ import annotations

from lab.cloud.aws.resources import ALL_PORTS, ALL_PROTOCOLS
from lab.cloud.errors import CloudError

# IANA, Assigned Internet Protocol Numbers; EC2 takes the number or the name for these three.
_NAMES = {"1": "icmp", "6": "tcp", "17": "udp"}
_HIGHEST_PORT = 65535
_HIGHEST_ICMP = 255


def protocol_name(value: str) -> str:
    """ "-1", "icmp", "tcp", "udp", or the number of another protocol. Raises InvalidParameterValue."""
    name = _NAMES.get(value, value)
    if name == ALL_PROTOCOLS or name in _NAMES.values():
        return name
    if not (name.isascii() and name.isdigit() and int(name) <= _HIGHEST_ICMP):
        raise CloudError("InvalidParameterValue", f"the protocol '{value}' is none of -1, icmp, tcp, udp or a number up to 255")
    return str(int(name))


def ports_of(protocol: str, first: int, last: int) -> tuple[int, int]:
    """The ports of a rule, or ICMP's type and code; both -1 where the protocol has none. Raises InvalidParameterValue."""
    if protocol in ("tcp", "udp"):
        if not 0 <= first <= last <= _HIGHEST_PORT:
            raise CloudError("InvalidParameterValue", f"the ports {first} to {last} are no range within 0 to 65535")
        return first, last
    if protocol == "icmp":
        if not (ALL_PORTS <= first <= _HIGHEST_ICMP and ALL_PORTS <= last <= _HIGHEST_ICMP):
            raise CloudError("InvalidParameterValue", f"the ICMP type {first} or code {last} is not within -1 to 255")
        if first == ALL_PORTS != last:
            raise CloudError("InvalidParameterValue", f"the ICMP code {last} needs a type; -1 is all types with all codes")
        return first, last
    return ALL_PORTS, ALL_PORTS
