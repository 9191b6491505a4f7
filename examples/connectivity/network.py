"""A shop in AWS whose application uses a database in Alibaba Cloud, through a SAG vCPE.

    AWS, VPC 10.20.0.0/16            internet          Alibaba Cloud, VPC 172.20.0.0/16

    web  10.20.1.10 ──┐
    app  10.20.1.20 ─ VPC ── igw ══ ESP in UDP ══ CCN ── CEN ── VPC ── db     172.20.1.10
    vcpe 10.20.2.10 ──┘                                           └─── backup 172.20.1.20

Customers reach web from anywhere, web reaches app, app alone reaches the database. This is the network that the tests
beside this file are about. It is an ordinary scenario: `saglab run network.py` builds it, `saglab diagram network.py` draws it.
"""

from __future__ import annotations

import json

from lab import Lab, main

REGION = "ap-southeast-1"
SHOP, DATA = "10.20.0.0/16", "172.20.0.0/16"
WEB, APP, DB = "10.20.1.10", "10.20.1.20", "172.20.1.10"


def run(lab: Lab) -> None:
    with lab.step("shop", "The shop's VPC in AWS: web, app, and a public subnet for the gateway"):
        vpc = lab.aws.create_vpc(SHOP, name="shop")
        subnet = lab.aws.create_subnet(vpc.id, "10.20.1.0/24", name="machines")
        public = lab.aws.create_subnet(vpc.id, "10.20.2.0/24", name="gateway")
        internet = lab.aws.create_internet_gateway()
        lab.aws.attach_internet_gateway(internet.id, vpc.id)
        table = lab.aws.create_route_table(vpc.id)
        lab.aws.associate_route_table(table.id, public.id)
        lab.aws.create_route(table.id, "0.0.0.0/0", gateway_id=internet.id)
        linux = lab.aws.describe_images(name="al2023-*")[0]
        web_group = lab.aws.create_security_group("web", "customers come in by HTTPS", vpc.id)
        app_group = lab.aws.create_security_group("app", "only web comes in", vpc.id)
        web = lab.aws.run_instances(
            linux.id, subnet.id, security_group_ids=[web_group.id], private_ip_address=WEB, name="web"
        )
        app = lab.aws.run_instances(
            linux.id, subnet.id, security_group_ids=[app_group.id], private_ip_address=APP, name="app"
        )

    with lab.step("data", "The data's VPC in Alibaba Cloud: the database and its backup"):
        cloud_vpc = lab.alibaba.create_vpc(DATA, vpc_name="data", region_id=REGION)
        v_switch = lab.alibaba.create_vswitch(cloud_vpc.id, "172.20.1.0/24")
        group = lab.alibaba.create_security_group(cloud_vpc.id, security_group_name="data")
        db = lab.alibaba.run_instances(v_switch.id, group.id, private_ip_address=DB, instance_name="db")
        lab.alibaba.run_instances(v_switch.id, group.id, private_ip_address="172.20.1.20", instance_name="backup")

    with lab.step("tunnel", "A vCPE in the shop, its CCN, and a CEN that joins the two networks"):
        order = lab.alibaba.create_smart_access_gateway(region_id=REGION, name="shop-gateway", max_bandwidth=50)
        lab.alibaba.activate_smart_access_gateway(order.smart_ag_id)
        device = lab.alibaba.describe_smart_access_gateway_attribute(order.smart_ag_id).active_device
        lab.alibaba.create_ticket(content="Please share the SAG vCPE image with our AWS account.")
        vcpe_group = lab.aws.create_security_group("vcpe", "the gateway", vpc.id)
        lab.aws.authorize_security_group_ingress(vcpe_group.id, ip_protocol="-1", cidr_ip=SHOP)
        vcpe = lab.aws.run_instances(
            lab.aws.describe_images(name="sag-vcpe")[0].id,
            public.id,
            security_group_ids=[vcpe_group.id],
            instance_type="c5.large",
            private_ip_address="10.20.2.10",
            user_data=json.dumps({"sn": device.serial_number, "key": device.secret_key}),
            associate_public_ip_address=True,
            name="vcpe",
        )
        eni = vcpe.network_interface_ids[0]
        lab.aws.modify_network_interface_attribute(eni, source_dest_check=False)
        lab.alibaba.modify_smart_access_gateway(order.smart_ag_id, routing_strategy="static", cidr_block=SHOP)
        ccn = lab.alibaba.create_cloud_connect_network(name="shops", region_id=REGION)
        lab.alibaba.bind_smart_access_gateway(ccn.id, order.smart_ag_id)
        cen = lab.alibaba.create_cen(name="company", ccn_id=ccn.id)
        lab.alibaba.attach_cen_child_instance(cen.id, cloud_vpc.id, "VPC", REGION)
        lab.aws.create_route(vpc.main_route_table_id, DATA, network_interface_id=eni)

    with lab.step("rules.web", "Customers reach web by HTTPS"):
        lab.aws.authorize_security_group_ingress(
            web_group.id, ip_protocol="tcp", from_port=443, to_port=443, cidr_ip="0.0.0.0/0"
        )

    with lab.step("rules.app", "Web reaches app at port 8080"):
        lab.aws.authorize_security_group_ingress(
            app_group.id, ip_protocol="tcp", from_port=8080, to_port=8080, cidr_ip=f"{WEB}/32"
        )
        lab.aws.authorize_security_group_ingress(app_group.id, ip_protocol="icmp", from_port=-1, to_port=-1, cidr_ip=DATA)

    with lab.step("rules.db", "App, and nobody else, reaches the database: PostgreSQL and ping"):
        lab.alibaba.authorize_security_group(
            group.id, ip_protocol="TCP", port_range="5432/5432", source_cidr_ip=f"{APP}/32"
        )
        lab.alibaba.authorize_security_group(group.id, ip_protocol="ICMP", port_range="-1/-1", source_cidr_ip=f"{APP}/32")

    with lab.step("ping", "Ping from app to the database"):
        lab.expect_ping(app, db)
        lab.expect_ping(web, db, received=0)


if __name__ == "__main__":
    main()
