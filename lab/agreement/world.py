"""The network that random states start from: two AWS VPCs, two Alibaba Cloud VPCs, and a vCPE between them.

    AWS                                            internet        Alibaba Cloud

    VPC A 10.0.0.0/16                                              VPC C 192.168.0.0/16
      inner 10.0.1.0/24  app .10, web .11, nat .12                   ecs .1.10 (basic group)
      edge  10.0.2.0/24  vcpe .10, db .20 ──── igw A ──┬── CCN ═ CEN ─ lone .2.10 (enterprise group)
    VPC B 10.1.0.0/16                                  │           VPC D 172.16.0.0/16
      far   10.1.1.0/24  other .10 ─────────── igw B ──┤             peer .1.10 (basic group)
    ENS                                                │           VPC E 172.20.0.0/16, in another region
      10.50.0.0/24  branch .11, edge .10 (vCPE) ───────┘             remote .1.10

Everything works in it but the way between the regions, whose bandwidth is bought and not yet shared out. There are spares that
nobody uses yet: addresses, an interface, a group, lists, a table. One route leads to the spare interface, and so nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.cloud import Cloud
from lab.cloud.alibaba.ens import ENS_SAG_VCPE
from lab.cloud.alibaba.resources import Cen, CloudConnectNetwork, SmartAccessGateway, Vpc
from lab.cloud.aws import LINUX, SAG_VCPE
from lab.topology import Topology

SEED = b"agreement"  # fixed: an identifier in a printed script is the same when it is run again

HERE, FAR = "ap-southeast-1", "cn-hangzhou"  # Alibaba Cloud's regions of this network
BLACKHOLE = "172.30.0.0/16"  # routed to an interface that no machine has

NOWHERE = tuple(
    IPv4Address(text)
    for text in (
        "10.0.1.99",  # inside a subnet, but nobody's
        "10.0.200.1",  # inside the VPC, in no subnet
        "10.1.1.99",
        "192.168.1.99",
        "172.16.9.9",
        "172.30.0.1",  # behind a blackhole
        "172.31.0.1",  # private, of no network here
        "203.0.113.250",  # public, given to nobody
        "10.0.1.1",  # the router of a subnet, which answers
    )
)


@dataclass(frozen=True)
class World:
    """The identifiers of what is there, by kind. Machines by their names."""

    cloud: Cloud
    machines: dict[str, str]
    enis: dict[str, str]
    aws_groups: tuple[str, ...]
    other_groups: tuple[str, ...]
    tables: tuple[str, ...]
    associations: tuple[str, ...]
    subnets: tuple[str, ...]
    acls: tuple[str, ...]
    gateways: dict[str, str]
    addresses: tuple[str, ...]
    alibaba_groups: tuple[str, ...]
    alibaba_tables: tuple[str, ...]
    vpcs: dict[str, str]
    sag: str
    ccn: str
    cen: str
    ecs: tuple[str, ...]
    edge: str
    edge_group: str


def make_world() -> World:
    """The network, in a cloud of its own; always the same."""
    cloud = Cloud(SEED)
    cloud.alibaba.create_ticket()
    amazon = _Amazon(cloud)
    order, branch_order = (cloud.alibaba.create_smart_access_gateway(name=name) for name in ("vcpe", "branch"))
    for gateway in (*order.gateways, *branch_order.gateways):
        cloud.alibaba.activate_smart_access_gateway(gateway.id)
    amazon.launch(cloud, _credentials(order.gateways[0]))
    apsara = _Apsara(cloud)
    cloud.alibaba.modify_smart_access_gateway(order.smart_ag_id, routing_strategy="static", cidr_block="10.0.0.0/16")
    ccn = cloud.alibaba.create_cloud_connect_network(name="ccn")
    cloud.alibaba.bind_smart_access_gateway(ccn.id, order.smart_ag_id)
    cen = _join(cloud, ccn, apsara.vpcs)
    branch = _Branch(cloud, _credentials(branch_order.gateways[0]))
    cloud.alibaba.modify_smart_access_gateway(branch_order.smart_ag_id, routing_strategy="static", cidr_block="10.50.0.0/24")
    cloud.alibaba.bind_smart_access_gateway(ccn.id, branch_order.smart_ag_id)

    vpc_a, vpc_b = amazon.vpcs
    machines = {**amazon.machines, **apsara.machines, "edge": branch.edge, "branch": branch.machine}
    return World(
        cloud=cloud,
        machines={name: machine.id for name, machine in machines.items()},
        enis={name: machine.network_interface_ids[0] for name, machine in amazon.machines.items()}
        | {"spare": amazon.spare_eni.id},
        aws_groups=(amazon.workload.id, amazon.gateway.id, amazon.spare_group.id, vpc_a.default_security_group_id),
        other_groups=(amazon.far_group.id, vpc_b.default_security_group_id),
        tables=(vpc_a.main_route_table_id, amazon.edge_table.id, amazon.spare_table.id, vpc_b.main_route_table_id),
        associations=(amazon.association,),
        subnets=(amazon.inner.id, amazon.edge.id),
        acls=(*(acl.id for acl in amazon.spare_acls), vpc_a.default_network_acl_id),
        gateways={gateway.id: vpc.id for gateway, vpc in zip(amazon.gateways, amazon.vpcs, strict=True)},
        addresses=tuple(address.id for address in amazon.spare_addresses),
        alibaba_groups=tuple(group.id for group in apsara.groups),
        alibaba_tables=tuple(vpc.route_table_id for vpc in apsara.vpcs[:2]),
        vpcs={"C": apsara.vpcs[0].id, "D": apsara.vpcs[1].id},
        sag=order.smart_ag_id,
        ccn=ccn.id,
        cen=cen.id,
        ecs=tuple(machine.id for machine in apsara.machines.values()),
        edge=branch.edge.id,
        edge_group=branch.group.id,
    )


class _Amazon:
    """VPC A and VPC B: their networks at first, and what is in them once it is launched."""

    def __init__(self, cloud: Cloud) -> None:
        aws = cloud.aws
        vpc_a, vpc_b = self.vpcs = aws.create_vpc("10.0.0.0/16", name="A"), aws.create_vpc("10.1.0.0/16", name="B")
        self.inner = aws.create_subnet(vpc_a.id, "10.0.1.0/24", name="inner")
        self.edge = aws.create_subnet(vpc_a.id, "10.0.2.0/24", name="edge")
        self.far = aws.create_subnet(vpc_b.id, "10.1.1.0/24", name="far")
        self.gateways = aws.create_internet_gateway(), aws.create_internet_gateway()
        for gateway, vpc in zip(self.gateways, self.vpcs, strict=True):
            aws.attach_internet_gateway(gateway.id, vpc.id)
        self.edge_table, self.spare_table = aws.create_route_table(vpc_a.id), aws.create_route_table(vpc_a.id)
        self.association = aws.associate_route_table(self.edge_table.id, self.edge.id)
        for table, gateway in zip((self.edge_table.id, vpc_b.main_route_table_id), self.gateways, strict=True):
            aws.create_route(table, "0.0.0.0/0", gateway_id=gateway.id)
        self.workload = aws.create_security_group("workload", "app, web, nat", vpc_a.id)
        self.gateway = aws.create_security_group("gateway", "the vCPE", vpc_a.id)
        self.spare_group = aws.create_security_group("spare", "no rule but the one for what goes out", vpc_a.id)
        self.far_group = aws.create_security_group("far", "other", vpc_b.id)
        for group in (self.workload, self.gateway):
            for block in ("10.0.0.0/16", "192.168.0.0/16", "172.16.0.0/16", "10.50.0.0/24"):
                aws.authorize_security_group_ingress(group.id, ip_protocol="-1", cidr_ip=block)
        aws.authorize_security_group_ingress(self.far_group.id, ip_protocol="-1", cidr_ip="0.0.0.0/0")
        self.spare_acls = aws.create_network_acl(vpc_a.id), aws.create_network_acl(vpc_a.id)

    def launch(self, cloud: Cloud, credentials: str) -> None:
        """The machines, the vCPE with its credentials among them; the spares; and the routes to both."""
        aws = cloud.aws
        linux, image = aws.describe_images(name=LINUX)[0].id, aws.describe_images(name=SAG_VCPE)[0].id
        groups = [self.workload.id]
        self.machines = {
            name: aws.run_instances(linux, self.inner.id, security_group_ids=groups, private_ip_address=address, name=name)
            for address, name in (("10.0.1.10", "app"), ("10.0.1.11", "web"), ("10.0.1.12", "nat"))
        }
        self.machines["vcpe"] = aws.run_instances(
            image,
            self.edge.id,
            security_group_ids=[self.gateway.id],
            private_ip_address="10.0.2.10",
            user_data=credentials,
            associate_public_ip_address=True,
            name="vcpe",
        )
        self.machines["db"] = aws.run_instances(linux, self.edge.id, private_ip_address="10.0.2.20", name="db")
        self.machines["other"] = aws.run_instances(
            linux,
            self.far.id,
            security_group_ids=[self.far_group.id],
            private_ip_address="10.1.1.10",
            associate_public_ip_address=True,
            name="other",
        )
        self.spare_eni = aws.create_network_interface(self.inner.id, groups=[self.workload.id], private_ip_address="10.0.1.50")
        self.spare_addresses = aws.allocate_address(), aws.allocate_address()
        vcpe_eni, table = self.machines["vcpe"].network_interface_ids[0], self.vpcs[0].main_route_table_id
        aws.modify_network_interface_attribute(vcpe_eni, source_dest_check=False)
        for block in ("192.168.0.0/16", "172.16.0.0/16", "10.50.0.0/24"):
            aws.create_route(table, block, network_interface_id=vcpe_eni)
        aws.create_route(table, BLACKHOLE, network_interface_id=self.spare_eni.id)


class _Apsara:
    """VPC C, D and E, and what is in them."""

    def __init__(self, cloud: Cloud) -> None:
        alibaba = cloud.alibaba
        vpc_c = alibaba.create_vpc("192.168.0.0/16", vpc_name="vpc-c")
        vpc_d = alibaba.create_vpc("172.16.0.0/16", vpc_name="vpc-d")
        first, second = alibaba.create_vswitch(vpc_c.id, "192.168.1.0/24"), alibaba.create_vswitch(vpc_c.id, "192.168.2.0/24")
        third = alibaba.create_vswitch(vpc_d.id, "172.16.1.0/24")
        vpc_e = alibaba.create_vpc("172.20.0.0/16", vpc_name="vpc-e", region_id=FAR)
        fourth = alibaba.create_vswitch(vpc_e.id, "172.20.1.0/24")
        basic, enterprise = (
            alibaba.create_security_group(vpc_c.id, name, kind) for name, kind in (("basic", "normal"), ("company", "enterprise"))
        )
        basic_d = alibaba.create_security_group(vpc_d.id, "basic-d")
        ecs = alibaba.run_instances(first.id, basic.id, private_ip_address="192.168.1.10", instance_name="ecs")
        lone = alibaba.run_instances(second.id, enterprise.id, private_ip_address="192.168.2.10", instance_name="lone")
        peer = alibaba.run_instances(third.id, basic_d.id, private_ip_address="172.16.1.10", instance_name="peer")
        basic_e = alibaba.create_security_group(vpc_e.id, "basic-e")
        remote = alibaba.run_instances(fourth.id, basic_e.id, private_ip_address="172.20.1.10", instance_name="remote")
        for group_id in (basic.id, enterprise.id, basic_d.id, basic_e.id):
            for block in ("10.0.0.0/16", "192.168.0.0/16", "172.16.0.0/16", "10.50.0.0/24"):
                alibaba.authorize_security_group(group_id, source_cidr_ip=block, priority=50)
        alibaba.authorize_security_group_egress(enterprise.id, dest_cidr_ip="0.0.0.0/0", priority=50)
        self.vpcs = vpc_c, vpc_d, vpc_e
        self.groups = basic, enterprise, basic_d
        self.machines = {"ecs": ecs, "lone": lone, "peer": peer, "remote": remote}


def _join(cloud: Cloud, ccn: CloudConnectNetwork, vpcs: Sequence[Vpc]) -> Cen:
    """Join networks by a CEN. Bandwidth between the regions is bought, and not shared out."""
    cen = cloud.alibaba.create_cen(name="cen", ccn_id=ccn.id)
    for vpc in vpcs:
        cloud.alibaba.attach_cen_child_instance(cen.id, vpc.id, "VPC", vpc.region_id)
    plan = cloud.alibaba.create_cen_bandwidth_package(10, "Asia-Pacific", "China")
    cloud.alibaba.associate_cen_bandwidth_package(cen.id, plan.id)
    return cen


class _Branch:
    """The ENS network, with a machine, and a vCPE that has these credentials."""

    def __init__(self, cloud: Cloud, credentials: str) -> None:
        alibaba = cloud.alibaba
        network = alibaba.create_ens_network("10.50.0.0/24", network_name="branch")
        self.edge = alibaba.run_ens_instances(
            ENS_SAG_VCPE,
            network_id=network.id,
            private_ip_address="10.50.0.10",
            user_data=credentials,
            instance_name="edge",
        )
        self.group = alibaba.create_ens_security_group("branch")
        for block in ("192.168.0.0/16", "10.0.0.0/16"):
            alibaba.authorize_ens_security_group(self.group.id, source_cidr_ip=block, priority=50)
        self.machine = alibaba.run_ens_instances(
            network_id=network.id,
            security_id=self.group.id,
            private_ip_address="10.50.0.11",
            public_ip_identification=False,
            instance_name="branch",
        )
        alibaba.modify_ens_instance_attribute(self.edge.id, source_dest_check=False)
        for block in ("192.168.0.0/16", "10.0.0.0/16"):
            alibaba.create_ens_route_entry(network.id, block, self.edge.id)


def _credentials(gateway: SmartAccessGateway) -> str:
    """The user data that makes a machine this gateway's device."""
    device = gateway.active_device
    return json.dumps({"sn": device.serial_number, "key": device.secret_key})


def addresses_in(topology: Topology) -> tuple[IPv4Address, ...]:
    """The addresses of every machine that runs, private and public, and some that lead nowhere."""
    own = {address for node in topology.nodes if node.resource.startswith("i-") for address in node.addresses}
    public = {nat.public for node in topology.nodes for nat in node.nats}
    return (*sorted(own | public), *NOWHERE)
