"""Instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.cloud.addressing import Address
from lab.cloud.aws.image import ImageOperations
from lab.cloud.aws.instance_type import instance_type as find_instance_type
from lab.cloud.aws.network_interface import NetworkInterfaceOperations
from lab.cloud.aws.resources import RUNNING, STOPPED, TERMINATED, Image, Instance, NetworkInterface, Subnet
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# EC2, RunInstances: 16 KB before encoding.
USER_DATA_BYTES = 16384


class InstanceOperations(NetworkInterfaceOperations, ImageOperations):
    @operation
    def run_instances(
        self,
        image_id: str,
        subnet_id: str,
        *,
        security_group_ids: Sequence[str] = (),
        instance_type: str = "t3.micro",
        private_ip_address: Address | None = None,
        user_data: str = "",
        associate_public_ip_address: bool = False,
        name: str = "",
    ) -> Instance:
        """Launch one instance with one network interface, whose source/destination check is on (S0-043).

        Raises InvalidAMIID.NotFound, InvalidSubnetID.NotFound, InvalidParameterValue, and what create_network_interface
        raises about groups and addresses.
        """
        self._image(image_id)
        subnet = self._get(Subnet, subnet_id)
        find_instance_type(instance_type)
        if len(user_data.encode()) > USER_DATA_BYTES:
            raise CloudError("InvalidParameterValue", f"the user data is longer than {USER_DATA_BYTES} bytes")
        interface = self._put_interface(subnet, security_group_ids, private_ip_address)
        instance_id = self._supply.aws_id("i")
        origin = self._origin(instance_id)
        instance = Instance(
            id=instance_id,
            origin=origin,
            image_id=image_id,
            instance_type=instance_type,
            user_data=user_data,
            network_interface_ids=(),
            name=name,
            state_origin=origin,
            launch_time=self._now,
            associate_public_ip_address=associate_public_ip_address,
        )
        self._store.put(instance)
        self._attach(interface, instance, delete_on_termination=True)
        if associate_public_ip_address:
            self._assign_public_address(interface)
        self._tell(instance)
        return self._get(Instance, instance_id)

    def describe_instances(self) -> tuple[Instance, ...]:
        """All instances, those terminated included, as EC2 lists them for a while."""
        return self._store.all(Instance)

    @operation
    def modify_instance_attribute(
        self, instance_id: str, *, source_dest_check: bool | None = None, groups: Sequence[str] | None = None
    ) -> None:
        """The same as modify_network_interface_attribute on the instance's only interface: there is one state.

        Raises InvalidInstanceID.NotFound, InvalidInstanceID, and what that call does.
        """
        self._modify_interface(self._only_interface(instance_id), source_dest_check, groups)

    @operation
    def attach_network_interface(self, network_interface_id: str, instance_id: str) -> None:
        """Put a network interface into an instance. It survives the instance.

        Raises InvalidNetworkInterfaceID.NotFound, InvalidInstanceID.NotFound, InvalidNetworkInterface.InUse,
        InvalidParameterValue, IncorrectInstanceState.
        """
        interface = self._get(NetworkInterface, network_interface_id)
        instance = self._living(instance_id)
        if interface.instance_id is not None:
            raise CloudError(
                "InvalidNetworkInterface.InUse", f"'{interface.id}' is in use by {interface.instance_id}; detach it first"
            )
        primary = self._get(NetworkInterface, instance.network_interface_ids[0])
        if primary.vpc_id != interface.vpc_id:
            raise CloudError(
                "InvalidParameterValue", f"'{interface.id}' is in {interface.vpc_id}, and '{instance_id}' in {primary.vpc_id}"
            )
        self._attach(interface, instance, delete_on_termination=False)

    @operation
    def detach_network_interface(self, network_interface_id: str) -> None:
        """Take a secondary network interface out of its instance. Routes to it become blackholes.

        EC2 names the attachment; here the interface does, as it has one attachment at most.
        Raises InvalidNetworkInterfaceID.NotFound, InvalidAttachmentID.NotFound, OperationNotPermitted for a primary one.
        """
        interface = self._get(NetworkInterface, network_interface_id)
        if interface.instance_id is None:
            raise CloudError("InvalidAttachmentID.NotFound", f"the network interface '{interface.id}' is not attached")
        if interface.device_index == 0:
            raise CloudError("OperationNotPermitted", f"'{interface.id}' is the primary interface of {interface.instance_id}")
        self._take_out(interface, self._get(Instance, interface.instance_id))

    @operation
    def stop_instances(self, instance_id: str) -> None:
        """Stop a running instance: an address assigned at launch is lost, routes to it become blackholes.

        Raises InvalidInstanceID.NotFound, IncorrectInstanceState.
        """
        instance = self._living(instance_id)
        self._set_state(instance, STOPPED)
        for interface in self._interfaces(instance):
            self._drop_assigned_addresses(interface)
            self._settle_interface_routes(interface)

    @operation
    def start_instances(self, instance_id: str) -> None:
        """Start a stopped instance: it has another public address than before, if it was launched with one.

        Raises InvalidInstanceID.NotFound, IncorrectInstanceState.
        """
        instance = self._living(instance_id)
        if instance.state == RUNNING:
            return
        self._set_state(instance, RUNNING)
        interfaces = self._interfaces(instance)
        for interface in interfaces:
            self._settle_interface_routes(interface)
        if instance.associate_public_ip_address and not self.public_addresses(interfaces[0].id):
            self._assign_public_address(interfaces[0])

    @operation
    def terminate_instances(self, instance_id: str) -> None:
        """End an instance. What it was launched with goes with it; interfaces attached later stay, and so do elastic addresses.

        Raises InvalidInstanceID.NotFound.
        """
        instance = self._get(Instance, instance_id)
        for interface in self._interfaces(instance):
            if interface.delete_on_termination:
                self._remove_interface(interface)
            else:
                self._take_out(interface, self._get(Instance, instance_id))
        self._set_state(self._get(Instance, instance_id), TERMINATED)
        self._store.put(replace(self._get(Instance, instance_id), network_interface_ids=()))

    def _living(self, instance_id: str) -> Instance:
        instance = self._get(Instance, instance_id)
        if instance.state == TERMINATED:
            raise CloudError("IncorrectInstanceState", f"the instance '{instance_id}' is terminated")
        return instance

    def _interfaces(self, instance: Instance) -> tuple[NetworkInterface, ...]:
        return tuple(self._get(NetworkInterface, id) for id in instance.network_interface_ids)

    def _set_state(self, instance: Instance, state: str) -> None:
        if instance.state != state:
            launched = self._now if state == RUNNING else instance.launch_time
            changed = replace(instance, state=state, state_origin=self._origin(instance.id), launch_time=launched)
            self._store.put(changed)
            self._tell(changed)

    def _tell(self, instance: Instance) -> None:
        """Let the provider of its image know whether a SAG vCPE runs."""
        if self._get(Image, instance.image_id).sag_vcpe:
            self._state.watch_vcpe(instance.user_data, instance.state == RUNNING)

    def _take_out(self, interface: NetworkInterface, instance: Instance) -> None:
        loose = replace(interface, instance_id=None, device_index=None, delete_on_termination=False)
        self._store.put(loose)
        others = tuple(id for id in instance.network_interface_ids if id != interface.id)
        self._store.put(replace(instance, network_interface_ids=others))
        self._settle_interface_routes(loose)

    def _drop_assigned_addresses(self, interface: NetworkInterface) -> None:
        for address in self.public_addresses(interface.id):
            if address.auto_assigned:
                self._loosen(address)
