"""vSwitches: the subnets of a VPC."""

from __future__ import annotations

from lab.cloud.addressing import Cidr, parse_cidr
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.name import check_resource_name
from lab.cloud.alibaba.resources import NetworkInterface, Vpc, VSwitch
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# Vpc 2016-04-28, CreateVSwitch.
WIDEST = 16
NARROWEST = 29


class VSwitchOperations(AlibabaBase):
    @operation
    def create_vswitch(self, vpc_id: str, cidr_block: Cidr, zone_id: str | None = None, v_switch_name: str = "") -> VSwitch:
        """Create a vSwitch; without `zone_id` it is in the first zone of the VPC's region.

        Raises InvalidVpcId.NotFound, InvalidZoneId.NotFound, InvalidVSwitchName.Malformed, InvalidCidrBlock.Malformed,
        InvalidCidrBlock.Overlapped.
        """
        vpc = self._get(Vpc, vpc_id)
        zone_id = zone_id or f"{vpc.region_id}a"
        if not zone_id.startswith(vpc.region_id) or zone_id == vpc.region_id:
            raise CloudError("InvalidZoneId.NotFound", f"the zone '{zone_id}' is not in {vpc.region_id}, the region of {vpc_id}")
        check_resource_name(v_switch_name, "InvalidVSwitchName.Malformed")
        block = parse_cidr(cidr_block, "InvalidCidrBlock.Malformed")
        if not WIDEST <= block.prefixlen <= NARROWEST or not block.subnet_of(vpc.cidr_block):
            raise CloudError(
                "InvalidCidrBlock.Malformed",
                f"the CIDR block {block} is invalid: a vSwitch of {vpc_id} is /{WIDEST} to /{NARROWEST} inside {vpc.cidr_block}",
            )
        for other in self._store.by(VSwitch, "vpc_id", vpc_id):
            if block.overlaps(other.cidr_block):
                raise CloudError("InvalidCidrBlock.Overlapped", f"{block} overlaps {other.cidr_block} ({other.id})")
        v_switch_id = self._supply.alibaba_id("vsw")
        switch = VSwitch(
            id=v_switch_id,
            origin=self._origin(v_switch_id),
            vpc_id=vpc_id,
            cidr_block=block,
            zone_id=zone_id,
            v_switch_name=v_switch_name,
        )
        self._store.put(switch)
        return switch

    @operation
    def delete_vswitch(self, v_switch_id: str) -> None:
        """Raises InvalidVSwitchId.NotFound, DependencyViolation."""
        switch = self._get(VSwitch, v_switch_id)
        interfaces = self._store.by(NetworkInterface, "v_switch_id", v_switch_id)
        if interfaces:
            users = ", ".join(interface.id for interface in interfaces)
            raise CloudError("DependencyViolation", f"the vSwitch '{v_switch_id}' is used by {users}")
        self._store.delete(switch)

    def describe_vswitches(self, vpc_id: str | None = None) -> tuple[VSwitch, ...]:
        return self._store.all(VSwitch) if vpc_id is None else self._store.by(VSwitch, "vpc_id", vpc_id)
