"""A gateway is held to the peak bandwidth that was bought, both ways, and to another one once it is changed.

    app ══ vcpe ══ 10, 100, 300 Mbit/s ══ CCN ── CEN ── ecs

For each peak bandwidth UDP and TCP are sent both ways between app in AWS and ecs in Alibaba Cloud: of UDP more than may pass,
of TCP whatever it takes. You will see that as much arrives as was bought: of UDP, counted in IP packets of 1024 bytes, within
3 %; of TCP, counted as its user does, within 5 %, 3 of which are headers. The bandwidth is changed by the provider's own call
while the lab runs. The machine has to carry that much; a busy one of two cores may not carry 300 Mbit/s.
"""

from __future__ import annotations

from lab import Lab, main
from scenarios._sites import (
    Named,
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
    with lab.step("1", "Buy 10 Mbit/s, and join the two networks"):
        sag = buy_gateway(lab, "vcpe-singapore", SINGAPORE, max_bandwidth=10)
        lab.alibaba.create_ticket(content="Please share the SAG vCPE image with our AWS account.")
        vcpe = launch_vcpe(lab, office, "vcpe", sag.user_data)
        lab.alibaba.modify_smart_access_gateway(sag.id, routing_strategy="static", cidr_block=office.cidr)
        ccn = lab.alibaba.create_cloud_connect_network(name="ccn-singapore", region_id=SINGAPORE).id
        lab.alibaba.bind_smart_access_gateway(ccn, sag.id)
        cen = lab.alibaba.create_cen(name="hybrid", ccn_id=ccn).id
        lab.alibaba.attach_cen_child_instance(cen, cloud.vpc, "VPC", SINGAPORE)
        open_aws_site(lab, office, vcpe, [cloud.cidr])
        open_alibaba_site(lab, cloud, [office.cidr])
        lab.expect_vpn_status(sag)
        lab.expect_ping(office.host, cloud.host)

    with lab.step("2", "10 Mbit/s pass, and no more"):
        _measure(lab, office.host, cloud.host, 10)
    for number, megabits in ((3, 100), (4, 300)):
        _upgrade(lab, number, sag, office.host, cloud.host, megabits)


def _upgrade(lab: Lab, number: int, sag: Sag, app: Named, ecs: Named, megabits: int) -> None:
    with lab.step(str(number), f"After an upgrade, {megabits} Mbit/s pass"):
        lab.alibaba.upgrade_smart_access_gateway(sag.id, megabits)
        _measure(lab, app, ecs, megabits)


def _measure(lab: Lab, app: Named, ecs: Named, megabits: int) -> None:
    for protocol, within in (("udp", 0.03), ("tcp", 0.05)):
        lab.expect_throughput(app, ecs, protocol, megabits, within=within)
        lab.expect_throughput(ecs, app, protocol, megabits, within=within)


if __name__ == "__main__":
    main()
