"""Network interfaces: their addresses, their groups, their source/destination check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from lab.cloud.addressing import Address, first_free
from lab.cloud.aws.address import AddressOperations
from lab.cloud.aws.base import exactly_one
from lab.cloud.aws.resources import (
    BLACKHOLE,
    Instance,
    NetworkInterface,
    SecurityGroup,
    Subnet,
    Vpc,
)
from lab.cloud.aws.route import RouteStates
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# EC2's default quota.
GROUPS_PER_INTERFACE = 5

_FIRST_FREE = 4  # behind the four that AWS reserves at the start of a subnet


class NetworkInterfaceOperations(AddressOperations, RouteStates):
    @operation
    def create_network_interface(
        self, subnet_id: str, *, groups: Sequence[str] = (), private_ip_address: Address | None = None
    ) -> NetworkInterface:
        """Create a network interface; without `groups` it is in the VPC's default group.

        Raises InvalidSubnetID.NotFound, InvalidGroup.NotFound, InvalidParameterValue, InvalidIPAddress.InUse,
        InsufficientFreeAddressesInSubnet, SecurityGroupsPerInterfaceLimitExceeded.
        """
        return self._put_interface(self._get(Subnet, subnet_id), groups, private_ip_address)

    @operation
    def delete_network_interface(self, network_interface_id: str) -> None:
        """Raises InvalidNetworkInterfaceID.NotFound, InvalidParameterValue while it is attached."""
        interface = self._get(NetworkInterface, network_interface_id)
        if interface.instance_id is not None:
            raise CloudError(
                "InvalidParameterValue",
                f"the network interface '{interface.id}' is in use by {interface.instance_id}; detach it first",
            )
        self._remove_interface(interface)

    def describe_network_interfaces(self, subnet_id: str | None = None) -> tuple[NetworkInterface, ...]:
        if subnet_id is None:
            return self._store.all(NetworkInterface)
        return self._store.by(NetworkInterface, "subnet_id", subnet_id)

    @operation
    def modify_network_interface_attribute(
        self, network_interface_id: str, *, source_dest_check: bool | None = None, groups: Sequence[str] | None = None
    ) -> None:
        """Turn the source/destination check on or off, or change the groups, one thing a call; also while it is in use.

        Raises InvalidNetworkInterfaceID.NotFound, MissingParameter, InvalidParameterCombination, and what
        create_network_interface raises about groups.
        """
        self._modify_interface(self._get(NetworkInterface, network_interface_id), source_dest_check, groups)

    @operation
    def assign_private_ip_addresses(
        self,
        network_interface_id: str,
        *,
        private_ip_addresses: Sequence[Address] | None = None,
        secondary_private_ip_address_count: int | None = None,
    ) -> tuple[IPv4Address, ...]:
        """Add secondary addresses: these, or so many free ones. Returns those that were added.

        Raises InvalidNetworkInterfaceID.NotFound, MissingParameter, InvalidParameterCombination, InvalidParameterValue,
        InvalidIPAddress.InUse, InsufficientFreeAddressesInSubnet.
        """
        interface = self._get(NetworkInterface, network_interface_id)
        before = len(interface.private_ip_addresses)
        wanted = _wanted(private_ip_addresses, secondary_private_ip_address_count)
        subnet = self._get(Subnet, interface.subnet_id)
        for value in wanted:
            address = self._free_address(subnet, value)
            interface = replace(interface, private_ip_addresses=(*interface.private_ip_addresses, address))
            self._store.put(interface)
        return interface.private_ip_addresses[before:]

    @operation
    def unassign_private_ip_addresses(self, network_interface_id: str, *, private_ip_addresses: Sequence[Address]) -> None:
        """Take secondary addresses away, and the public ones that stand for them.

        Raises InvalidNetworkInterfaceID.NotFound, InvalidParameterValue.
        """
        interface = self._get(NetworkInterface, network_interface_id)
        gone = [self._address(value) for value in private_ip_addresses]
        for address in gone:
            if address not in interface.private_ip_addresses[1:]:
                raise CloudError(
                    "InvalidParameterValue", f"{address} is not a secondary address of the network interface '{interface.id}'"
                )
        self._loosen_addresses(interface, gone)
        kept = tuple(address for address in interface.private_ip_addresses if address not in gone)
        self._store.put(replace(interface, private_ip_addresses=kept))

    def _modify_interface(
        self, interface: NetworkInterface, source_dest_check: bool | None, groups: Sequence[str] | None
    ) -> None:
        exactly_one(source_dest_check=source_dest_check, groups=None if groups is None else tuple(groups))
        origin = self._origin(interface.id)
        if source_dest_check is not None:
            self._store.put(replace(interface, source_dest_check=source_dest_check, check_origin=origin))
        elif not groups:
            raise CloudError("InvalidParameterValue", f"the network interface '{interface.id}' needs at least one security group")
        else:
            group_ids = self._groups_in(interface.vpc_id, groups)
            self._store.put(replace(interface, group_ids=group_ids, groups_origin=origin))

    def _put_interface(self, subnet: Subnet, groups: Sequence[str], private_ip_address: Address | None) -> NetworkInterface:
        group_ids = self._groups_in(subnet.vpc_id, groups or (self._get(Vpc, subnet.vpc_id).default_security_group_id,))
        address = self._free_address(subnet, private_ip_address)
        interface_id = self._supply.aws_id("eni")
        origin = self._origin(interface_id)
        interface = NetworkInterface(
            id=interface_id,
            origin=origin,
            subnet_id=subnet.id,
            vpc_id=subnet.vpc_id,
            private_ip_addresses=(address,),
            group_ids=group_ids,
            groups_origin=origin,
            check_origin=origin,
        )
        self._store.put(interface)
        return interface

    def _attach(self, interface: NetworkInterface, instance: Instance, *, delete_on_termination: bool) -> None:
        """Put an interface into an instance, behind those it has."""
        index = len(instance.network_interface_ids)
        attached = replace(interface, instance_id=instance.id, device_index=index, delete_on_termination=delete_on_termination)
        self._store.put(attached)
        self._store.put(replace(instance, network_interface_ids=(*instance.network_interface_ids, interface.id)))
        self._settle_interface_routes(attached)

    def _remove_interface(self, interface: NetworkInterface) -> None:
        self._loosen_addresses(interface, interface.private_ip_addresses)
        self._settle_routes(interface.id, interface.vpc_id, BLACKHOLE)
        self._store.delete(interface)

    def _groups_in(self, vpc_id: str, groups: Sequence[str]) -> tuple[str, ...]:
        """The ids, each once, if all are groups of this VPC."""
        group_ids = tuple(dict.fromkeys(groups))
        for group_id in group_ids:
            if self._get(SecurityGroup, group_id).vpc_id != vpc_id:
                raise CloudError("InvalidGroup.NotFound", f"the security group '{group_id}' does not exist in VPC '{vpc_id}'")
        if len(group_ids) > GROUPS_PER_INTERFACE:
            raise CloudError(
                "SecurityGroupsPerInterfaceLimitExceeded",
                f"{len(group_ids)} groups are given; a network interface is in {GROUPS_PER_INTERFACE} at most",
            )
        return group_ids

    def _free_address(self, subnet: Subnet, wanted: Address | None) -> IPv4Address:
        if wanted is not None:
            return self._wanted_address(subnet, self._address(wanted))
        taken = self._store.count(NetworkInterface, "subnet_id", subnet.id)
        address = first_free(
            subnet.cidr_block,
            _FIRST_FREE + taken,
            subnet.reserved_addresses,
            lambda candidate: self._is_taken(subnet, candidate),
        )
        if address is None:
            raise CloudError("InsufficientFreeAddressesInSubnet", f"the subnet '{subnet.id}' ({subnet.cidr_block}) is full")
        return address

    def _wanted_address(self, subnet: Subnet, address: IPv4Address) -> IPv4Address:
        if address not in subnet.cidr_block:
            raise CloudError(
                "InvalidParameterValue", f"the address {address} does not fall within {subnet.cidr_block}, the subnet {subnet.id}"
            )
        if address in subnet.reserved_addresses:
            raise CloudError(
                "InvalidParameterValue",
                f"AWS reserves the first four and the last address of {subnet.cidr_block} ({subnet.id}), among them {address}",
            )
        for holder in self._store.by(NetworkInterface, "places", (subnet.id, address)):
            owner = holder.instance_id or holder.id
            raise CloudError(
                "InvalidIPAddress.InUse", f"the address {address} of {subnet.id} is already in use by {owner}; choose another"
            )
        return address

    def _is_taken(self, subnet: Subnet, address: IPv4Address) -> bool:
        return self._store.count(NetworkInterface, "places", (subnet.id, address)) > 0


def _wanted(addresses: Sequence[Address] | None, count: int | None) -> Sequence[Address | None]:
    """The addresses to add, None for any free one. Raises as exactly_one, and InvalidParameterValue if there are none."""
    parameter, _ = exactly_one(private_ip_addresses=addresses, secondary_private_ip_address_count=count)
    wanted: Sequence[Address | None] = addresses if addresses is not None else [None] * (count or 0)
    if not wanted:
        raise CloudError("InvalidParameterValue", f"{parameter} must name at least one address")
    return wanted
