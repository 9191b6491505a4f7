"""Eight sites in two regions: who reaches whom, before and after CEN and a bandwidth plan join them.

           Singapore                                                  Tokyo

    AWS hq     10.1.0.0/16 ══╗                                   ╔══ AWS plant  10.3.0.0/16
    AWS shop   10.2.0.0/16 ══╬═ ccn-sg ──┐            ┌── ccn-jp ═╬══ ENS depot  10.12.0.0/16
    ENS store 10.11.0.0/16 ══╝           ├── group ───┤
    VPC web   172.16.0.0/16 ─────────────┤  (a CEN)   └──────────── VPC backup 172.18.0.0/16
    VPC db    172.17.0.0/16 ─────────────┘

Three AWS VPCs and two edge nodes have a SAG vCPE each, and are on the CCN of their area; three Alibaba Cloud VPCs are on the
CEN. An echo goes from each host to each other, all at once, three times: with the CCNs alone, joined by the CEN, and with
bandwidth between the two regions. You will see three tables, each as it was configured: gateways of one CCN reach each other
without a CEN; a CCN reaches all of its own area; from region to region nothing passes without a bandwidth plan; and db answers
only web and hq, because its security group says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab import Lab, main
from scenarios._sites import (
    AlibabaSite,
    AwsSite,
    EnsSite,
    Named,
    alibaba_site,
    aws_site,
    buy_gateway,
    ens_site,
    launch_ens_vcpe,
    launch_vcpe,
    open_alibaba_site,
    open_aws_site,
    open_ens_site,
    reached,
)

SINGAPORE, TOKYO = "ap-southeast-1", "ap-northeast-1"
EVERYBODY = ("10.0.0.0/8", "172.16.0.0/12")

CCNS_ALONE = """
           hq   shop  store  plant  depot  web  db  backup
    hq      .    x      x      .      .     .    .     .
    shop    x    .      x      .      .     .    .     .
    store   x    x      .      .      .     .    .     .
    plant   .    .      .      .      x     .    .     .
    depot   .    .      .      x      .     .    .     .
    web     .    .      .      .      .     .    .     .
    db      .    .      .      .      .     .    .     .
    backup  .    .      .      .      .     .    .     .
"""
WITH_CEN = """
           hq   shop  store  plant  depot  web  db  backup
    hq      .    x      x      .      .     x    x     .
    shop    x    .      x      .      .     x    .     .
    store   x    x      .      .      .     x    .     .
    plant   .    .      .      .      x     .    .     x
    depot   .    .      .      x      .     .    .     x
    web     x    x      x      .      .     .    x     .
    db      x    x      x      .      .     x    .     .
    backup  .    .      .      x      x     .    .     .
"""
WITH_BANDWIDTH = """
           hq   shop  store  plant  depot  web  db  backup
    hq      .    x      x      x      x     x    x     x
    shop    x    .      x      x      x     x    .     x
    store   x    x      .      x      x     x    .     x
    plant   x    x      x      .      x     x    .     x
    depot   x    x      x      x      .     x    .     x
    web     x    x      x      x      x     .    x     x
    db      x    x      x      x      x     x    .     x
    backup  x    x      x      x      x     x    .     .
"""


@dataclass(frozen=True)
class Sites:
    singapore: tuple[AwsSite | EnsSite, ...]
    tokyo: tuple[AwsSite | EnsSite, ...]
    vpcs: tuple[AlibabaSite, ...]

    @property
    def hosts(self) -> list[Named]:
        return [site.host for site in (*self.singapore, *self.tokyo, *self.vpcs)]


def run(lab: Lab) -> None:
    sites = _sites(lab)
    with lab.step("1", "Put a gateway into each AWS VPC and onto each edge node, and bind it to the CCN of its area"):
        lab.alibaba.create_ticket(content="Please share the SAG vCPE image with our AWS account.")
        ccns = [_join_ccn(lab, sites.singapore, SINGAPORE, "ccn-sg"), _join_ccn(lab, sites.tokyo, TOKYO, "ccn-jp")]

    with lab.step("2", "With the CCNs alone, the gateways of each reach each other"):
        lab.expect_reach(sites.hosts, reached(sites.hosts, CCNS_ALONE))

    with lab.step("3", "Attach both CCNs and the three VPCs to a CEN"):
        cen = lab.alibaba.create_cen(name="group").id
        for ccn in ccns:
            lab.alibaba.attach_ccn_instance_to_cen(ccn, cen)
        for vpc in sites.vpcs:
            lab.alibaba.attach_cen_child_instance(cen, vpc.vpc, "VPC", vpc.region)

    with lab.step("4", "Inside each region, the hosts reach each other as the security groups say"):
        lab.expect_reach(sites.hosts, reached(sites.hosts, WITH_CEN))

    with lab.step("5", "Buy a bandwidth plan, and share it out between the two regions"):
        plan = lab.alibaba.create_cen_bandwidth_package(10, "Asia-Pacific", "Asia-Pacific")
        lab.alibaba.associate_cen_bandwidth_package(cen, plan.id)
        lab.alibaba.set_cen_inter_region_bandwidth_limit(cen, SINGAPORE, TOKYO, 10)

    with lab.step("6", "From region to region, too"):
        lab.expect_reach(sites.hosts, reached(sites.hosts, WITH_BANDWIDTH))


def _sites(lab: Lab) -> Sites:
    """The private networks with their hosts. Routes and rules are there from the beginning: what is joined later decides."""
    hq, shop, plant = (aws_site(lab, name, f"10.{number}.0.0/16", name) for number, name in enumerate(("hq", "shop", "plant"), 1))
    store, depot = (ens_site(lab, name, f"10.{number}.0.0/16", name) for number, name in enumerate(("store", "depot"), 11))
    web = alibaba_site(lab, "web-vpc", "172.16.0.0/16", "web", SINGAPORE)
    db = alibaba_site(lab, "db-vpc", "172.17.0.0/16", "db", SINGAPORE)
    backup = alibaba_site(lab, "backup-vpc", "172.18.0.0/16", "backup", TOKYO)
    open_alibaba_site(lab, web, EVERYBODY)
    open_alibaba_site(lab, db, [web.cidr, hq.cidr])
    open_alibaba_site(lab, backup, EVERYBODY)
    return Sites((hq, shop, store), (plant, depot), (web, db, backup))


def _join_ccn(lab: Lab, sites: tuple[AwsSite | EnsSite, ...], region: str, name: str) -> str:
    """A gateway for each site, on one new CCN. Returns the CCN's id."""
    ccn = lab.alibaba.create_cloud_connect_network(name=name, region_id=region).id
    for site in sites:
        sag = buy_gateway(lab, f"sag-{site.name}", region)
        if isinstance(site, AwsSite):
            open_aws_site(lab, site, launch_vcpe(lab, site, f"vcpe-{site.name}", sag.user_data), EVERYBODY)
        else:
            open_ens_site(lab, site, launch_ens_vcpe(lab, site, f"vcpe-{site.name}", sag.user_data), EVERYBODY)
        lab.alibaba.modify_smart_access_gateway(sag.id, routing_strategy="static", cidr_block=site.cidr)
        lab.alibaba.bind_smart_access_gateway(ccn, sag.id)
    return ccn


if __name__ == "__main__":
    main()
