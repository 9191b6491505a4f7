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
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.cloud import Cloud
from lab.cloud.alibaba.ens import ENS_SAG_VCPE
from lab.cloud.alibaba.resources import SmartAccessGateway
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
    aws, alibaba = cloud.aws, cloud.alibaba
    alibaba.create_ticket()
    linux, image = aws.describe_images(name=LINUX)[0].id, aws.describe_images(name=SAG_VCPE)[0].id

    vpc_a, vpc_b = aws.create_vpc("10.0.0.0/16", name="A"), aws.create_vpc("10.1.0.0/16", name="B")
    inner = aws.create_subnet(vpc_a.id, "10.0.1.0/24", name="inner")
    edge = aws.create_subnet(vpc_a.id, "10.0.2.0/24", name="edge")
    far = aws.create_subnet(vpc_b.id, "10.1.1.0/24", name="far")
    igw_a, igw_b = aws.create_internet_gateway(), aws.create_internet_gateway()
    aws.attach_internet_gateway(igw_a.id, vpc_a.id)
    aws.attach_internet_gateway(igw_b.id, vpc_b.id)
    edge_table, spare_table = aws.create_route_table(vpc_a.id), aws.create_route_table(vpc_a.id)
    association = aws.associate_route_table(edge_table.id, edge.id)
    aws.create_route(edge_table.id, "0.0.0.0/0", gateway_id=igw_a.id)
    aws.create_route(vpc_b.main_route_table_id, "0.0.0.0/0", gateway_id=igw_b.id)
    workload = aws.create_security_group("workload", "app, web, nat", vpc_a.id)
    gateway_group = aws.create_security_group("gateway", "the vCPE", vpc_a.id)
    spare_group = aws.create_security_group("spare", "no rule but the one for what goes out", vpc_a.id)
    far_group = aws.create_security_group("far", "other", vpc_b.id)
    for group in (workload, gateway_group):
        for block in ("10.0.0.0/16", "192.168.0.0/16", "172.16.0.0/16", "10.50.0.0/24"):
            aws.authorize_security_group_ingress(group.id, ip_protocol="-1", cidr_ip=block)
    aws.authorize_security_group_ingress(far_group.id, ip_protocol="-1", cidr_ip="0.0.0.0/0")
    spare_acl, second_acl = aws.create_network_acl(vpc_a.id), aws.create_network_acl(vpc_a.id)

    order, branch_order = (alibaba.create_smart_access_gateway(name=name) for name in ("vcpe", "branch"))
    for gateway in (*order.gateways, *branch_order.gateways):
        alibaba.activate_smart_access_gateway(gateway.id)
    app, web, nat = (
        aws.run_instances(linux, inner.id, security_group_ids=[workload.id], private_ip_address=f"10.0.1.{host}", name=name)
        for host, name in ((10, "app"), (11, "web"), (12, "nat"))
    )
    vcpe = aws.run_instances(
        image,
        edge.id,
        security_group_ids=[gateway_group.id],
        private_ip_address="10.0.2.10",
        user_data=_credentials(order.gateways[0]),
        associate_public_ip_address=True,
        name="vcpe",
    )
    db = aws.run_instances(linux, edge.id, private_ip_address="10.0.2.20", name="db")
    other = aws.run_instances(
        linux,
        far.id,
        security_group_ids=[far_group.id],
        private_ip_address="10.1.1.10",
        associate_public_ip_address=True,
        name="other",
    )
    spare_eni = aws.create_network_interface(inner.id, groups=[workload.id], private_ip_address="10.0.1.50")
    first_address, second_address = aws.allocate_address(), aws.allocate_address()
    vcpe_eni = vcpe.network_interface_ids[0]
    aws.modify_network_interface_attribute(vcpe_eni, source_dest_check=False)
    for block in ("192.168.0.0/16", "172.16.0.0/16", "10.50.0.0/24"):
        aws.create_route(vpc_a.main_route_table_id, block, network_interface_id=vcpe_eni)
    aws.create_route(vpc_a.main_route_table_id, BLACKHOLE, network_interface_id=spare_eni.id)

    vpc_c, vpc_d = alibaba.create_vpc("192.168.0.0/16", vpc_name="vpc-c"), alibaba.create_vpc("172.16.0.0/16", vpc_name="vpc-d")
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
    alibaba.modify_smart_access_gateway(order.smart_ag_id, routing_strategy="static", cidr_block="10.0.0.0/16")
    ccn = alibaba.create_cloud_connect_network(name="ccn")
    alibaba.bind_smart_access_gateway(ccn.id, order.smart_ag_id)
    cen = alibaba.create_cen(name="cen", ccn_id=ccn.id)
    for vpc in (vpc_c, vpc_d, vpc_e):
        alibaba.attach_cen_child_instance(cen.id, vpc.id, "VPC", vpc.region_id)
    plan = alibaba.create_cen_bandwidth_package(10, "Asia-Pacific", "China")
    alibaba.associate_cen_bandwidth_package(cen.id, plan.id)

    network = alibaba.create_ens_network("10.50.0.0/24", network_name="branch")
    edge_machine = alibaba.run_ens_instances(
        ENS_SAG_VCPE,
        network_id=network.id,
        private_ip_address="10.50.0.10",
        user_data=_credentials(branch_order.gateways[0]),
        instance_name="edge",
    )
    edge_group = alibaba.create_ens_security_group("branch")
    for block in ("192.168.0.0/16", "10.0.0.0/16"):
        alibaba.authorize_ens_security_group(edge_group.id, source_cidr_ip=block, priority=50)
    branch = alibaba.run_ens_instances(
        network_id=network.id,
        security_id=edge_group.id,
        private_ip_address="10.50.0.11",
        public_ip_identification=False,
        instance_name="branch",
    )
    alibaba.modify_ens_instance_attribute(edge_machine.id, source_dest_check=False)
    for block in ("192.168.0.0/16", "10.0.0.0/16"):
        alibaba.create_ens_route_entry(network.id, block, edge_machine.id)
    alibaba.modify_smart_access_gateway(branch_order.smart_ag_id, routing_strategy="static", cidr_block="10.50.0.0/24")
    alibaba.bind_smart_access_gateway(ccn.id, branch_order.smart_ag_id)

    amazon = {"app": app, "web": web, "nat": nat, "vcpe": vcpe, "db": db, "other": other}
    apsara = {"ecs": ecs, "lone": lone, "peer": peer, "remote": remote}
    ends = {"edge": edge_machine, "branch": branch}
    return World(
        cloud=cloud,
        machines={name: machine.id for name, machine in (amazon | apsara | ends).items()},
        enis={name: machine.network_interface_ids[0] for name, machine in amazon.items()} | {"spare": spare_eni.id},
        aws_groups=(workload.id, gateway_group.id, spare_group.id, vpc_a.default_security_group_id),
        other_groups=(far_group.id, vpc_b.default_security_group_id),
        tables=(vpc_a.main_route_table_id, edge_table.id, spare_table.id, vpc_b.main_route_table_id),
        associations=(association,),
        subnets=(inner.id, edge.id),
        acls=(spare_acl.id, second_acl.id, vpc_a.default_network_acl_id),
        gateways={igw_a.id: vpc_a.id, igw_b.id: vpc_b.id},
        addresses=(first_address.id, second_address.id),
        alibaba_groups=(basic.id, enterprise.id, basic_d.id),
        alibaba_tables=(vpc_c.route_table_id, vpc_d.route_table_id),
        vpcs={"C": vpc_c.id, "D": vpc_d.id},
        sag=order.smart_ag_id,
        ccn=ccn.id,
        cen=cen.id,
        ecs=tuple(machine.id for machine in apsara.values()),
        edge=edge_machine.id,
        edge_group=edge_group.id,
    )


def _credentials(gateway: SmartAccessGateway) -> str:
    """The user data that makes a machine this gateway's device."""
    device = gateway.active_device
    return json.dumps({"sn": device.serial_number, "key": device.secret_key})


def addresses_in(topology: Topology) -> tuple[IPv4Address, ...]:
    """The addresses of every machine that runs, private and public, and some that lead nowhere."""
    own = {address for node in topology.nodes if node.resource.startswith("i-") for address in node.addresses}
    public = {nat.public for node in topology.nodes for nat in node.nats}
    return (*sorted(own | public), *NOWHERE)
