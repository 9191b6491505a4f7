"""Parts that several scenarios are put together from: private networks with a host each, and the gateways that join them.

A module whose name begins with an underscore is no scenario.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab import Lab


@dataclass(frozen=True)
class Named:
    """Something of a cloud that a scenario speaks of later: a machine or a gateway."""

    id: str
    name: str


@dataclass(frozen=True)
class Sag:
    """A SAG vCPE instance as it was bought. `user_data` is what makes a machine its active device."""

    id: str
    name: str
    user_data: str


@dataclass(frozen=True)
class Cpe:
    """The machine that runs a vCPE in AWS."""

    id: str
    interface: str
    group: str


@dataclass(frozen=True)
class AwsSite:
    """An AWS VPC with an internet gateway, a host, and a public subnet in which a vCPE may stand."""

    vpc: str
    cidr: str
    name: str
    host: Named
    host_group: str
    table: str
    internet_gateway: str
    public_table: str
    public_subnet: str


@dataclass(frozen=True)
class EnsSite:
    """A private network on an edge node with a host."""

    network: str
    cidr: str
    name: str
    host: Named


@dataclass(frozen=True)
class AlibabaSite:
    """An Alibaba Cloud VPC with a host."""

    vpc: str
    cidr: str
    region: str
    host: Named
    host_group: str


def aws_site(lab: Lab, name: str, cidr: str, host: str) -> AwsSite:
    """A VPC whose block is a /16, in which the host has the address x.y.1.10."""
    net = cidr.rsplit(".", 2)[0]
    vpc = lab.aws.create_vpc(cidr, name=name)
    private = lab.aws.create_subnet(vpc.id, f"{net}.1.0/24", name=f"{name}-private")
    public = lab.aws.create_subnet(vpc.id, f"{net}.2.0/24", name=f"{name}-public")
    edge = lab.aws.create_internet_gateway()
    lab.aws.attach_internet_gateway(edge.id, vpc.id)
    public_table = lab.aws.create_route_table(vpc.id)
    lab.aws.associate_route_table(public_table.id, public.id)
    lab.aws.create_route(public_table.id, "0.0.0.0/0", gateway_id=edge.id)
    group = lab.aws.create_security_group("host", "the workload", vpc.id)
    linux = lab.aws.describe_images(name="al2023-*")[0]
    machine = lab.aws.run_instances(
        linux.id, private.id, security_group_ids=[group.id], private_ip_address=f"{net}.1.10", name=host
    )
    return AwsSite(
        vpc=vpc.id,
        cidr=cidr,
        name=name,
        host=Named(machine.id, host),
        host_group=group.id,
        table=vpc.main_route_table_id,
        internet_gateway=edge.id,
        public_table=public_table.id,
        public_subnet=public.id,
    )


def ens_site(lab: Lab, name: str, cidr: str, host: str) -> EnsSite:
    """A network whose block is a /16, in which the host has the address x.y.1.10 and no public one."""
    net = cidr.rsplit(".", 2)[0]
    network = lab.alibaba.create_ens_network(cidr, network_name=name).id
    machine = lab.alibaba.run_ens_instances(
        network_id=network, private_ip_address=f"{net}.1.10", public_ip_identification=False, instance_name=host
    )
    return EnsSite(network, cidr, name, Named(machine.id, host))


def alibaba_site(lab: Lab, name: str, cidr: str, host: str, region: str) -> AlibabaSite:
    """A VPC whose block is a /16, in which the host has the address x.y.1.10."""
    net = cidr.rsplit(".", 2)[0]
    vpc = lab.alibaba.create_vpc(cidr, vpc_name=name, region_id=region)
    switch = lab.alibaba.create_vswitch(vpc.id, f"{net}.1.0/24")
    group = lab.alibaba.create_security_group(vpc.id, security_group_name=host)
    machine = lab.alibaba.run_instances(switch.id, group.id, private_ip_address=f"{net}.1.10", instance_name=host)
    return AlibabaSite(vpc.id, cidr, region, Named(machine.id, host), group.id)


def buy_gateway(lab: Lab, name: str, region: str, max_bandwidth: int = 100) -> Sag:
    """Step 1 of the document."""
    order = lab.alibaba.create_smart_access_gateway(region_id=region, name=name, max_bandwidth=max_bandwidth)
    lab.alibaba.activate_smart_access_gateway(order.smart_ag_id)
    device = lab.alibaba.describe_smart_access_gateway_attribute(order.smart_ag_id).active_device
    return Sag(order.smart_ag_id, name, json.dumps({"sn": device.serial_number, "key": device.secret_key}))


def launch_vcpe(lab: Lab, site: AwsSite, name: str, user_data: str, group: str = "", *, address: str = "") -> Cpe:
    """Step 2: a vCPE with a public address, its check off. By default at x.y.2.10, and in a group that admits the site."""
    net = site.cidr.rsplit(".", 2)[0]
    if not group:
        group = lab.aws.create_security_group("vcpe", "the gateway", site.vpc).id
        lab.aws.authorize_security_group_ingress(group, ip_protocol="-1", cidr_ip=site.cidr)
    machine = lab.aws.run_instances(
        lab.aws.describe_images(name="sag-vcpe")[0].id,
        site.public_subnet,
        security_group_ids=[group],
        instance_type="c5.large",
        private_ip_address=address or f"{net}.2.10",
        user_data=user_data,
        associate_public_ip_address=True,
        name=name,
    )
    interface = machine.network_interface_ids[0]
    lab.aws.modify_network_interface_attribute(interface, source_dest_check=False)
    return Cpe(machine.id, interface, group)


def launch_ens_vcpe(lab: Lab, site: EnsSite, name: str, user_data: str) -> str:
    """Step 2 on an edge node: a vCPE at x.y.2.10 with a public address of its own, its check off. Returns its id."""
    net = site.cidr.rsplit(".", 2)[0]
    machine = lab.alibaba.run_ens_instances(
        "sag-vcpe", network_id=site.network, private_ip_address=f"{net}.2.10", user_data=user_data, instance_name=name
    )
    lab.alibaba.modify_ens_instance_attribute(machine.id, source_dest_check=False)
    return machine.id


def open_aws_site(lab: Lab, site: AwsSite, cpe: Cpe, others: Iterable[str]) -> None:
    """Step 4: routes to the other networks through the vCPE, and rules that admit them to the host."""
    for cidr in others:
        lab.aws.create_route(site.table, cidr, network_interface_id=cpe.interface)
        lab.aws.authorize_security_group_ingress(site.host_group, ip_protocol="-1", cidr_ip=cidr)


def open_ens_site(lab: Lab, site: EnsSite, vcpe: str, others: Iterable[str]) -> None:
    """Step 4 on an edge node: routes to the other networks through the vCPE."""
    for cidr in others:
        lab.alibaba.create_ens_route_entry(site.network, cidr, vcpe)


def open_alibaba_site(lab: Lab, site: AlibabaSite, others: Iterable[str]) -> None:
    """Step 3.3.5: rules that admit the other networks to the host."""
    for cidr in others:
        lab.alibaba.authorize_security_group(site.host_group, ip_protocol="ALL", source_cidr_ip=cidr)


def reached(hosts: Sequence[Named], table: str) -> set[tuple[str, str]]:
    """The pairs of ids that a table marks with x: a row for each host that asks, a column for each that is asked."""
    ids = {host.name: host.id for host in hosts}
    head, *rows = (line.split() for line in table.strip().splitlines())
    return {(ids[row[0]], ids[name]) for row in rows for name, mark in zip(head, row[1:], strict=True) if mark == "x"}
