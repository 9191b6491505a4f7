"""A laptop away from the office reaches a host in Alibaba Cloud through the SAG app.

                   home                                        Alibaba Cloud
      laptop ── home router ── internet ── ccn PoP ── CCN ── CEN ── vpc ── ecs 192.168.1.10
           ╚══════════ IKEv2, ESP in UDP ═════════╝
      192.168.10.x, from the private CIDR block

Replays "Smart Access Gateway APP", chapter 2, and of chapter 5 how the client logs on and connects. You see the app show
"Connected to Intranet", and a ping each way. The laptop is at home, behind a router that hides it, as it would be.
"""

from __future__ import annotations

from lab import Dies, Effect, Lab, Refused, Shows, main

SHANGHAI = "cn-shanghai"  # Mainland China
BLOCK = "192.168.10.0/24"
USER = "li.lei.01"
PASSWORD = "off-site@2022"  # noqa: S105 - of an example; the document lets the administrator choose one

# What leaves the laptop outside a tunnel ends on the internet, and the host has no way to a laptop that is not connected.
NO_WAY = [Dies("laptop", "ecs", "NO_ROUTE_TO_DESTINATION"), Dies("ecs", "laptop", "NO_ROUTE_TO_DESTINATION")]
NOT_LOGGED_ON: list[Effect] = [*NO_WAY, Refused("5.2", "App.NotLoggedOn"), Shows("laptop", "App.NotLoggedOn")]
NO_ACCOUNT: list[Effect] = [*NOT_LOGGED_ON, Refused("5.1", "App.LogOnFailed")]


def run(lab: Lab) -> None:
    # What the document takes for granted: an application in the cloud, a CEN that its VPC is attached to, and a laptop at home.
    vpc = lab.alibaba.create_vpc("172.16.0.0/16", vpc_name="alibaba", region_id=SHANGHAI)
    v_switch = lab.alibaba.create_vswitch(vpc.id, "172.16.1.0/24")
    group = lab.alibaba.create_security_group(vpc.id, security_group_name="ecs")
    ecs = lab.alibaba.run_instances(v_switch.id, group.id, private_ip_address="172.16.1.10", instance_name="ecs")
    cen = lab.alibaba.create_cen("company")
    lab.alibaba.attach_cen_child_instance(cen.id, vpc.id, child_instance_type="VPC", child_instance_region_id=SHANGHAI)
    home = lab.terminals.create_home_router("home")
    laptop = lab.terminals.create_terminal("laptop", platform="Windows", os_version="10", home_router_id=home.id)
    app = lab.app(laptop)

    with lab.step(
        "1",
        "Purchase an SAG app instance",
        without=[
            *NO_ACCOUNT,
            Refused("2", "InvalidId.SMARTAG"),
            Refused("3", "InvalidId.CCN"),
            Refused("4", "InvalidId.SMARTAG"),
        ],
    ):
        order = lab.alibaba.create_smart_access_gateway_software(SHANGHAI, name="staff", user_count=10)

    with lab.step(
        "2",
        "Set up network connections: a new CCN, and a private CIDR block",
        without=[
            *NO_WAY,
            Refused("3", "InvalidId.CCN"),
            Refused("5.2", "App.NetworkNotConfigured"),
            Shows("laptop", "App.NetworkNotConfigured"),
        ],
    ):
        network = lab.alibaba.quick_configure_smart_access_gateway_software(
            order.smart_ag_id, ccn_name="staff-ccn", cidr_blocks=[BLOCK]
        )

    with lab.step("3", "Configure a CEN instance: associate the CCN with an existing one", without=NO_WAY):
        lab.alibaba.attach_ccn_instance_to_cen(network.ccn_id or "", cen.id)

    # The document does not say it: the application's own security group has to admit the clients.
    with lab.step(
        "3.group",
        "Admit the clients in the security group of the ECS instance",
        without=[Dies("laptop", "ecs", "ECS_SG_RULES_MISMATCH")],
    ):
        lab.alibaba.authorize_security_group(group.id, source_cidr_ip=BLOCK)

    with lab.step("4", "Create a client account", without=NO_ACCOUNT):
        lab.alibaba.create_smart_access_gateway_client_user(
            order.smart_ag_id, user_mail="li.lei@example.com", user_name=USER, password=PASSWORD
        )

    with lab.step("5", "Connect the client to Alibaba Cloud", without=[*NO_WAY, Shows("laptop", "Logged off")]):
        with lab.step("5.1", "Log on to the SAG app", without=NOT_LOGGED_ON):
            app.log_on(smart_ag_id=order.smart_ag_id, user_name=USER, password=PASSWORD)
        with lab.step("5.2", "Click CONNECT", without=[*NO_WAY, Shows("laptop", "Logged on")]):
            app.connect()

    lab.expect_message(laptop, "Connected to Intranet")
    lab.expect_ping(laptop, ecs)
    lab.expect_ping(ecs, laptop)


if __name__ == "__main__":
    main()
