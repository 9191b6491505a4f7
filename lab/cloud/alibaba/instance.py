"""ECS instances."""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.addressing import Address
from lab.cloud.alibaba.name import check_resource_name
from lab.cloud.alibaba.network_interface import NetworkInterfaceOperations
from lab.cloud.alibaba.resources import RUNNING, STOPPED, Instance, NetworkInterface, VSwitch
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation


class InstanceOperations(NetworkInterfaceOperations):
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
        check_resource_name(instance_name, "InvalidInstanceName.Malformed")
        interface = self._put_interface(switch, (security_group_id,), private_ip_address, None)
        instance_id = self._supply.alibaba_id("i")
        origin = self._origin(instance_id)
        self._store.put(replace(interface, instance_id=instance_id))
        instance = Instance(
            id=instance_id,
            origin=origin,
            instance_name=instance_name,
            network_interface_ids=(interface.id,),
            state_origin=origin,
        )
        self._store.put(instance)
        return instance

    def describe_instances(self) -> tuple[Instance, ...]:
        return self._store.all(Instance)

    @operation
    def stop_instance(self, instance_id: str) -> None:
        """Stop a running instance. Routes to it lead nowhere. Raises InvalidInstanceId.NotFound, IncorrectInstanceStatus."""
        self._switch(instance_id, RUNNING, STOPPED)

    @operation
    def start_instance(self, instance_id: str) -> None:
        """Start a stopped instance. Raises InvalidInstanceId.NotFound, IncorrectInstanceStatus."""
        self._switch(instance_id, STOPPED, RUNNING)

    @operation
    def delete_instance(self, instance_id: str, *, force: bool = False) -> None:
        """Release an instance, if it is stopped or with `force`. Its primary interface goes with it, the others stay.

        Raises InvalidInstanceId.NotFound, IncorrectInstanceStatus, DependencyViolation.RouteEntry.
        """
        instance = self._get(Instance, instance_id)
        if instance.state == RUNNING and not force:
            raise CloudError("IncorrectInstanceStatus", f"the instance '{instance_id}' is {RUNNING}; stop it first, or use force")
        primary_id, *others = instance.network_interface_ids
        for next_hop_id in (instance_id, primary_id):
            self._check_no_route(next_hop_id)
        for interface_id in others:
            self._store.put(replace(self._get(NetworkInterface, interface_id), instance_id=None))
        self._store.delete(self._get(NetworkInterface, primary_id))
        self._store.delete(instance)

    def _switch(self, instance_id: str, before: str, after: str) -> None:
        instance = self._get(Instance, instance_id)
        if instance.state != before:
            raise CloudError("IncorrectInstanceStatus", f"the instance '{instance_id}' is {instance.state}, not {before}")
        self._store.put(replace(instance, state=after, state_origin=self._origin(instance.id)))
