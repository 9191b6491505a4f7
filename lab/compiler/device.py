"""Which gateway's device a machine is, by what its user data says, and how the two ends of a tunnel prove who they are.

The user data may be wrong. A machine that names a purchased serial number, or bears a purchased key, is taken for that device
and opens its tunnel with whatever it was given; the point of presence goes by what was bought. So a pair that is half wrong
fails where the two ends are to prove who they are. A machine with neither half of a pair is nobody's device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dataplane.ike.identity import fqdn, key_id
from lab.cloud import Cloud
from lab.cloud.alibaba.ens import ENS_SAG_VCPE
from lab.cloud.alibaba.resources import ACTIVE_ROLE, Device, EnsInstance, SmartAccessGateway
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


def served_devices(claims: Iterable[Claim]) -> dict[str, Device]:
    """By gateway, the device that its point of presence waits for: one that is rightly claimed, the active one first."""
    best: dict[str, Claim] = {}
    for claim in claims:
        known = best.get(claim.gateway.id)
        if known is None or _rank(claim) > _rank(known):
            best[claim.gateway.id] = claim
    return {gateway_id: claim.device for gateway_id, claim in best.items()}


def _rank(claim: Claim) -> tuple[bool, bool]:
    return claim.is_right, claim.device.role == ACTIVE_ROLE


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
