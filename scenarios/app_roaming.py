"""An account roams: its owner logs on abroad, and is in the network of that area with the password he has.

                       ┌─ ccn shanghai ── CEN ── vpc 172.16.0.0/16 ── files 172.16.1.10
      laptop ── internet                         staff-cn, clients 192.168.10.0/24
                       └─ ccn singapore ── CEN ── vpc 172.17.0.0/16 ── wiki 172.17.1.10
                                                 staff-sg, clients 192.168.20.0/24

Replays "Smart Access Gateway APP", 3.4. You see the account refused at the other instance, then roam there, and what the laptop
reaches with the id of each.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab import Dies, Lab, Reason, Refused, Shows, main
from scenarios._sites import Named, alibaba_site, open_alibaba_site

SHANGHAI, SINGAPORE = "cn-shanghai", "ap-southeast-1"
USER = "wang.wei"
PASSWORD = "off-site@2022"  # noqa: S105 - of an example


@dataclass(frozen=True)
class Area:
    """An instance with its network, and a host there."""

    smart_ag_id: str
    host: Named


def run(lab: Lab) -> None:
    home = _area(lab, "cn", SHANGHAI, "172.16.0.0/16", "192.168.10.0/24", "files")
    abroad = _area(lab, "sg", SINGAPORE, "172.17.0.0/16", "192.168.20.0/24", "wiki")
    lab.alibaba.create_smart_access_gateway_client_user(
        home.smart_ag_id, user_mail="wang.wei@example.com", user_name=USER, password=PASSWORD
    )
    laptop = lab.terminals.create_terminal("laptop")
    app = lab.app(laptop)

    with lab.step("3.4.1", "Before, the account is unknown to the instance abroad"):
        app.log_on(smart_ag_id=abroad.smart_ag_id, user_name=USER, password=PASSWORD)
        lab.expect_refused(laptop, "App.LogOnFailed")

    with lab.step(
        "3.4.2",
        "Replicate the account to the instance abroad",
        without=[
            Refused("3.4.3", "App.LogOnFailed"),
            Refused("3.4.3", "App.NotLoggedOn"),
            Shows("laptop", "App.NotLoggedOn"),
            Dies("laptop", "wiki", Reason.NO_ROUTE_TO_DESTINATION),
        ],
    ):
        lab.alibaba.roam_client_user(home.smart_ag_id, abroad.smart_ag_id, USER)

    with lab.step("3.4.3", "Log on with the id of the destination instance, and connect"):
        app.log_on(smart_ag_id=abroad.smart_ag_id, user_name=USER, password=PASSWORD)
        app.connect()
        lab.expect_message(laptop, "Connected to Intranet")
        lab.expect_ping(laptop, abroad.host)
        lab.expect_ping(laptop, home.host, received=0)

    with lab.step("3.4.4", "With the id of the source instance, it is at home"):
        app.log_on(smart_ag_id=home.smart_ag_id, user_name=USER, password=PASSWORD)
        app.connect()
        lab.expect_message(laptop, "Connected to Intranet")
        lab.expect_ping(laptop, home.host)
        lab.expect_ping(laptop, abroad.host, received=0)


def _area(lab: Lab, name: str, region: str, cidr: str, block: str, host: str) -> Area:
    site = alibaba_site(lab, f"vpc-{name}", cidr, host, region)
    open_alibaba_site(lab, site, [block])
    order = lab.alibaba.create_smart_access_gateway_software(region, name=f"staff-{name}")
    cen = lab.alibaba.create_cen(f"cen-{name}").id
    lab.alibaba.attach_cen_child_instance(cen, site.vpc, "VPC", region)
    lab.alibaba.quick_configure_smart_access_gateway_software(
        order.smart_ag_id, ccn_name=f"ccn-{name}", cidr_blocks=[block], cen_id=cen
    )
    return Area(order.smart_ag_id, site.host)


if __name__ == "__main__":
    main()
