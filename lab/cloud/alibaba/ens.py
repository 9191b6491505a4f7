"""Edge Node Service: instances outside any VPC, on which the vCPE image runs too (document 000…, introduction; S0-002).

The provider has an API of its own for them (Ens 2017-11-10), with names that ECS uses as well; here they bear "ens" in the name.
An ENS network forwards by its routes and has no source/destination check. So that of a gateway in it is the gateway's own;
setting it is an extension of ours.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from lab.cloud.addressing import Address, Cidr, first_free, parse_address, parse_cidr
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.ens_instance_type import DEFAULT, ens_instance_type
from lab.cloud.alibaba.name import check_resource_name
from lab.cloud.alibaba.resources import RUNNING, STOPPED, EnsInstance, EnsNetwork, EnsSecurityGroup, RouteEntry
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# Images that an ENS instance can boot from.
ENS_LINUX = "centos_7_9_x64_20G_alibase"
ENS_SAG_VCPE = "sag-vcpe"
IMAGES = (ENS_LINUX, ENS_SAG_VCPE)

# Ens 2017-11-10, CreateNetwork.
WIDEST = 16
NARROWEST = 28
USER_DATA_BYTES = 16384

DEFAULT_ENS_REGION = "sg-singapore-1"  # our choice; ENS regions are many, and any name is taken


class EnsOperations(AlibabaBase):
    @operation
    def create_ens_network(
        self, cidr_block: Cidr, *, network_name: str = "", ens_region_id: str = DEFAULT_ENS_REGION
    ) -> EnsNetwork:
        """Create a private network on an edge node. Raises InvalidNetworkName.Malformed, InvalidCidrBlock.Malformed."""
        check_resource_name(network_name, "InvalidNetworkName.Malformed")
        block = parse_cidr(cidr_block, "InvalidCidrBlock.Malformed")
        if not WIDEST <= block.prefixlen <= NARROWEST:
            raise CloudError("InvalidCidrBlock.Malformed", f"the block {block} of a network is not /{WIDEST} to /{NARROWEST}")
        network_id = self._supply.alibaba_id("n")
        network = EnsNetwork(
            id=network_id,
            origin=self._origin(network_id),
            cidr_block=block,
            network_name=network_name,
            ens_region_id=ens_region_id,
        )
        self._store.put(network)
        return network

    @operation
    def delete_ens_network(self, network_id: str) -> None:
        """Raises InvalidNetworkId.NotFound, DependencyViolation."""
        network = self._get(EnsNetwork, network_id)
        users = [instance.id for instance in self._store.by(EnsInstance, "network_id", network_id)]
        if users:
            raise CloudError("DependencyViolation", f"the ENS network '{network_id}' is used by {', '.join(users)}")
        self._store.delete(network)

    @operation
    def create_ens_route_entry(self, network_id: str, destination_cidr_block: Cidr, next_hop_id: str) -> None:
        """Add a route of a network to one of its instances.

        Raises InvalidNetworkId.NotFound, InvalidCidrBlock.Malformed, InvalidNexthop.NotFound, RouterEntryConflict.Duplicated.
        """
        network = self._get(EnsNetwork, network_id)
        destination = parse_cidr(destination_cidr_block, "InvalidCidrBlock.Malformed")
        instance = self._store.find(EnsInstance, next_hop_id)
        if instance is None or instance.network_id != network_id:
            raise CloudError("InvalidNexthop.NotFound", f"there is no instance '{next_hop_id}' in {network_id}")
        if destination in (network.cidr_block, *(route.destination for route in network.routes)):
            raise CloudError("RouterEntryConflict.Duplicated", f"a route to {destination} exists in {network_id}")
        entry = RouteEntry(destination, "Instance", next_hop_id, self._origin(network_id))
        self._store.put(replace(network, routes=(*network.routes, entry)))

    @operation
    def delete_ens_route_entry(self, network_id: str, destination_cidr_block: Cidr) -> None:
        """Raises InvalidNetworkId.NotFound, InvalidCidrBlock.Malformed, InvalidRouteEntry.NotFound."""
        network = self._get(EnsNetwork, network_id)
        destination = parse_cidr(destination_cidr_block, "InvalidCidrBlock.Malformed")
        others = tuple(route for route in network.routes if route.destination != destination)
        if len(others) == len(network.routes):
            raise CloudError("InvalidRouteEntry.NotFound", f"no custom route to {destination} in {network_id}")
        self._store.put(replace(network, routes=others))

    def describe_ens_networks(self) -> tuple[EnsNetwork, ...]:
        return self._store.all(EnsNetwork)

    @operation
    def run_ens_instances(
        self,
        image_id: str = ENS_LINUX,
        *,
        instance_type: str = DEFAULT,
        security_id: str | None = None,
        network_id: str | None = None,
        private_ip_address: Address | None = None,
        public_ip_identification: bool = True,
        user_data: str = "",
        instance_name: str = "",
        ens_region_id: str = DEFAULT_ENS_REGION,
    ) -> EnsInstance:
        """Launch one ENS instance, by default with a public address of its own; in a network and a group if they are given.

        Raises InvalidImageId.NotFound, InvalidInstanceType.NotSupported, InvalidSecurityGroupId.NotFound,
        InvalidInstanceName.Malformed, InvalidUserData.SizeExceeded, MissingParameter, InvalidNetworkId.NotFound,
        InvalidPrivateIpAddress.Malformed, InvalidPrivateIpAddress.Duplicated, InvalidNetworkId.IpInsufficient,
        InsufficientAddressCapacity.
        """
        if image_id not in IMAGES:
            raise CloudError("InvalidImageId.NotFound", f"the image '{image_id}' is none of {', '.join(IMAGES)}")
        ens_instance_type(instance_type)
        groups = () if security_id is None else (self._get(EnsSecurityGroup, security_id).id,)
        check_resource_name(instance_name, "InvalidInstanceName.Malformed")
        if len(user_data.encode()) > USER_DATA_BYTES:
            raise CloudError("InvalidUserData.SizeExceeded", f"the user data is longer than {USER_DATA_BYTES} bytes")
        if network_id is None and (private_ip_address is not None or not public_ip_identification):
            raise CloudError("MissingParameter", "without a network (NetworkId) there is a public address, and no private one")
        private = self._free_ens_address(self._get(EnsNetwork, network_id), private_ip_address) if network_id else None
        instance_id = self._supply.alibaba_id("i")
        origin = self._origin(instance_id)
        instance = EnsInstance(
            id=instance_id,
            origin=origin,
            instance_name=instance_name,
            ens_region_id=ens_region_id,
            image_id=image_id,
            instance_type=instance_type,
            user_data=user_data,
            security_group_ids=groups,
            groups_origin=origin,
            network_id=network_id,
            private_ip_address=private,
            public_ip_address=self._supply.public_address() if public_ip_identification else None,
            check_origin=origin,
            state_origin=origin,
            launch_time=self._now,
        )
        self._store.put(instance)
        self._tell(instance, runs=True)
        return instance

    def describe_ens_instances(self) -> tuple[EnsInstance, ...]:
        return self._store.all(EnsInstance)

    @operation
    def modify_ens_instance_attribute(self, instance_id: str, *, source_dest_check: bool) -> None:
        """Turn the source/destination check that a gateway enforces itself on or off. Raises InvalidInstanceId.NotFound."""
        instance = self._get(EnsInstance, instance_id)
        self._store.put(replace(instance, source_dest_check=source_dest_check, check_origin=self._origin(instance_id)))

    @operation
    def stop_ens_instance(self, instance_id: str) -> None:
        """Raises InvalidInstanceId.NotFound, IncorrectInstanceStatus."""
        self._switch_ens(instance_id, RUNNING, STOPPED)

    @operation
    def start_ens_instance(self, instance_id: str) -> None:
        """Raises InvalidInstanceId.NotFound, IncorrectInstanceStatus."""
        self._switch_ens(instance_id, STOPPED, RUNNING)

    @operation
    def release_ens_instance(self, instance_id: str) -> None:
        """Give an instance back, and its addresses with it. Raises InvalidInstanceId.NotFound, DependencyViolation.RouteEntry."""
        instance = self._get(EnsInstance, instance_id)
        network = self._store.find(EnsNetwork, instance.network_id or "")
        if network is not None and any(route.next_hop_id == instance_id for route in network.routes):
            raise CloudError(
                "DependencyViolation.RouteEntry", f"'{instance_id}' is the next hop of a route in {network.id}; delete the route"
            )
        self._store.delete(instance)
        self._tell(instance, runs=False)

    def _tell(self, instance: EnsInstance, *, runs: bool) -> None:
        """Let the devices know whether a SAG vCPE runs."""
        if instance.image_id == ENS_SAG_VCPE:
            self._state.watch_vcpe(instance.user_data, runs)

    def _switch_ens(self, instance_id: str, before: str, after: str) -> None:
        instance = self._get(EnsInstance, instance_id)
        if instance.state != before:
            raise CloudError("IncorrectInstanceStatus", f"the instance '{instance_id}' is {instance.state}, not {before}")
        launched = self._now if after == RUNNING else instance.launch_time
        self._store.put(replace(instance, state=after, state_origin=self._origin(instance_id), launch_time=launched))
        self._tell(instance, runs=after == RUNNING)

    def _free_ens_address(self, network: EnsNetwork, wanted: Address | None) -> IPv4Address:
        block, reserved = network.cidr_block, network.reserved_addresses

        def is_taken(candidate: IPv4Address) -> bool:
            return self._store.count(EnsInstance, "place", (network.id, candidate)) > 0

        if wanted is None:
            taken = self._store.count(EnsInstance, "network_id", network.id)
            address = first_free(block, 1 + taken, reserved, is_taken)
            if address is None:
                raise CloudError("InvalidNetworkId.IpInsufficient", f"the ENS network '{network.id}' ({block}) is full")
            return address
        address = parse_address(wanted, "InvalidPrivateIpAddress.Malformed")
        if address not in block or address in reserved:
            raise CloudError(
                "InvalidPrivateIpAddress.Malformed",
                f"the address {address} is outside {block} ({network.id}), or its first or one of its last three",
            )
        if is_taken(address):
            raise CloudError("InvalidPrivateIpAddress.Duplicated", f"the address {address} of {network.id} is in use")
        return address
