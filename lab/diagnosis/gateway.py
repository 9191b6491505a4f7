"""Checks of the gateway itself: its subscription, its devices, its tunnel."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud.alibaba.resources import ARREARAGE, ORDERED, EnsInstance
from lab.cloud.alibaba.resources import RUNNING as ENS_RUNNING
from lab.cloud.aws.resources import RUNNING
from lab.cloud.user_data import DeviceCredentials, MalformedUserData, parse_user_data
from lab.compiler.device import Machine, is_vcpe
from lab.compiler.gateway import OVERLAY_MTU
from lab.diagnosis.case import Case
from lab.diagnosis.item import Check, Item, Level
from lab.explanation import Call
from lab.simulation import Drop, Probe
from lab.status import (
    CERTIFICATE_EXPIRED,
    CERTIFICATE_NOT_TRUSTED,
    CERTIFICATE_NOT_YET_VALID,
    CONTROLLER_UNREACHABLE,
    NO_TUNNEL,
    SERIAL_NUMBER_IN_USE,
    text_of,
)

_ANEW = "launch the machine anew from the SAG vCPE image, with the serial number and key of one device as its user data"


# What a machine complains of that is about its calls to the controller, and what to do.
_CALLS = {
    CONTROLLER_UNREACHABLE: "let the machine reach the controller: a route, a security group and a network ACL for TCP 443",
    CERTIFICATE_EXPIRED: "the provider has to issue another certificate: alibaba.issue_controller_certificate(days=365)",
    CERTIFICATE_NOT_YET_VALID: "set the machine's clock, or wait until the certificate is valid",
    CERTIFICATE_NOT_TRUSTED: "launch the machine anew from the SAG vCPE image, which knows whom to trust",
    SERIAL_NUMBER_IN_USE: "terminate one of the machines, or launch it anew with the pair of the other device",
}


def check_subscription(case: Case) -> Iterator[Item]:
    gateway = case.gateway
    if gateway.status == ARREARAGE:
        finding = f"the subscription ended at {gateway.expires_at:%Y-%m-%d %H:%M}"
        yield Item(Check.SUBSCRIPTION, Level.ERROR, finding, case.told(_renewal(case)))
    elif gateway.status == ORDERED:
        advice = case.told(Call.of("alibaba.activate_smart_access_gateway", smart_ag_id=gateway.id))
        yield Item(Check.SUBSCRIPTION, Level.ERROR, "the gateway was ordered and never activated", advice)
    else:
        yield Item(Check.SUBSCRIPTION, Level.OK, f"active until {gateway.expires_at:%Y-%m-%d %H:%M}")


def _renewal(case: Case) -> Call:
    return Call.of("alibaba.renew_instance", instance_id=case.gateway.id, renew_period=case.gateway.period)


def check_key(case: Case) -> Iterator[Item]:
    """A machine runs as one of the devices; if none does, what is wrong with those that come near."""
    if case.right_claims:
        names = ", ".join(f"{claim.machine.id} as {claim.device.role} device" for claim in case.right_claims)
        yield Item(Check.KEY, Level.OK, f"{names} runs with a right pair")
        active = case.gateway.active_device.serial_number
        if active not in {claim.device.serial_number for claim in case.right_claims}:
            yield Item(Check.KEY, Level.WARNING, f"no machine runs as the active device {active}", _ANEW)
        return
    faults = [fault for machine in case.machines if (fault := _fault(case, machine))]
    for finding, advice in faults or [(f"no machine bears a serial number of '{case.gateway.id}'", _ANEW)]:
        yield Item(Check.KEY, Level.ERROR, finding, advice)


def _fault(case: Case, machine: Machine) -> tuple[str, str] | None:
    """Why a machine is no device of the gateway; None for one that was never meant to be."""
    try:
        given = parse_user_data(machine.user_data)
    except MalformedUserData as error:
        return (f"{machine.id}: {error}", _ANEW) if is_vcpe(case.cloud, machine) else None
    bought = dict(zip(case.gateway.serial_numbers, case.gateway.secret_keys, strict=True))
    known = given.serial_number in bought, given.key in bought.values()
    if not any(known):
        return None
    if not is_vcpe(case.cloud, machine):
        return f"{machine.id} boots from another image than that of SAG vCPE", _ANEW
    if known != (True, True) or bought[given.serial_number] != given.key:
        return _mismatch(machine, given, known), _ANEW
    return _stopped(case, machine)


def _mismatch(machine: Machine, given: DeviceCredentials, known: tuple[bool, bool]) -> str:
    match known:
        case (True, False):
            return f"{machine.id} bears the serial number {given.serial_number} with a key that is not its own"
        case (False, True):
            return f"{machine.id} bears the serial number {given.serial_number}, which was not bought, with the key of a device"
        case _:
            return f"{machine.id} bears the serial number of one device with the key of the other"


def _stopped(case: Case, machine: Machine) -> tuple[str, str] | None:
    if isinstance(machine, EnsInstance):
        start, running = "alibaba.start_ens_instance", machine.state == ENS_RUNNING
    else:
        start, running = "aws.start_instances", machine.state == RUNNING
    return None if running else (f"{machine.id} does not run", case.told(Call.of(start, instance_id=machine.id)))


def check_controller(case: Case) -> Iterator[Item]:
    """The machines reach the controller, and the two accept each other.

    What else it withholds a configuration for is other checks' to tell.
    """
    if not case.control_reasons:
        yield Item(Check.CONTROLLER, Level.UNCHECKED, "no machine phones home as a device of the gateway")
    for machine, reason in case.control_reasons.items():
        if not reason:
            yield Item(Check.CONTROLLER, Level.OK, f"{machine} reports to the controller")
        elif reason not in _CALLS or (reason == CONTROLLER_UNREACHABLE and case.obstacle is not None):
            yield Item(Check.CONTROLLER, Level.UNCHECKED, f"something else is to be mended first: {text_of(reason)}")
        else:
            yield Item(Check.CONTROLLER, Level.ERROR, f"{machine}: {text_of(reason)}", _CALLS[reason])


def check_tunnel(case: Case) -> Iterator[Item]:
    """The two ends know each other; if not, where the datagrams die that are to open the tunnel."""
    if case.is_connected:
        yield Item(Check.TUNNEL, Level.OK, "VPN Status is Normal at both ends")
        return
    died = case.obstacle
    if died is None or died.reason is None or died.at is None:
        told = next((text_of(end.reason) for end in case.vpn_ends if end.reason), text_of(NO_TUNNEL))
        yield Item(Check.TUNNEL, Level.UNCHECKED, f"something else is to be mended first: {told}")
        return
    finding = f"what is to open the tunnel, {died.probe}, dies at {died.at.node.label}: {died.reason.text}"
    advice = "let the gateway's machine speak with the internet: a public address, a route, a network ACL for UDP 500 and 4500"
    yield Item(Check.TUNNEL, Level.ERROR, finding, advice)


def check_mtu(case: Case) -> Iterator[Item]:
    """A packet as large as the tunnel takes, sent through it."""
    if not case.is_connected:
        yield Item(Check.MTU, Level.UNCHECKED, "the tunnel is not open")
        return
    node = case.topology.by_name[case.vpn_ends[0].node]
    far = next((peer.prefixes[0] for service in node.services for peer in service.peers if peer.prefixes), None)
    if far is None:
        yield Item(Check.MTU, Level.UNCHECKED, "the gateway has learned no network to send to")
        return
    source = node.interfaces[0].addresses[0].ip
    walk = case.simulation.send(
        Probe(source, far[1], "icmp", source_port=1, size=OVERLAY_MTU, dont_fragment=True), node.name
    )
    if walk.reason is not Drop.FRAGMENTATION_NEEDED:
        yield Item(Check.MTU, Level.OK, f"packets of {OVERLAY_MTU} bytes pass the tunnel")
        return
    narrow = walk.at.node.label if walk.at is not None else node.label
    finding = f"a packet of {OVERLAY_MTU} bytes, which the tunnel takes, is too large in its encrypted form at {narrow}"
    yield Item(Check.MTU, Level.ERROR, finding, "raise the MTU on that link to 1500, or lower that of the hosts' packets")
