"""A laptop reaches a host in AWS through the SAG app: both are on one CCN, and no CEN is needed.

                            Alibaba Cloud           AWS
      laptop ── internet ── ccn company ═══════════ vcpe ── app 10.1.1.10, office 10.1.0.0/16
           ╚═══ tunnel ════╝
      192.168.10.x
                            ccn partner ═══════════ vcpe ── lab 10.2.1.10, other 10.2.0.0/16

Replays of "Smart Access Gateway APP" chapter 2 without its optional step 3, beside gateways as "Connect AWS to Alibaba Cloud
through SAG vCPE" has them. You see that clients communicate with the gateways of their CCN (2 step 2), both ways, and
with no others.
"""

from __future__ import annotations

from lab import Dies, Effect, Lab, Reason, Refused, Shows, main
from scenarios._sites import AwsSite, aws_site, buy_gateway, launch_vcpe

SINGAPORE = "ap-southeast-1"
BLOCK = "192.168.10.0/24"
USER = "han.mei.mei"
PASSWORD = "off-site@2022"  # noqa: S105 - of an example

UNCONNECTED: list[Effect] = [
    Dies("laptop", "app", Reason.NO_ROUTE_TO_DESTINATION),
    Dies("app", "laptop", Reason.NO_ROUTE_TO_DESTINATION),
]
NOT_LOGGED_ON: list[Effect] = [*UNCONNECTED, Refused("5.2", "App.NotLoggedOn"), Shows("laptop", "App.NotLoggedOn")]
NO_ACCOUNT: list[Effect] = [*NOT_LOGGED_ON, Refused("5.1", "App.LogOnFailed")]


def run(lab: Lab) -> None:
    # Two offices in AWS, each with a gateway on a CCN of its own.
    lab.alibaba.create_ticket(content="Please share the SAG vCPE image with our AWS account.")
    office, other = aws_site(lab, "office", "10.1.0.0/16", "app"), aws_site(lab, "other", "10.2.0.0/16", "lab")
    company, vcpe = _join_ccn(lab, office, "company")
    _join_ccn(lab, other, "partner")
    laptop = lab.terminals.create_terminal("laptop", platform="macOS", os_version="12.4")
    app = lab.app(laptop)

    with lab.step(
        "1",
        "Purchase an SAG app instance",
        without=[*NO_ACCOUNT, Refused("2", "InvalidId.SMARTAG"), Refused("4", "InvalidId.SMARTAG")],
    ):
        order = lab.alibaba.create_smart_access_gateway_software(SINGAPORE, name="staff")

    with lab.step(
        "2",
        "Set up network connections: the CCN that the office's gateway is on",
        without=[*UNCONNECTED, Refused("5.2", "App.NetworkNotConfigured"), Shows("laptop", "App.NetworkNotConfigured")],
    ):
        lab.alibaba.quick_configure_smart_access_gateway_software(order.smart_ag_id, ccn_id=company, cidr_blocks=[BLOCK])

    with lab.step("4", "Create a client account", without=NO_ACCOUNT):
        lab.alibaba.create_smart_access_gateway_client_user(
            order.smart_ag_id, user_mail="hmm@example.com", user_name=USER, password=PASSWORD
        )

    with lab.step("5", "Connect the client", without=[*UNCONNECTED, Shows("laptop", "Logged off")]):
        with lab.step("5.1", "Log on to the SAG app", without=NOT_LOGGED_ON):
            app.log_on(smart_ag_id=order.smart_ag_id, user_name=USER, password=PASSWORD)
        with lab.step("5.2", "Click CONNECT", without=[*UNCONNECTED, Shows("laptop", "Logged on")]):
            app.connect()

    # What the other document has as its steps 4.2 and 4.3, for the clients.
    with lab.step("aws.route", "Route the clients' private CIDR block to the vCPE", without=UNCONNECTED):
        lab.aws.create_route(office.table, BLOCK, network_interface_id=vcpe)
    with lab.step(
        "aws.group",
        "Admit the clients in the security group of the AWS instance",
        without=[Dies("laptop", "app", Reason.SG_HAS_NO_RULES)],
    ):
        lab.aws.authorize_security_group_ingress(office.host_group, ip_protocol="-1", cidr_ip=BLOCK)

    lab.expect_message(laptop, "Connected to Intranet")
    lab.expect_ping(laptop, office.host)
    lab.expect_ping(office.host, laptop)
    lab.expect_ping(laptop, other.host, received=0)  # its gateway is on another CCN


def _join_ccn(lab: Lab, site: AwsSite, name: str) -> tuple[str, str]:
    """A gateway on a new CCN. Returns the CCN's id, and that of the vCPE's network interface."""
    ccn = lab.alibaba.create_cloud_connect_network(name=name, region_id=SINGAPORE).id
    sag = buy_gateway(lab, f"sag-{site.name}", SINGAPORE)
    vcpe = launch_vcpe(lab, site, f"vcpe-{site.name}", sag.user_data)
    lab.alibaba.modify_smart_access_gateway(sag.id, routing_strategy="static", cidr_block=site.cidr)
    lab.alibaba.bind_smart_access_gateway(ccn, sag.id)
    return ccn, vcpe.interface


if __name__ == "__main__":
    main()
