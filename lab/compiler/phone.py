"""How a machine with the SAG vCPE image phones home, and the controller that it calls.

A machine calls whenever it has read a serial number and a key in its user data, be they right or wrong: the controller tells.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from lab.cloud import Cloud
from lab.cloud.lab_time import time_in
from lab.cloud.user_data import MalformedUserData, parse_user_data
from lab.compiler.device import Devices, Machine, claim_of, entry_name, is_vcpe
from lab.phoning import Phone

# Our choice: an address kept free for documentation (TEST-NET-2, RFC 5737), below those of the points of presence.
CONTROLLER_ADDRESS = IPv4Address("198.51.100.2")
HTTPS = 443  # RFC 9110 §4.2.2


def phone_of(cloud: Cloud, machine: Machine, address: IPv4Address, devices: Devices) -> Phone | None:
    """None for another image, and for user data that names no device."""
    if not is_vcpe(cloud, machine):
        return None
    try:
        given = parse_user_data(machine.user_data)
    except MalformedUserData:
        return None
    claim = claim_of(cloud, machine)
    name = "" if claim is None else entry_name(claim.gateway, claim.device, devices)
    home = (CONTROLLER_ADDRESS, HTTPS)
    return Phone(name, given.serial_number, given.key.encode(), address, home, time_in(cloud.store), machine.origin)
