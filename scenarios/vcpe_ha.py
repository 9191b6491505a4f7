"""Two SAG vCPEs in AWS stand in for each other.

    AWS, VPC 10.0.0.0/16                 internet        Alibaba Cloud, VPC 192.168.0.0/16

    app 10.0.1.10 ────┐            ┌══ ESP in UDP ══┐
                     VPC ── igw ═══╡                ╞═ CCN ── CEN ── VPC ── ecs 192.168.1.10
    vcpe-a 10.0.2.10 ─┤            └══ ESP in UDP ══┘
    vcpe-b 10.0.2.11 ─┘

The document sells vCPEs in pairs, one active and one standby, and uses one of them. Here both run. What the customer adds is a
script of his own: at an event that says which device is active now, it points the VPC's route to that one's machine, by the
same call as step 4.2. You will see the active vCPE fail, as by kill -9, and the other take over by itself; the failed one come
back as the standby; and then a switch by hand, as the document has it, back to the first.
"""

from __future__ import annotations

import json

from lab import Lab, SystemEvent, main
from scenarios._sites import alibaba_site, aws_site, launch_vcpe

SINGAPORE = "ap-southeast-1"
AWS_CIDR = "10.0.0.0/16"
ALIBABA_CIDR = "192.168.0.0/16"

# The events after which another device is the active one.
TAKEN_OVER = ("AccessGatewayFailover", "DeviceSwitched")


def run(lab: Lab) -> None:
    # As in vcpe-ping: a workload and a VPC on both sides.
    aws = aws_site(lab, "aws", AWS_CIDR, "app")
    alibaba = alibaba_site(lab, "alibaba", ALIBABA_CIDR, "ecs", SINGAPORE)

    with lab.step("1", "Purchase a pair of SAG vCPE devices"):
        order = lab.alibaba.create_smart_access_gateway(region_id=SINGAPORE, name="vcpe-singapore", ha_type="warm_backup")
        lab.alibaba.activate_smart_access_gateway(order.smart_ag_id)
        sag = lab.alibaba.describe_smart_access_gateway_attribute(order.smart_ag_id)

    with lab.step("2", "Deploy the image twice, with the serial number and key of one device each"):
        lab.alibaba.create_ticket(content="Please share the SAG vCPE image with our AWS account.")
        pairs = [json.dumps({"sn": device.serial_number, "key": device.secret_key}) for device in sag.devices]
        first = launch_vcpe(lab, aws, "vcpe-a", pairs[0])
        second = launch_vcpe(lab, aws, "vcpe-b", pairs[1], first.group, address="10.0.2.11")
        interfaces = dict(zip(sag.serial_numbers, (first.interface, second.interface), strict=True))

    with lab.step("3", "Configure the networks, once for both"):
        lab.alibaba.modify_smart_access_gateway(sag.id, routing_strategy="static", cidr_block=AWS_CIDR)
        ccn = lab.alibaba.create_cloud_connect_network(name="ccn-singapore", region_id=SINGAPORE)
        lab.alibaba.bind_smart_access_gateway(ccn.id, sag.id)
        cen = lab.alibaba.create_cen(name="hybrid", ccn_id=ccn.id)
        lab.alibaba.attach_cen_child_instance(cen.id, alibaba.vpc, "VPC", SINGAPORE)
        lab.alibaba.authorize_security_group(alibaba.host_group, ip_protocol="ALL", source_cidr_ip=AWS_CIDR)

    with lab.step("4.2", "Route the Alibaba Cloud CIDR block to the active device, now and after each event"):
        lab.aws.create_route(aws.table, ALIBABA_CIDR, network_interface_id=first.interface)
        lab.aws.authorize_security_group_ingress(aws.host_group, ip_protocol="-1", cidr_ip=ALIBABA_CIDR)

        def follow(event: SystemEvent) -> None:
            """The customer's script: the route goes to the machine of the device that has taken over."""
            if event.name in TAKEN_OVER:
                target = interfaces[event.serial_number]
                lab.aws.replace_route(aws.table, ALIBABA_CIDR, network_interface_id=target)

        lab.on_event(follow)

    with lab.step("4.4", "Ping through the active device, while the other one stands by"):
        lab.expect_vpn_status(sag)
        lab.expect_control_status(sag)
        lab.expect_ping(aws.host, alibaba.host)

    with lab.step("5", "The active device fails, and the other one takes over by itself"):
        lab.fail(first)
        lab.expect_event(sag, "DeviceOffline")
        lab.expect_event(sag, "AccessGatewayFailover")
        lab.expect_ping(aws.host, alibaba.host)
        lab.expect_ping(alibaba.host, aws.host)

    with lab.step("6", "The failed device comes back as the standby"):
        lab.expect_event(sag, "DeviceOnline")
        lab.expect_ping(aws.host, alibaba.host)

    with lab.step("7", "Switch back by hand"):
        lab.alibaba.switch_smart_access_gateway_device(sag.id)
        lab.expect_event(sag, "DeviceSwitched")
        lab.expect_vpn_status(sag)
        lab.expect_ping(aws.host, alibaba.host)
        lab.expect_ping(alibaba.host, aws.host)


if __name__ == "__main__":
    main()
