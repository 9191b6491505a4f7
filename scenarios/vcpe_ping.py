"""A host in AWS pings a host in Alibaba Cloud through a SAG vCPE.

    AWS, VPC 10.0.0.0/16           internet         Alibaba Cloud, VPC 192.168.0.0/16

    app 10.0.1.10 ───┐
                    VPC ── igw ══ ESP in UDP ══ CCN ── CEN ── VPC ── ecs 192.168.1.10
    vcpe 10.0.2.10 ──┘ 203.0.113.10     198.51.100.10

Replays "Connect AWS to Alibaba Cloud through SAG vCPE", steps 1 to 4, on a network of namespaces with a real encrypted tunnel.
You will see each step of the document done, the network built, the gateway prove by its serial number and key who it is (VPN
Status Normal), and four echoes each way, from private address to private address. Leave a step out (--skip 2.5) and see where
the packets die. Each step says what leaving it out does: which ping dies and why, which later call is refused, or nothing.
"""

from __future__ import annotations

import json

from lab import Abnormal, Dies, Lab, Reason, Refused, StatusKind, main

SINGAPORE = "ap-southeast-1"
AWS_CIDR = "10.0.0.0/16"
ALIBABA_CIDR = "192.168.0.0/16"

# What leaving a step out does, where several steps have the same effect. The vCPE's own packet, when no route leads into the
# tunnel, takes the default route to the internet gateway, which refuses private destinations.
NO_GATEWAY: list[Abnormal | Dies] = [
    Abnormal("vcpe-singapore", "NO_TUNNEL"),
    Abnormal("vcpe-singapore", "NOT_REPORTING", StatusKind.CONTROL),
    Dies("app", "ecs", Reason.SAG_DEVICE_NOT_ASSOCIATED),
    Dies("ecs", "app", Reason.NO_ROUTE_TO_DESTINATION),
    Dies("vcpe", "ecs", Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS),
]
NOT_JOINED = [
    Dies("app", "ecs", Reason.NO_ROUTE_TO_DESTINATION),
    Dies("ecs", "app", Reason.NO_ROUTE_TO_DESTINATION),
    Dies("vcpe", "ecs", Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS),
]


def run(lab: Lab) -> None:
    # What the document takes for granted: workloads and VPCs on both sides, and in AWS a subnet with a way to the internet.
    vpc = lab.aws.create_vpc(AWS_CIDR, name="aws")
    app_subnet = lab.aws.create_subnet(vpc.id, "10.0.1.0/24", name="app")
    vcpe_subnet = lab.aws.create_subnet(vpc.id, "10.0.2.0/24", name="vcpe")
    gateway = lab.aws.create_internet_gateway()
    lab.aws.attach_internet_gateway(gateway.id, vpc.id)
    public_table = lab.aws.create_route_table(vpc.id)
    lab.aws.associate_route_table(public_table.id, vcpe_subnet.id)
    lab.aws.create_route(public_table.id, "0.0.0.0/0", gateway_id=gateway.id)
    linux = lab.aws.describe_images(name="al2023-*")[0]
    app_group = lab.aws.create_security_group("app", "the workload", vpc.id)
    lab.aws.authorize_security_group_ingress(app_group.id, ip_protocol="tcp", from_port=22, to_port=22, cidr_ip=AWS_CIDR)
    app = lab.aws.run_instances(
        linux.id, app_subnet.id, security_group_ids=[app_group.id], private_ip_address="10.0.1.10", name="app"
    )

    cloud_vpc = lab.alibaba.create_vpc(ALIBABA_CIDR, vpc_name="alibaba", region_id=SINGAPORE)
    v_switch = lab.alibaba.create_vswitch(cloud_vpc.id, "192.168.1.0/24")
    ecs_group = lab.alibaba.create_security_group(cloud_vpc.id, security_group_name="ecs")
    ecs = lab.alibaba.run_instances(v_switch.id, ecs_group.id, private_ip_address="192.168.1.10", instance_name="ecs")

    with lab.step(
        "1",
        "Purchase a SAG vCPE device and note its serial number and key",
        without=[
            *NO_GATEWAY,
            Refused("3.1", "SAG.InstanceNoFound"),
            Refused("3.2", "InvalidId.SMARTAG"),
        ],
    ):
        order = lab.alibaba.create_smart_access_gateway(region_id=SINGAPORE, name="vcpe-singapore", max_bandwidth=100)
        lab.alibaba.activate_smart_access_gateway(order.smart_ag_id)
        sag = lab.alibaba.describe_smart_access_gateway_attribute(order.smart_ag_id)
        device = sag.active_device

    with lab.step("2.1", "Select the SAG vCPE image", without=NO_GATEWAY):
        lab.alibaba.create_ticket(content="Please share the SAG vCPE image with our AWS account.")
        image = lab.choose(lab.aws.describe_images(name="sag-vcpe")[0], otherwise=linux)

    with lab.step("2.2", "Select an instance type with 2 cores and 4 GB of memory"):
        instance_type = lab.choose("c5.large", otherwise="t2.small")

    with lab.step("2.3", "Configure the instance: serial number and key, public IP address", without=NO_GATEWAY):
        with lab.step("2.3.key", "Provide the serial number and key", without=NO_GATEWAY):
            user_data = lab.choose(json.dumps({"sn": device.serial_number, "key": device.secret_key}), otherwise="")
        # Without a public address nothing of the vCPE passes the internet gateway, so neither end ever hears the other.
        with lab.step(
            "2.3.address",
            "Assign a public IP address",
            without=[
                Abnormal("vcpe-singapore", "NO_ANSWER"),
                Abnormal("vcpe-singapore", "CONTROLLER_UNREACHABLE", StatusKind.CONTROL),
                Dies("app", "ecs", "PEER_NOT_HEARD"),
                Dies("ecs", "app", "PEER_NOT_HEARD"),
                Dies("vcpe", "ecs", "PEER_NOT_HEARD"),
            ],
        ):
            public_ip = lab.choose(True, otherwise=False)

    # The instance starts. Its security group exists from the beginning; what it admits is step 2.4.
    vcpe_group = lab.aws.create_security_group("vcpe", "the gateway", vpc.id)
    vcpe = lab.aws.run_instances(
        image.id,
        vcpe_subnet.id,
        security_group_ids=[vcpe_group.id],
        instance_type=instance_type,
        private_ip_address="10.0.2.10",
        user_data=user_data,
        associate_public_ip_address=public_ip,
        name="vcpe",
    )
    vcpe_eni = vcpe.network_interface_ids[0]

    with lab.step(
        "2.4",
        "Allow the private CIDR blocks of AWS and Alibaba Cloud in the vCPE's security group",
        without=[Dies("app", "ecs", Reason.SG_HAS_NO_RULES)],
    ):
        with lab.step("2.4.aws", "Allow the AWS private CIDR block", without=[Dies("app", "ecs", Reason.ENI_SG_RULES_MISMATCH)]):
            lab.aws.authorize_security_group_ingress(vcpe_group.id, ip_protocol="-1", cidr_ip=AWS_CIDR)
        # What comes from Alibaba Cloud arrives inside the tunnel, which the vCPE opened itself: this rule stops nothing.
        with lab.step("2.4.alibaba", "Allow the Alibaba Cloud private CIDR block"):
            lab.aws.authorize_security_group_ingress(vcpe_group.id, ip_protocol="-1", cidr_ip=ALIBABA_CIDR)

    with lab.step(
        "2.5",
        "Disable the source/destination check of the vCPE",
        without=[
            Dies("app", "ecs", Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION),
            Dies("ecs", "app", Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION),
        ],
    ):
        lab.aws.modify_network_interface_attribute(vcpe_eni, source_dest_check=False)

    with lab.step(
        "3.1",
        "Add the AWS private CIDR block as a static route",
        without=[
            Dies("app", "ecs", "OUTSIDE_SELECTOR"),
            Dies("ecs", "app", Reason.NO_ROUTE_TO_DESTINATION),
            Dies("vcpe", "ecs", "OUTSIDE_SELECTOR"),
        ],
    ):
        lab.alibaba.modify_smart_access_gateway(sag.id, routing_strategy="static", cidr_block=AWS_CIDR)

    with lab.step(
        "3.2",
        "Create a CCN and associate the SAG vCPE instance with it",
        without=[
            Dies("app", "ecs", Reason.SAG_NOT_ATTACHED_TO_CCN),
            Dies("ecs", "app", Reason.NO_ROUTE_TO_DESTINATION),
            Dies("vcpe", "ecs", Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS),
            Refused("3.3", "InvalidId.CCN"),
            Refused("3.3.4", "ParameterCenInstanceId"),
        ],
    ):
        ccn = lab.alibaba.create_cloud_connect_network(name="ccn-singapore", region_id=SINGAPORE)
        lab.alibaba.bind_smart_access_gateway(ccn.id, sag.id)
        lab.expect_vpn_status(sag, "Normal")
        lab.expect_control_status(sag, "Normal")

    with lab.step(
        "3.3",
        "Bind the CCN to a new CEN instance (3.3.1 to 3.3.3)",
        without=[
            *NOT_JOINED,
            Refused("3.3.4", "ParameterCenInstanceId"),
        ],
    ):
        cen = lab.alibaba.create_cen(name="hybrid", ccn_id=ccn.id)

    with lab.step("3.3.4", "Associate the Alibaba Cloud VPC with the CEN instance", without=NOT_JOINED):
        lab.alibaba.attach_cen_child_instance(cen.id, cloud_vpc.id, "VPC", SINGAPORE)

    with lab.step(
        "3.3.5",
        "Allow the AWS private CIDR block in the security group of the ECS instance",
        without=[
            Dies("app", "ecs", Reason.ECS_SG_RULES_MISMATCH),
            Dies("vcpe", "ecs", Reason.ECS_SG_RULES_MISMATCH),
        ],
    ):
        lab.alibaba.authorize_security_group(ecs_group.id, ip_protocol="ALL", source_cidr_ip=AWS_CIDR)

    with lab.step("4.1", "Log on to the AWS instance"):
        host = next(instance for instance in lab.aws.describe_instances() if instance.id == app.id)

    with lab.step(
        "4.2",
        "Route the Alibaba Cloud CIDR block to the SAG vCPE",
        without=[
            Dies("app", "ecs", Reason.NO_ROUTE_TO_DESTINATION),
            Dies("ecs", "app", Reason.NO_ROUTE_TO_DESTINATION),
        ],
    ):
        lab.aws.create_route(vpc.main_route_table_id, ALIBABA_CIDR, network_interface_id=vcpe_eni)

    with lab.step(
        "4.3",
        "Allow the Alibaba Cloud private CIDR block in the security group of the AWS instance",
        without=[Dies("ecs", "app", Reason.ENI_SG_RULES_MISMATCH)],
    ):
        lab.aws.authorize_security_group_ingress(app_group.id, ip_protocol="-1", cidr_ip=ALIBABA_CIDR)

    # Left out, nothing is sent, and so nothing is shown: the run does not pass.
    with lab.step("4.4", "Ping from private address to private address, both ways"):
        lab.expect_ping(host, ecs, sent=4, received=4)
        lab.expect_ping(ecs, host, sent=4, received=4)
        # The vCPE itself reaches ecs without the route, the check and the group of steps 4.2, 2.5 and 4.3.
        lab.expect_ping(vcpe, ecs, sent=4, received=4)


if __name__ == "__main__":
    main()
