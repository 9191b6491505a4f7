"""A large cloud for measurements, and how long it takes to make and to compile.

    200 AWS VPCs of 25 hosts and 200 Alibaba Cloud VPCs of 25: 10,000 endpoints, 50 CENs, 10 of them with a CCN and a gateway

The shape stays, the number of VPCs and CENs grows with the endpoints: half of them in AWS, half in Alibaba Cloud, 25 hosts a VPC,
four Alibaba Cloud VPCs a CEN. An account has ten CCNs, so that many CENs reach AWS through a vCPE.

    python -m bench.big_cloud 1000 10000
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from ipaddress import IPv4Network

from lab.cloud import Cloud
from lab.cloud.alibaba import Vpc as AlibabaVpc
from lab.cloud.aws import LINUX, SAG_VCPE
from lab.cloud.aws import Vpc as AwsVpc
from lab.compiler import compile_topology

HOSTS_PER_VPC = 25
VPCS_PER_CEN = 4
CCNS = 10
SEED = b"a large cloud"

_BLOCKS = [*IPv4Network("10.0.0.0/8").subnets(new_prefix=20), *IPv4Network("172.16.0.0/12").subnets(new_prefix=20)]


def big_cloud(endpoints: int, hosts: int = HOSTS_PER_VPC, vpcs_per_cen: int = VPCS_PER_CEN) -> Cloud:
    """A cloud of about `endpoints` hosts, so many in a VPC, and at least one VPC of each provider."""
    cloud = Cloud(SEED)
    vpcs = max(1, endpoints // hosts // 2)
    aws = [_aws_vpc(cloud, rank, hosts) for rank in range(vpcs)]
    alibaba = [_alibaba_vpc(cloud, rank, hosts) for rank in range(vpcs)]
    cens = [_cen(cloud, alibaba[start : start + vpcs_per_cen]) for start in range(0, vpcs, vpcs_per_cen)]
    for cen_id, vpc in zip(cens[:CCNS], aws, strict=False):
        _join(cloud, cen_id, vpc)
    return cloud


def _aws_vpc(cloud: Cloud, rank: int, hosts: int) -> AwsVpc:
    """Two subnets, one with a way to the internet; the hosts are in the default group, which admits itself."""
    block = IPv4Network("10.0.0.0/16")
    vpc = cloud.aws.create_vpc(block, name=f"aws-{rank}")
    inner = cloud.aws.create_subnet(vpc.id, "10.0.1.0/24")
    cloud.aws.create_subnet(vpc.id, "10.0.2.0/24")
    image = cloud.aws.describe_images(name=LINUX)[0]
    for host in range(hosts):
        cloud.aws.run_instances(image.id, inner.id, name=f"aws-{rank}-{host}")
    return vpc


def _alibaba_vpc(cloud: Cloud, rank: int, hosts: int) -> AlibabaVpc:
    """One vSwitch; blocks differ inside a CEN, and repeat beyond what the private ranges hold."""
    block = _BLOCKS[(16 + rank) % len(_BLOCKS)]
    vpc = cloud.alibaba.create_vpc(block, vpc_name=f"alibaba-{rank}")
    switch = cloud.alibaba.create_vswitch(vpc.id, next(block.subnets(new_prefix=24)))
    group = cloud.alibaba.create_security_group(vpc.id)
    cloud.alibaba.authorize_security_group(group.id, source_cidr_ip="10.0.0.0/8")
    for host in range(hosts):
        cloud.alibaba.run_instances(switch.id, group.id, instance_name=f"alibaba-{rank}-{host}")
    return vpc


def _cen(cloud: Cloud, vpcs: list[AlibabaVpc]) -> str:
    cen = cloud.alibaba.create_cen()
    for vpc in vpcs:
        cloud.alibaba.attach_cen_child_instance(cen.id, vpc.id, "VPC")
    return cen.id


def _join(cloud: Cloud, cen_id: str, vpc: AwsVpc) -> None:
    """A vCPE between an AWS VPC and a CEN, all steps done."""
    cloud.alibaba.create_ticket()
    order = cloud.alibaba.create_smart_access_gateway()
    cloud.alibaba.activate_smart_access_gateway(order.smart_ag_id)
    device = order.gateways[0].active_device
    inner, edge = cloud.aws.describe_subnets(vpc.id)
    gateway = cloud.aws.create_internet_gateway()
    cloud.aws.attach_internet_gateway(gateway.id, vpc.id)
    table = cloud.aws.create_route_table(vpc.id)
    cloud.aws.associate_route_table(table.id, edge.id)
    cloud.aws.create_route(table.id, "0.0.0.0/0", gateway_id=gateway.id)
    vcpe = cloud.aws.run_instances(
        cloud.aws.describe_images(name=SAG_VCPE)[0].id,
        edge.id,
        user_data=json.dumps({"sn": device.serial_number, "key": device.secret_key}),
        associate_public_ip_address=True,
        name=f"vcpe of {vpc.name}",
    )
    cloud.aws.modify_instance_attribute(vcpe.id, source_dest_check=False)
    for block in ("10.0.0.0/8", "172.16.0.0/12"):
        cloud.aws.authorize_security_group_ingress(vpc.default_security_group_id, ip_protocol="-1", cidr_ip=block)
        cloud.aws.create_route(vpc.main_route_table_id, block, instance_id=vcpe.id)
    cloud.alibaba.modify_smart_access_gateway(order.smart_ag_id, cidr_block=str(inner.cidr_block))
    ccn = cloud.alibaba.create_cloud_connect_network()
    cloud.alibaba.bind_smart_access_gateway(ccn.id, order.smart_ag_id)
    cloud.alibaba.attach_ccn_instance_to_cen(ccn.id, cen_id)


@dataclass(frozen=True, slots=True)
class Measurement:
    """Seconds that it took to make a cloud and to compile it, and how many nodes it came to."""

    endpoints: int
    nodes: int
    made: float
    compiled: float


def measure(endpoints: int) -> Measurement:
    started = time.perf_counter()
    cloud = big_cloud(endpoints)
    made = time.perf_counter()
    topology = compile_topology(cloud)
    done = time.perf_counter()
    return Measurement(endpoints, len(topology.nodes), made - started, done - made)


def main() -> None:
    print(f"{'endpoints':>10} {'nodes':>8} {'made':>9} {'compiled':>9}")
    for endpoints in map(int, sys.argv[1:] or ["1000", "10000"]):
        it = measure(endpoints)
        print(f"{it.endpoints:>10} {it.nodes:>8} {it.made:>7.2f} s {it.compiled:>7.2f} s")


if __name__ == "__main__":
    main()
