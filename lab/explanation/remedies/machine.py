"""Machines: one that is stopped, one without a public address."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud.alibaba.resources import STOPPED as ECS_STOPPED
from lab.cloud.alibaba.resources import EnsInstance
from lab.cloud.alibaba.resources import Instance as EcsInstance
from lab.cloud.alibaba.resources import NetworkInterface as EcsInterface
from lab.cloud.aws.resources import STOPPED, Instance, NetworkInterface
from lab.explanation.call import Call, Result
from lab.explanation.remedies.remedy import Remedy
from lab.explanation.situation import Situation


def start(situation: Situation, network_interface_id: str) -> Iterator[Remedy]:
    """Start the instance of a network interface, or an ENS instance, if it is stopped."""
    eni = situation.cloud.store.find(NetworkInterface, network_interface_id)
    instance = situation.cloud.store.find(Instance, eni.instance_id or "") if eni is not None else None
    if instance is not None and instance.state == STOPPED:
        yield (Call.of("aws.start_instances", instance_id=instance.id),)
    ecs = situation.cloud.store.find(EcsInterface, network_interface_id)
    machine = situation.cloud.store.find(EcsInstance, ecs.instance_id or "") if ecs is not None else None
    if machine is not None and machine.state == ECS_STOPPED:
        yield (Call.of("alibaba.start_instance", instance_id=machine.id),)
    edge = situation.cloud.store.find(EnsInstance, network_interface_id)
    if edge is not None and edge.state == ECS_STOPPED:
        yield (Call.of("alibaba.start_ens_instance", instance_id=edge.id),)


def nobody(situation: Situation) -> Iterator[Remedy]:
    """The address may be that of a stopped instance."""
    for ecs in situation.cloud.store.by(EcsInterface, "vpc_id", situation.hop.node.resource):
        if situation.packet.destination in ecs.private_ip_addresses:
            yield from start(situation, ecs.id)
    for edge in situation.cloud.store.by(EnsInstance, "network_id", situation.hop.node.resource):
        if situation.packet.destination == edge.private_ip_address:
            yield from start(situation, edge.id)
    vpc = situation.vpc_of_node()
    for eni in situation.cloud.store.by(NetworkInterface, "vpc_id", vpc.id) if vpc is not None else ():
        if situation.packet.destination in eni.private_ip_addresses:
            yield from start(situation, eni.id)


def public_address(situation: Situation) -> Iterator[Remedy]:
    """An elastic IP address for the sender's interface."""
    vpc = situation.vpc_of_node()
    for eni in situation.cloud.store.by(NetworkInterface, "vpc_id", vpc.id) if vpc is not None else ():
        if situation.packet.source in eni.private_ip_addresses:
            target = {"network_interface_id": eni.id}
            if situation.packet.source != eni.private_ip_address:
                target["private_ip_address"] = str(situation.packet.source)
            yield (
                Call.of("aws.allocate_address", result="address"),
                Call.of("aws.associate_address", allocation_id=Result("address")).adding(target),
            )
