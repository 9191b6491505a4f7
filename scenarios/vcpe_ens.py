"""A host on an edge node pings a host in Alibaba Cloud through a SAG vCPE on an ENS instance.

    edge node, network 10.0.0.0/16        internet         Alibaba Cloud, VPC 192.168.0.0/16

    app 10.0.1.10 ── network ── 10.0.2.10 vcpe ══ ESP in UDP ══ CCN ── CEN ── VPC ── ecs 192.168.1.10
                                  203.0.113.10     198.51.100.10

The document says that the vCPE image runs on an Alibaba Cloud Edge Node Service instance just as it does in AWS; this replays its
steps with the vCPE there. You will see the same steps lead to the same end as in vcpe-ping, and where the platforms differ: the
public address is on the machine itself, without translation; the network has no source/destination check of its own, so the
vCPE's is the vCPE's own; and what has no public address is on no internet at all.
"""

from __future__ import annotations

import json

from lab import Abnormal, Dies, Lab, Reason, Refused, StatusKind, main
from scenarios._sites import alibaba_site

SINGAPORE = "ap-southeast-1"
EDGE_CIDR = "10.0.0.0/16"
ALIBABA_CIDR = "192.168.0.0/16"


# What leaving a step out does, where several steps have the same effect. The vCPE's own packet, when no route leads into the
# tunnel, takes the default route to the internet, which knows no private destinations.
NO_GATEWAY: list[Abnormal | Dies] = [
    Abnormal("vcpe-singapore", "NO_TUNNEL"),
    Abnormal("vcpe-singapore", "NOT_REPORTING", StatusKind.CONTROL),
    Dies("app", "ecs", Reason.SAG_DEVICE_NOT_ASSOCIATED),
    Dies("ecs", "app", Reason.NO_ROUTE_TO_DESTINATION),
    Dies("vcpe", "ecs", Reason.NO_ROUTE_TO_DESTINATION),
]
NOT_JOINED = [
    Dies("app", "ecs", Reason.NO_ROUTE_TO_DESTINATION),
    Dies("ecs", "app", Reason.NO_ROUTE_TO_DESTINATION),
    Dies("vcpe", "ecs", Reason.NO_ROUTE_TO_DESTINATION),
]


def run(lab: Lab) -> None:
    # What the document takes for granted: a workload on the edge node, and one in the VPC.
    network = lab.alibaba.create_ens_network(EDGE_CIDR, network_name="edge")
    app_group = lab.alibaba.create_ens_security_group("app")
    lab.alibaba.authorize_ens_security_group(app_group.id, ip_protocol="TCP", port_range="22/22", source_cidr_ip=EDGE_CIDR)
    app = lab.alibaba.run_ens_instances(
        network_id=network.id,
        security_id=app_group.id,
        private_ip_address="10.0.1.10",
        public_ip_identification=False,
        instance_name="app",
    )
    cloud = alibaba_site(lab, "alibaba", ALIBABA_CIDR, "ecs", SINGAPORE)

    with lab.step(
        "1",
        "Purchase a SAG vCPE device and note its serial number and key",
        without=[*NO_GATEWAY, Refused("3.1", "SAG.InstanceNoFound"), Refused("3.2", "InvalidId.SMARTAG")],
    ):
        order = lab.alibaba.create_smart_access_gateway(region_id=SINGAPORE, name="vcpe-singapore", max_bandwidth=100)
        lab.alibaba.activate_smart_access_gateway(order.smart_ag_id)
        sag = lab.alibaba.describe_smart_access_gateway_attribute(order.smart_ag_id)
        device = sag.active_device

    with lab.step("2.1", "Select the SAG vCPE image", without=NO_GATEWAY):
        image = lab.choose("sag-vcpe", otherwise="centos_7_9_x64_20G_alibase")

    with lab.step("2.2", "Select an instance type with 2 cores and 4 GB of memory"):
        instance_type = lab.choose("ens.sn1.tiny", otherwise="ens.sn1.stiny")

    # Without both the machine is an ordinary host: what it sends to Alibaba Cloud, its network sends back to it.
    with lab.step(
        "2.3",
        "Configure the instance: serial number and key, public IP address",
        without=[*NO_GATEWAY[:-1], Dies("vcpe", "ecs", "MARTIAN_SOURCE")],
    ):
        with lab.step("2.3.key", "Provide the serial number and key", without=NO_GATEWAY):
            user_data = lab.choose(json.dumps({"sn": device.serial_number, "key": device.secret_key}), otherwise="")
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

    vcpe_group = lab.alibaba.create_ens_security_group("vcpe")
    vcpe = lab.alibaba.run_ens_instances(
        image,
        instance_type=instance_type,
        network_id=network.id,
        security_id=vcpe_group.id,
        private_ip_address="10.0.2.10",
        public_ip_identification=public_ip,
        user_data=user_data,
        instance_name="vcpe",
    )

    closed = [Dies("app", "ecs", Reason.ECS_SG_RULES_MISMATCH)]
    with lab.step(
        "2.4", "Allow the private CIDR blocks of the edge node and Alibaba Cloud in the vCPE's security group", without=closed
    ):
        with lab.step("2.4.edge", "Allow the edge node's private CIDR block", without=closed):
            lab.alibaba.authorize_ens_security_group(vcpe_group.id, source_cidr_ip=EDGE_CIDR)
        with lab.step("2.4.alibaba", "Allow the Alibaba Cloud private CIDR block"):
            lab.alibaba.authorize_ens_security_group(vcpe_group.id, source_cidr_ip=ALIBABA_CIDR)

    with lab.step(
        "2.5",
        "Disable the source/destination check of the vCPE",
        without=[
            Dies("app", "ecs", Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION),
            Dies("ecs", "app", Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION),
        ],
    ):
        lab.alibaba.modify_ens_instance_attribute(vcpe.id, source_dest_check=False)

    with lab.step(
        "3.1",
        "Add the edge node's private CIDR block as a static route",
        without=[
            Dies("app", "ecs", "OUTSIDE_SELECTOR"),
            Dies("ecs", "app", Reason.NO_ROUTE_TO_DESTINATION),
            Dies("vcpe", "ecs", "OUTSIDE_SELECTOR"),
        ],
    ):
        lab.alibaba.modify_smart_access_gateway(sag.id, routing_strategy="static", cidr_block=EDGE_CIDR)

    with lab.step(
        "3.2",
        "Create a CCN and associate the SAG vCPE instance with it",
        without=[
            Dies("app", "ecs", Reason.SAG_NOT_ATTACHED_TO_CCN),
            Dies("ecs", "app", Reason.NO_ROUTE_TO_DESTINATION),
            Dies("vcpe", "ecs", Reason.NO_ROUTE_TO_DESTINATION),
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
        without=[*NOT_JOINED, Refused("3.3.4", "ParameterCenInstanceId")],
    ):
        cen = lab.alibaba.create_cen(name="hybrid", ccn_id=ccn.id)

    with lab.step("3.3.4", "Associate the Alibaba Cloud VPC with the CEN instance", without=NOT_JOINED):
        lab.alibaba.attach_cen_child_instance(cen.id, cloud.vpc, "VPC", SINGAPORE)

    with lab.step(
        "3.3.5",
        "Allow the edge node's private CIDR block in the security group of the ECS instance",
        without=[*closed, Dies("vcpe", "ecs", Reason.ECS_SG_RULES_MISMATCH)],
    ):
        lab.alibaba.authorize_security_group(cloud.host_group, ip_protocol="ALL", source_cidr_ip=EDGE_CIDR)

    with lab.step(
        "4.2",
        "Route the Alibaba Cloud CIDR block to the SAG vCPE",
        without=[
            Dies("app", "ecs", Reason.NO_ROUTE_TO_DESTINATION),
            Dies("ecs", "app", Reason.NO_ROUTE_TO_DESTINATION),
        ],
    ):
        lab.alibaba.create_ens_route_entry(network.id, ALIBABA_CIDR, vcpe.id)

    with lab.step(
        "4.3",
        "Allow the Alibaba Cloud private CIDR block in the security group of the edge node's instance",
        without=[Dies("ecs", "app", Reason.ECS_SG_RULES_MISMATCH)],
    ):
        lab.alibaba.authorize_ens_security_group(app_group.id, source_cidr_ip=ALIBABA_CIDR)

    # Left out, nothing is sent, and so nothing is shown: the run does not pass.
    with lab.step("4.4", "Ping from private address to private address, both ways"):
        lab.expect_ping(app, cloud.host, sent=4, received=4)
        lab.expect_ping(cloud.host, app, sent=4, received=4)
        lab.expect_ping(vcpe, cloud.host, sent=4, received=4)


if __name__ == "__main__":
    main()
