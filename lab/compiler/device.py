"""Which gateway's device a machine is, by what its user data says, and how the two ends of a tunnel prove who they are.

The user data may be wrong. A machine that names a purchased serial number, or bears a purchased key, is taken for that device
and opens its tunnel with whatever it was given; the point of presence goes by what was bought. So a pair that is half wrong
fails where the two ends are to prove who they are. A machine with neither half of a pair is nobody's device.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from dataplane.ike.identity import fqdn, key_id
from lab.cloud import Cloud
from lab.cloud.alibaba.controller_certificate import certificate_in
from lab.cloud.alibaba.ens import ENS_SAG_VCPE
from lab.cloud.alibaba.resources import ACTIVE, ACTIVE_ROLE, ACTIVE_STANDBY, Device, EnsInstance, SmartAccessGateway
from lab.cloud.alibaba.resources import RUNNING as ENS_RUNNING
from lab.cloud.aws.resources import RUNNING, Image, Instance
from lab.cloud.user_data import DeviceCredentials, MalformedUserData, parse_user_data
from lab.compiler.names import presence_name
from lab.topology import PeerAuthentication

Machine = Instance | EnsInstance


@dataclass(frozen=True, slots=True)
class Claim:
    """A machine that is to be a gateway's device. Its credentials may be others than the device's."""

    machine: Machine
    gateway: SmartAccessGateway
    device: Device
    credentials: DeviceCredentials

    @property
    def is_right(self) -> bool:
        return (self.credentials.serial_number, self.credentials.key) == (self.device.serial_number, self.device.secret_key)


def claim_of(cloud: Cloud, machine: Machine) -> Claim | None:
    """The device that a machine is to be; None for another image, malformed user data, or a pair that is wholly unknown."""
    if not is_vcpe(cloud, machine):
        return None
    try:
        given = parse_user_data(machine.user_data)
    except MalformedUserData:
        return None
    for gateway in cloud.store.by(SmartAccessGateway, "serial_numbers", given.serial_number):
        return Claim(machine, gateway, _one(gateway, serial_number=given.serial_number), given)
    for gateway in cloud.store.by(SmartAccessGateway, "secret_keys", given.key):
        return Claim(machine, gateway, _one(gateway, secret_key=given.key), given)
    return None


def _one(gateway: SmartAccessGateway, *, serial_number: str = "", secret_key: str = "") -> Device:
    return next(one for one in gateway.devices if serial_number == one.serial_number or secret_key == one.secret_key)


def is_vcpe(cloud: Cloud, machine: Machine) -> bool:
    """Whether a machine runs the SAG vCPE image."""
    if isinstance(machine, EnsInstance):
        return machine.image_id == ENS_SAG_VCPE
    return cloud.store.get(Image, machine.image_id).sag_vcpe


def running_claims(cloud: Cloud) -> Iterator[Claim]:
    """Every machine that runs, in AWS or on an edge node, and is to be a gateway's device."""
    images = [image.id for image in cloud.store.all(Image) if image.sag_vcpe]
    machines: list[Machine] = [
        instance
        for image_id in images
        for instance in cloud.store.by(Instance, "image_id", image_id)
        if instance.state == RUNNING
    ]
    machines += [instance for instance in cloud.store.all(EnsInstance) if instance.state == ENS_RUNNING]
    for machine in machines:
        claim = claim_of(cloud, machine)
        if claim is not None:
            yield claim


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices that machines run as.

    `served` are, by gateway, those that its point of presence waits for; the routes follow the first. `holders` are, by serial
    number, the machines that came first with the right pair: another machine that bears it too is nobody's device.
    """

    served: Mapping[str, tuple[Device, ...]]
    holders: Mapping[str, str]

    def served_of(self, gateway: SmartAccessGateway) -> tuple[Device, ...]:
        return self.served.get(gateway.id, ())

    def leads(self, gateway: SmartAccessGateway, device: Device) -> bool:
        """Whether the routes follow this device, and the gateway's statuses are its own: the active one where none is served."""
        return device == next(iter(self.served_of(gateway)), gateway.active_device)

    def came_late(self, claim: Claim) -> bool:
        """Whether another machine holds the serial number."""
        return claim.is_right and self.holders[claim.device.serial_number] != claim.machine.id


def devices_of(claims: Collection[Claim]) -> Devices:
    """What the machines that run come to."""
    holders: dict[str, str] = {}
    for claim in sorted(claims, key=lambda claim: claim.machine.state_origin.number):
        if claim.is_right:
            holders.setdefault(claim.device.serial_number, claim.machine.id)
    return Devices(_served(claims), holders)


def _served(claims: Collection[Claim]) -> dict[str, tuple[Device, ...]]:
    """Of a gateway in service: those that machines are to be, one that is rightly claimed first, and of these the active one.

    Of an active-standby pair only the active one is served.
    """
    ranks: dict[str, dict[str, tuple[bool, bool]]] = {}
    known: dict[str, Device] = {}
    for claim in claims:
        if may_connect(claim):
            serial_number = claim.device.serial_number
            known[serial_number] = claim.device
            ranked = ranks.setdefault(claim.gateway.id, {})
            ranked[serial_number] = max(ranked.get(serial_number, (False, False)), _rank(claim))
    return {
        gateway_id: tuple(known[serial] for serial in sorted(ranked, key=lambda serial: ranked[serial], reverse=True))
        for gateway_id, ranked in ranks.items()
    }


def may_connect(claim: Claim) -> bool:
    """Whether the gateway is in service, and the device not one that waits to be switched to."""
    return claim.gateway.status == ACTIVE and not waits(claim)


def waits(claim: Claim) -> bool:
    """Whether the device is the standby one of an active-standby pair."""
    return claim.gateway.ha_type == ACTIVE_STANDBY and claim.device.role != ACTIVE_ROLE


def has_configuration(cloud: Cloud, claim: Claim) -> bool:
    """Whether the device may have been told its configuration, which it keeps for as long as its machine runs.

    It calls as soon as it runs, and believes a controller whose certificate is good. Whoever issues another one does so with a
    certificate that is good then, so the last one tells of all since the start.
    """
    return claim.machine.launch_time <= certificate_in(cloud.store).not_after


def _rank(claim: Claim) -> tuple[bool, bool]:
    return claim.is_right, claim.device.role == ACTIVE_ROLE


def tunnel_name(gateway: SmartAccessGateway, device: Device) -> str:
    """What both ends call the tunnel of a device, whatever its role: the first bears its gateway's name, the other its own."""
    return gateway.id if device.serial_number == gateway.serial_numbers[0] else device.serial_number


def entry_name(gateway: SmartAccessGateway, device: Device, devices: Devices) -> str:
    """What the controller's register calls a device: its gateway, whose Control Status is then its own, or its serial number."""
    return gateway.id if devices.leads(gateway, device) else device.serial_number


def proof_of_machine(claim: Claim, ccn_id: str) -> PeerAuthentication:
    """What a gateway's machine tells its point of presence: what it was given at its launch."""
    given = claim.credentials
    return PeerAuthentication(
        key_id(given.serial_number), fqdn(presence_name(ccn_id)), given.key.encode(), claim.machine.origin
    )


def proof_of_presence(gateway: SmartAccessGateway, device: Device, ccn_id: str) -> PeerAuthentication:
    """What a point of presence tells a gateway, and expects of it: what was bought."""
    return PeerAuthentication(
        fqdn(presence_name(ccn_id)), key_id(device.serial_number), device.secret_key.encode(), gateway.origin
    )
