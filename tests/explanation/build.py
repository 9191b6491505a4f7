"""A network without a scenario: an AWS VPC with a gateway, two Alibaba Cloud VPCs, all joined, and every packet passes."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lab.cloud import Cloud


@dataclass(frozen=True)
class Ids:
    """What the calls returned, under names that tests use. `app`, `vcpe`, `ecs` and `far` are the machines."""

    aws_vpc: str
    table: str
    public_table: str
    igw: str
    app_subnet: str
    app: str
    app_eni: str
    app_group: str
    vcpe: str
    vcpe_eni: str
    vcpe_group: str
    sag: str
    ccn: str
    cen: str
    vpc: str
    vpc_table: str
    ecs: str
    ecs_group: str
    far_vpc: str


REGION = "ap-southeast-1"


def joined() -> tuple[Cloud, Ids]:
    """app 10.0.1.10, vcpe 10.0.2.10, ecs 192.168.1.10, far 172.16.1.10; groups admit the private blocks of the others."""
    cloud = Cloud(b"joined")
    aws, alibaba = cloud.aws, cloud.alibaba

    vpc = alibaba.create_vpc("192.168.0.0/16", vpc_name="near", region_id=REGION)
    group = alibaba.create_security_group(vpc.id)
    switch = alibaba.create_vswitch(vpc.id, "192.168.1.0/24")
    ecs = alibaba.run_instances(switch.id, group.id, private_ip_address="192.168.1.10", instance_name="ecs")
    alibaba.authorize_security_group(group.id, source_cidr_ip="10.0.0.0/16", priority=10)
    far_vpc = alibaba.create_vpc("172.16.0.0/12", vpc_name="far", region_id=REGION)
    far_group = alibaba.create_security_group(far_vpc.id)
    far_switch = alibaba.create_vswitch(far_vpc.id, "172.16.1.0/24")
    alibaba.run_instances(far_switch.id, far_group.id, private_ip_address="172.16.1.10", instance_name="far")
    alibaba.authorize_security_group(far_group.id, source_cidr_ip="192.168.0.0/16")

    sag = alibaba.create_smart_access_gateway(region_id=REGION).gateways[0]
    alibaba.activate_smart_access_gateway(sag.id)
    alibaba.modify_smart_access_gateway(sag.id, routing_strategy="static", cidr_block="10.0.0.0/16")
    ccn = alibaba.create_cloud_connect_network(name="pop", region_id=REGION)
    alibaba.bind_smart_access_gateway(ccn.id, sag.id)
    cen = alibaba.create_cen(name="transit", ccn_id=ccn.id)
    for child in (vpc.id, far_vpc.id):
        alibaba.attach_cen_child_instance(cen.id, child, "VPC", REGION)

    aws_vpc = aws.create_vpc("10.0.0.0/16", name="office")
    igw = aws.create_internet_gateway()
    aws.attach_internet_gateway(igw.id, aws_vpc.id)
    app_subnet, vcpe_subnet = aws.create_subnet(aws_vpc.id, "10.0.1.0/24"), aws.create_subnet(aws_vpc.id, "10.0.2.0/24")
    public_table = aws.create_route_table(aws_vpc.id)
    aws.associate_route_table(public_table.id, vcpe_subnet.id)
    aws.create_route(public_table.id, "0.0.0.0/0", gateway_id=igw.id)
    app_group = aws.create_security_group("app", "app", aws_vpc.id)
    vcpe_group = aws.create_security_group("vcpe", "vcpe", aws_vpc.id)
    aws.authorize_security_group_ingress(app_group.id, ip_protocol="-1", cidr_ip="192.168.0.0/16")
    aws.authorize_security_group_ingress(vcpe_group.id, ip_protocol="-1", cidr_ip="10.0.0.0/16")
    alibaba.create_ticket()
    linux, image = aws.describe_images(name="al2023-*")[0], aws.describe_images(name="sag-vcpe")[0]
    app = aws.run_instances(
        linux.id, app_subnet.id, security_group_ids=[app_group.id], private_ip_address="10.0.1.10", name="app"
    )
    device = sag.active_device
    vcpe = aws.run_instances(
        image.id,
        vcpe_subnet.id,
        security_group_ids=[vcpe_group.id],
        private_ip_address="10.0.2.10",
        user_data=json.dumps({"sn": device.serial_number, "key": device.secret_key}),
        associate_public_ip_address=True,
        name="vcpe",
    )
    vcpe_eni = vcpe.network_interface_ids[0]
    aws.modify_network_interface_attribute(vcpe_eni, source_dest_check=False)
    aws.create_route(aws_vpc.main_route_table_id, "192.168.0.0/16", network_interface_id=vcpe_eni)
    return cloud, Ids(
        aws_vpc=aws_vpc.id,
        table=aws_vpc.main_route_table_id,
        public_table=public_table.id,
        igw=igw.id,
        app_subnet=app_subnet.id,
        app=app.id,
        app_eni=app.network_interface_ids[0],
        app_group=app_group.id,
        vcpe=vcpe.id,
        vcpe_eni=vcpe_eni,
        vcpe_group=vcpe_group.id,
        sag=sag.id,
        ccn=ccn.id,
        cen=cen.id,
        vpc=vpc.id,
        vpc_table=vpc.route_table_id,
        ecs=ecs.id,
        ecs_group=group.id,
        far_vpc=far_vpc.id,
    )
