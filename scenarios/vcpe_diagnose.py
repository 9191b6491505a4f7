"""Ten broken set-ups of a SAG vCPE, and what `diagnose` finds in each.

    AWS, VPC 10.0.0.0/16                    internet          Alibaba Cloud, VPC 192.168.0.0/16

    app ── route 9 ── check 10 ┐
                              vcpe ── way out 4 ══ ESP ══ CCN 3 ── CEN 5 ── VPC ── group 8 ── ecs
               key 2, routes 7 ┘                  bill 1         overlap 6

For teaching: each step breaks one thing that works, sends a ping that dies of it, has the gateway diagnosed, and mends what it
broke. You will see the same silence ten times, and ten findings that name ten causes, each with the call that mends it. The
numbers in the map are the steps. `saglab up vcpe-diagnose --skip 11` is a lab to break by hand; `saglab diagnose` then tells.
"""

from __future__ import annotations

import json

from lab import Check, Lab, main
from scenarios._sites import (
    AlibabaSite,
    AwsSite,
    Cpe,
    Sag,
    alibaba_site,
    aws_site,
    buy_gateway,
    launch_vcpe,
    open_alibaba_site,
    open_aws_site,
)

SINGAPORE = "ap-southeast-1"


def run(lab: Lab) -> None:
    office = aws_site(lab, "aws", "10.0.0.0/16", "app")
    cloud = alibaba_site(lab, "alibaba", "192.168.0.0/16", "ecs", SINGAPORE)
    sag = buy_gateway(lab, "vcpe-singapore", SINGAPORE)
    lab.alibaba.create_ticket(content="Please share the SAG vCPE image with our AWS account.")
    vcpe = launch_vcpe(lab, office, "vcpe", sag.user_data)
    lab.alibaba.modify_smart_access_gateway(sag.id, routing_strategy="static", cidr_block=office.cidr)
    ccn = lab.alibaba.create_cloud_connect_network(name="ccn-singapore", region_id=SINGAPORE).id
    lab.alibaba.bind_smart_access_gateway(ccn, sag.id)
    cen = lab.alibaba.create_cen(name="hybrid", ccn_id=ccn).id
    lab.alibaba.attach_cen_child_instance(cen, cloud.vpc, "VPC", SINGAPORE)
    open_aws_site(lab, office, vcpe, [cloud.cidr])
    open_alibaba_site(lab, cloud, [office.cidr])

    with lab.step("0", "Nothing is broken"):
        lab.expect_vpn_status(sag)
        lab.expect_ping(office.host, cloud.host, sent=1, received=1)
        lab.expect_diagnosis(sag)

    with lab.step("1", "The subscription has ended"):
        lab.clock.move_forward(months=1)
        _dies_of(lab, Check.SUBSCRIPTION, sag, office, cloud)
        lab.alibaba.renew_instance(sag.id, renew_period=1)
        lab.expect_vpn_status(sag)

    vcpe = _key(lab, sag, office, cloud, vcpe)
    _tunnel(lab, sag, office, cloud, ccn)
    _transit(lab, sag, office, cloud, cen)
    _hosts(lab, sag, office, cloud, vcpe)

    with lab.step("11", "Everything is mended"):
        lab.expect_diagnosis(sag)
        lab.expect_ping(office.host, cloud.host)
        lab.expect_ping(cloud.host, office.host)


def _dies_of(lab: Lab, check: Check, sag: Sag, office: AwsSite, cloud: AlibabaSite) -> None:
    """One echo, which dies, and a diagnosis that finds an error of this check and of no other."""
    lab.expect_ping(office.host, cloud.host, sent=1, received=0)
    lab.expect_diagnosis(sag, check)


def _key(lab: Lab, sag: Sag, office: AwsSite, cloud: AlibabaSite, vcpe: Cpe) -> Cpe:
    with lab.step("2", "The vCPE was launched with a key that is not its own"):
        wrong = json.dumps(json.loads(sag.user_data) | {"key": "a-key-that-was-copied-wrong"})
        copied = _relaunch(lab, office, cloud, vcpe, wrong)
        _dies_of(lab, Check.KEY, sag, office, cloud)
        vcpe = _relaunch(lab, office, cloud, copied, sag.user_data)
        lab.expect_vpn_status(sag)
    return vcpe


def _relaunch(lab: Lab, office: AwsSite, cloud: AlibabaSite, vcpe: Cpe, user_data: str) -> Cpe:
    """User data is given at the launch and at no other time, so the machine is replaced, and the route with it."""
    lab.aws.terminate_instances(vcpe.id)
    new = launch_vcpe(lab, office, "vcpe", user_data, vcpe.group)
    lab.aws.replace_route(office.table, cloud.cidr, network_interface_id=new.interface)
    return new


def _tunnel(lab: Lab, sag: Sag, office: AwsSite, cloud: AlibabaSite, ccn: str) -> None:
    with lab.step("3", "The gateway is attached to no CCN"):
        lab.alibaba.unbind_smart_access_gateway(ccn, sag.id)
        _dies_of(lab, Check.CCN, sag, office, cloud)
        lab.alibaba.bind_smart_access_gateway(ccn, sag.id)
        lab.expect_vpn_status(sag)

    with lab.step("4", "The vCPE's subnet has no way to the internet"):
        lab.aws.delete_route(office.public_table, "0.0.0.0/0")
        _dies_of(lab, Check.TUNNEL, sag, office, cloud)
        lab.aws.create_route(office.public_table, "0.0.0.0/0", gateway_id=office.internet_gateway)
        lab.expect_vpn_status(sag)


def _transit(lab: Lab, sag: Sag, office: AwsSite, cloud: AlibabaSite, cen: str) -> None:
    with lab.step("5", "The Alibaba Cloud VPC is attached to no CEN"):
        lab.alibaba.detach_cen_child_instance(cen, cloud.vpc, "VPC", SINGAPORE)
        _dies_of(lab, Check.CEN, sag, office, cloud)
        lab.alibaba.attach_cen_child_instance(cen, cloud.vpc, "VPC", SINGAPORE)

    with lab.step("6", "Another VPC of the CEN holds the office's addresses, too"):
        double = lab.alibaba.create_vpc("10.0.0.0/8", vpc_name="double", region_id=SINGAPORE)
        lab.alibaba.attach_cen_child_instance(cen, double.id, "VPC", SINGAPORE)
        lab.expect_diagnosis(sag, Check.CONFLICTS)
        lab.alibaba.detach_cen_child_instance(cen, double.id, "VPC", SINGAPORE)
        lab.alibaba.delete_vpc(double.id)

    with lab.step("7", "The static route is another network's"):
        lab.alibaba.modify_smart_access_gateway(sag.id, cidr_block="10.9.0.0/16")
        _dies_of(lab, Check.ROUTES, sag, office, cloud)
        lab.alibaba.modify_smart_access_gateway(sag.id, cidr_block=office.cidr)


def _hosts(lab: Lab, sag: Sag, office: AwsSite, cloud: AlibabaSite, vcpe: Cpe) -> None:
    with lab.step("8", "The security group of the ECS instance does not admit AWS"):
        lab.alibaba.revoke_security_group(cloud.host_group, ip_protocol="ALL", source_cidr_ip=office.cidr)
        _dies_of(lab, Check.SECURITY_GROUPS, sag, office, cloud)
        open_alibaba_site(lab, cloud, [office.cidr])

    with lab.step("9", "The AWS route table has no route to Alibaba Cloud"):
        lab.aws.delete_route(office.table, cloud.cidr)
        _dies_of(lab, Check.ROUTES, sag, office, cloud)
        lab.aws.create_route(office.table, cloud.cidr, network_interface_id=vcpe.interface)

    with lab.step("10", "The vCPE's source/destination check is on"):
        lab.aws.modify_network_interface_attribute(vcpe.interface, source_dest_check=True)
        _dies_of(lab, Check.SOURCE_DEST_CHECK, sag, office, cloud)
        lab.aws.modify_network_interface_attribute(vcpe.interface, source_dest_check=False)


if __name__ == "__main__":
    main()
