"""Network interfaces of ECS instances: their addresses and their groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from lab.cloud.addressing import Address, first_free, parse_address
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.resources import Instance, NetworkInterface, RouteTable, SecurityGroup, VSwitch
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# ECS, "Limits": of one network interface.
ADDRESSES_PER_INTERFACE = 50
GROUPS_PER_INTERFACE = 5


class NetworkInterfaceOperations(AlibabaBase):
    @operation
    def create_network_interface(
        self, v_switch_id: str, security_group_ids: Sequence[str], *, primary_ip_address: Address | None = None
    ) -> NetworkInterface:
        """Create a network interface that no instance has.

        Raises InvalidVSwitchId.NotFound, InvalidSecurityGroupId.NotFound, InvalidSecurityGroupId.VPCMismatch, MissingParameter,
        SecurityGroupInstanceLimitExceed, InvalidPrivateIpAddress.Malformed, InvalidPrivateIpAddress.Duplicated,
        InvalidVSwitchId.IpInsufficient.
        """
        return self._put_interface(self._get(VSwitch, v_switch_id), security_group_ids, primary_ip_address, None)

    @operation
    def delete_network_interface(self, network_interface_id: str) -> None:
        """Raises InvalidEniId.NotFound, InvalidOperation.InvalidEniState while it is attached, DependencyViolation.RouteEntry."""
        interface = self._get(NetworkInterface, network_interface_id)
        self._check_loose(interface)
        self._check_no_route(interface.id)
        self._store.delete(interface)

    def describe_network_interfaces(self, v_switch_id: str | None = None) -> tuple[NetworkInterface, ...]:
        if v_switch_id is None:
            return self._store.all(NetworkInterface)
        return self._store.by(NetworkInterface, "v_switch_id", v_switch_id)

    @operation
    def attach_network_interface(self, network_interface_id: str, instance_id: str) -> None:
        """Put a network interface into an instance of the same VPC and zone, behind those it has.

        Raises InvalidEniId.NotFound, InvalidInstanceId.NotFound, InvalidOperation.InvalidEniState,
        InvalidOperation.VpcMismatch, InvalidOperation.AvailabilityZoneMismatch.
        """
        interface = self._get(NetworkInterface, network_interface_id)
        instance = self._get(Instance, instance_id)
        self._check_loose(interface)
        primary = self._get(NetworkInterface, instance.network_interface_ids[0])
        if primary.vpc_id != interface.vpc_id:
            raise CloudError(
                "InvalidOperation.VpcMismatch", f"'{interface.id}' is in {interface.vpc_id}, '{instance_id}' in {primary.vpc_id}"
            )
        zones = [self._get(VSwitch, eni.v_switch_id).zone_id for eni in (interface, primary)]
        if zones[0] != zones[1]:
            raise CloudError(
                "InvalidOperation.AvailabilityZoneMismatch",
                f"'{interface.id}' is in the zone {zones[0]}, '{instance_id}' in {zones[1]}",
            )
        self._store.put(replace(interface, instance_id=instance.id))
        self._store.put(replace(instance, network_interface_ids=(*instance.network_interface_ids, interface.id)))

    @operation
    def detach_network_interface(self, network_interface_id: str, instance_id: str) -> None:
        """Take a secondary network interface out of its instance. Routes to it lead nowhere until it is in one again.

        Raises InvalidEniId.NotFound, InvalidInstanceId.NotFound, InvalidOperation.InvalidEniState,
        InvalidOperation.DetachPrimaryEniNotAllowed.
        """
        interface = self._get(NetworkInterface, network_interface_id)
        instance = self._get(Instance, instance_id)
        if interface.instance_id != instance_id:
            raise CloudError("InvalidOperation.InvalidEniState", f"'{interface.id}' is not attached to {instance_id}")
        if instance.network_interface_ids[0] == interface.id:
            raise CloudError(
                "InvalidOperation.DetachPrimaryEniNotAllowed", f"'{interface.id}' is the primary interface of {instance_id}"
            )
        self._take_out(interface, instance)

    @operation
    def modify_network_interface_attribute(self, network_interface_id: str, *, security_group_ids: Sequence[str]) -> None:
        """Put a network interface into other groups; also while it is in use.

        Raises InvalidEniId.NotFound, and what create_network_interface raises about groups.
        """
        interface = self._get(NetworkInterface, network_interface_id)
        groups = self._groups_in(interface.vpc_id, security_group_ids)
        self._store.put(replace(interface, security_group_ids=groups, groups_origin=self._origin(interface.id)))

    @operation
    def assign_private_ip_addresses(
        self,
        network_interface_id: str,
        *,
        private_ip_address: Sequence[Address] = (),
        secondary_private_ip_address_count: int = 0,
    ) -> tuple[IPv4Address, ...]:
        """Add secondary addresses: these, or so many free ones. Returns those that were added.

        Raises InvalidEniId.NotFound, MissingParameter, InvalidParameterCombination, PrivateIpAddressLimitExceed,
        InvalidPrivateIpAddress.Malformed, InvalidPrivateIpAddress.Duplicated, InvalidVSwitchId.IpInsufficient.
        """
        interface = self._get(NetworkInterface, network_interface_id)
        before = len(interface.private_ip_addresses)
        wanted: Sequence[Address | None] = private_ip_address or [None] * secondary_private_ip_address_count
        if private_ip_address and secondary_private_ip_address_count:
            raise CloudError("InvalidParameterCombination", "give either addresses or how many, not both")
        if not wanted:
            raise CloudError("MissingParameter", "give PrivateIpAddress.N or SecondaryPrivateIpAddressCount, at least one")
        if before + len(wanted) > ADDRESSES_PER_INTERFACE:
            raise CloudError(
                "PrivateIpAddressLimitExceed",
                f"'{interface.id}' has {before} addresses and may have {ADDRESSES_PER_INTERFACE}, not {len(wanted)} more",
            )
        switch = self._get(VSwitch, interface.v_switch_id)
        for value in wanted:
            address = self._free_address(switch, value)
            interface = replace(interface, private_ip_addresses=(*interface.private_ip_addresses, address))
            self._store.put(interface)
        return interface.private_ip_addresses[before:]

    @operation
    def unassign_private_ip_addresses(self, network_interface_id: str, *, private_ip_address: Sequence[Address]) -> None:
        """Take secondary addresses away. Raises InvalidEniId.NotFound, InvalidIp.IpUnassigned, MissingParameter."""
        interface = self._get(NetworkInterface, network_interface_id)
        gone = [parse_address(value, "InvalidIp.IpUnassigned") for value in private_ip_address]
        if not gone:
            raise CloudError("MissingParameter", "give at least one PrivateIpAddress.N")
        for address in gone:
            if address not in interface.private_ip_addresses[1:]:
                raise CloudError("InvalidIp.IpUnassigned", f"{address} is not a secondary address of '{interface.id}'")
        kept = tuple(address for address in interface.private_ip_addresses if address not in gone)
        self._store.put(replace(interface, private_ip_addresses=kept))

    def _put_interface(
        self, switch: VSwitch, groups: Sequence[str], address: Address | None, instance_id: str | None
    ) -> NetworkInterface:
        group_ids = self._groups_in(switch.vpc_id, groups)
        own = self._free_address(switch, address)
        interface_id = self._supply.alibaba_id("eni")
        origin = self._origin(interface_id)
        interface = NetworkInterface(
            id=interface_id,
            origin=origin,
            v_switch_id=switch.id,
            vpc_id=switch.vpc_id,
            private_ip_addresses=(own,),
            security_group_ids=group_ids,
            groups_origin=origin,
            instance_id=instance_id,
        )
        self._store.put(interface)
        return interface

    def _take_out(self, interface: NetworkInterface, instance: Instance) -> None:
        self._store.put(replace(interface, instance_id=None))
        others = tuple(id for id in instance.network_interface_ids if id != interface.id)
        self._store.put(replace(instance, network_interface_ids=others))

    def _check_loose(self, interface: NetworkInterface) -> None:
        if interface.instance_id is not None:
            raise CloudError(
                "InvalidOperation.InvalidEniState", f"'{interface.id}' is attached to {interface.instance_id}; detach it first"
            )

    def _check_no_route(self, next_hop_id: str) -> None:
        for table in self._store.by(RouteTable, "next_hop_ids", next_hop_id):
            raise CloudError(
                "DependencyViolation.RouteEntry", f"'{next_hop_id}' is the next hop of a route in {table.id}; delete the route"
            )

    def _groups_in(self, vpc_id: str, groups: Sequence[str]) -> tuple[str, ...]:
        """The ids, each once, if all are groups of this VPC."""
        group_ids = tuple(dict.fromkeys(groups))
        if not group_ids:
            raise CloudError("MissingParameter", "a network interface needs at least one security group (SecurityGroupId)")
        for group_id in group_ids:
            group = self._get(SecurityGroup, group_id)
            if group.vpc_id != vpc_id:
                raise CloudError("InvalidSecurityGroupId.VPCMismatch", f"'{group_id}' is in {group.vpc_id}, not in {vpc_id}")
        if len(group_ids) > GROUPS_PER_INTERFACE:
            raise CloudError(
                "SecurityGroupInstanceLimitExceed",
                f"{len(group_ids)} groups are given; a network interface is in {GROUPS_PER_INTERFACE} at most",
            )
        return group_ids

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
