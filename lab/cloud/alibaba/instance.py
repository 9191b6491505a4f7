"""ECS instances and their network interfaces."""

from __future__ import annotations

from ipaddress import IPv4Address

from lab.cloud.addressing import Address, first_free, parse_address
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.name import check_resource_name
from lab.cloud.alibaba.resources import Instance, NetworkInterface, SecurityGroup, VSwitch
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation


class InstanceOperations(AlibabaBase):
    @operation
    def run_instances(
        self,
        v_switch_id: str,
        security_group_id: str,
        *,
        private_ip_address: Address | None = None,
        instance_name: str = "",
    ) -> Instance:
        """Launch one ECS instance with one network interface.

        Raises InvalidVSwitchId.NotFound, InvalidSecurityGroupId.NotFound, InvalidSecurityGroupId.VPCMismatch,
        InvalidInstanceName.Malformed, InvalidPrivateIpAddress.Malformed, InvalidPrivateIpAddress.Duplicated,
        InvalidVSwitchId.IpInsufficient.
        """
        switch = self._get(VSwitch, v_switch_id)
        group = self._get(SecurityGroup, security_group_id)
        if group.vpc_id != switch.vpc_id:
            raise CloudError(
                "InvalidSecurityGroupId.VPCMismatch",
                f"'{security_group_id}' is in {group.vpc_id}, and '{v_switch_id}' in {switch.vpc_id}",
            )
        check_resource_name(instance_name, "InvalidInstanceName.Malformed")
        address = self._free_address(switch, private_ip_address)
        interface_id, instance_id = self._supply.alibaba_id("eni"), self._supply.alibaba_id("i")
        instance = Instance(
            id=instance_id,
            origin=self._origin(instance_id),
            instance_name=instance_name,
            network_interface_ids=(interface_id,),
        )
        interface = NetworkInterface(
            id=interface_id,
            origin=self._origin(interface_id),
            v_switch_id=v_switch_id,
            vpc_id=switch.vpc_id,
            private_ip_addresses=(address,),
            security_group_ids=(security_group_id,),
            groups_origin=self._origin(interface_id),
            instance_id=instance_id,
        )
        self._store.put(interface)
        self._store.put(instance)
        return instance

    def describe_instances(self) -> tuple[Instance, ...]:
        return self._store.all(Instance)

    def describe_network_interfaces(self, v_switch_id: str | None = None) -> tuple[NetworkInterface, ...]:
        if v_switch_id is None:
            return self._store.all(NetworkInterface)
        return self._store.by(NetworkInterface, "v_switch_id", v_switch_id)

    def _free_address(self, switch: VSwitch, wanted: Address | None) -> IPv4Address:
        if wanted is not None:
            return self._wanted_address(switch, parse_address(wanted, "InvalidPrivateIpAddress.Malformed"))
        taken = self._store.count(NetworkInterface, "v_switch_id", switch.id)
        address = first_free(
            switch.cidr_block, 1 + taken, switch.reserved_addresses, lambda candidate: self._is_taken(switch, candidate)
        )
        if address is None:
            raise CloudError("InvalidVSwitchId.IpInsufficient", f"the vSwitch '{switch.id}' ({switch.cidr_block}) is full")
        return address

    def _wanted_address(self, switch: VSwitch, address: IPv4Address) -> IPv4Address:
        if address not in switch.cidr_block or address in switch.reserved_addresses:
            raise CloudError(
                "InvalidPrivateIpAddress.Malformed",
                f"the address {address} is outside {switch.cidr_block} ({switch.id}), or its first or one of its last three",
            )
        if self._is_taken(switch, address):
            raise CloudError(
                "InvalidPrivateIpAddress.Duplicated", f"the address {address} of {switch.id} is in use; choose another"
            )
        return address

    def _is_taken(self, switch: VSwitch, address: IPv4Address) -> bool:
        return self._store.count(NetworkInterface, "places", (switch.id, address)) > 0
