"""Public addresses: elastic IP addresses, and those that instances are given at launch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from ipaddress import IPv4Address

from lab.cloud.addressing import Address as AddressValue
from lab.cloud.aws.base import AwsBase, exactly_one
from lab.cloud.aws.resources import Address, InternetGateway, NetworkInterface
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation


class AddressOperations(AwsBase):
    @operation
    def allocate_address(self) -> Address:
        """Allocate an elastic IP address. Raises InsufficientAddressCapacity."""
        return self._put_address()

    @operation
    def release_address(self, allocation_id: str) -> None:
        """Raises InvalidAllocationID.NotFound, InvalidIPAddress.InUse."""
        address = self._elastic(allocation_id)
        if address.network_interface_id is not None:
            raise CloudError(
                "InvalidIPAddress.InUse",
                f"the address {address.public_ip} is in use by {address.network_interface_id}; disassociate it first",
            )
        self._store.delete(address)

    def describe_addresses(self) -> tuple[Address, ...]:
        """The elastic IP addresses. One assigned at launch is not listed; `public_addresses` has it."""
        return tuple(address for address in self._store.all(Address) if not address.auto_assigned)

    def public_addresses(self, network_interface_id: str) -> tuple[Address, ...]:
        """The public addresses of a network interface, elastic or assigned at launch."""
        return self._store.by(Address, "network_interface_id", network_interface_id)

    @operation
    def associate_address(
        self,
        allocation_id: str,
        *,
        instance_id: str | None = None,
        network_interface_id: str | None = None,
        private_ip_address: AddressValue | None = None,
        allow_reassociation: bool = True,
    ) -> str:
        """Give a private address, by default the primary one, a public address. Returns the id of the association.

        An address assigned at launch makes way for good; an elastic one is loosened and stays allocated.
        Raises InvalidAllocationID.NotFound, InvalidInstanceID.NotFound, InvalidInstanceID, InvalidNetworkInterfaceID.NotFound,
        MissingParameter, InvalidParameterCombination, InvalidParameterValue, Gateway.NotAttached, Resource.AlreadyAssociated.
        """
        address = self._elastic(allocation_id)
        parameter, target = exactly_one(instance_id=instance_id, network_interface_id=network_interface_id)
        interface = self._interface(parameter, target)
        private_ip = self._own_address(interface, private_ip_address)
        if not self._store.count(InternetGateway, "vpc_id", interface.vpc_id):
            raise CloudError(
                "Gateway.NotAttached", f"the network {interface.vpc_id} is not attached to any internet gateway; attach one first"
            )
        if address.network_interface_id is not None and not allow_reassociation:
            raise CloudError(
                "Resource.AlreadyAssociated", f"{allocation_id} is already associated with {address.network_interface_id}"
            )
        self._loosen_addresses(interface, (private_ip,))
        return self._tie(self._get(Address, allocation_id), interface, private_ip)

    @operation
    def disassociate_address(self, association_id: str) -> None:
        """Loosen an elastic IP address; it stays allocated. Raises InvalidAssociationID.NotFound."""
        for address in self._store.by(Address, "association_id", association_id):
            if not address.auto_assigned:
                self._loosen(address)
                return
        raise CloudError("InvalidAssociationID.NotFound", f"the association ID '{association_id}' does not exist")

    def _assign_public_address(self, interface: NetworkInterface) -> None:
        """What a launch does for an instance that is to have a public address."""
        self._tie(self._put_address(auto_assigned=True), interface, interface.private_ip_address)

    def _put_address(self, *, auto_assigned: bool = False) -> Address:
        allocation_id = self._supply.aws_id("eipalloc")
        origin = self._origin(allocation_id)
        address = Address(
            id=allocation_id,
            origin=origin,
            public_ip=self._supply.public_address(),
            auto_assigned=auto_assigned,
            association_origin=origin,
        )
        self._store.put(address)
        return address

    def _tie(self, address: Address, interface: NetworkInterface, private_ip: IPv4Address) -> str:
        association_id = self._supply.aws_id("eipassoc")
        tied = replace(
            address,
            association_id=association_id,
            network_interface_id=interface.id,
            private_ip=private_ip,
            association_origin=self._origin(address.id),
        )
        self._store.put(tied)
        return association_id

    def _loosen_addresses(self, interface: NetworkInterface, private_ips: Collection[IPv4Address]) -> None:
        for address in self.public_addresses(interface.id):
            if address.private_ip in private_ips:
                self._loosen(address)

    def _loosen(self, address: Address) -> None:
        if address.auto_assigned:
            self._store.delete(address)
            return
        origin = self._origin(address.id)
        self._store.put(
            replace(address, association_id=None, network_interface_id=None, private_ip=None, association_origin=origin)
        )

    def _elastic(self, allocation_id: str) -> Address:
        address = self._get(Address, allocation_id)
        if address.auto_assigned:
            raise CloudError(Address.NOT_FOUND, f"'{allocation_id}' is no allocation: {address.public_ip} was assigned at launch")
        return address

    def _own_address(self, interface: NetworkInterface, wanted: AddressValue | None) -> IPv4Address:
        if wanted is None:
            return interface.private_ip_address
        address = self._address(wanted)
        if address not in interface.private_ip_addresses:
            raise CloudError("InvalidParameterValue", f"the address {address} is not assigned to the interface {interface.id}")
        return address
