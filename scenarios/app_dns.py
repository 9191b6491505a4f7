"""A laptop asks for names of the private network, and learns them from PrivateZone once its app is connected.

      laptop ── home ── internet ── ccn PoP ── CCN ── CEN ── vpc ── db 172.16.1.10
                           │                                  └ 100.100.2.136, 100.100.2.138
                           └ resolver, and a public site

Replays of "Smart Access Gateway APP" what chapters 2 and 3.2 say of DNS. You see whom the laptop asks before it is connected and
after, that the servers set for it answer for private names and for no public ones, and that it takes the route of PrivateZone
across the CEN.
"""

from __future__ import annotations

from lab import Dies, Finds, Lab, Shows, main

SHANGHAI = "cn-shanghai"
BLOCK = "192.168.10.0/24"
USER, PASSWORD = "li.lei.01", "off-site@2022"
SERVERS = ["100.100.2.136", "100.100.2.138"]
DB, DB_ADDRESS = "db.corp.example", "172.16.1.10"
SITE, SITE_ADDRESS = "www.example.com", "198.51.100.3"
UNKNOWN = Finds(f"{DB} on laptop", "nothing")


def run(lab: Lab) -> None:
    vpc = lab.alibaba.create_vpc("172.16.0.0/16", vpc_name="alibaba", region_id=SHANGHAI)
    v_switch = lab.alibaba.create_vswitch(vpc.id, "172.16.1.0/24")
    group = lab.alibaba.create_security_group(vpc.id, security_group_name="db")
    lab.alibaba.authorize_security_group(group.id, source_cidr_ip=BLOCK)
    db = lab.alibaba.run_instances(v_switch.id, group.id, private_ip_address=DB_ADDRESS, instance_name="db")
    cen = lab.alibaba.create_cen("company")
    lab.alibaba.attach_cen_child_instance(cen.id, vpc.id, child_instance_type="VPC", child_instance_region_id=SHANGHAI)
    laptop = lab.terminals.create_terminal("laptop", home_router_id=lab.terminals.create_home_router("home").id)
    order = lab.alibaba.create_smart_access_gateway_software(SHANGHAI, name="staff", user_count=10)
    network = lab.alibaba.quick_configure_smart_access_gateway_software(
        order.smart_ag_id, ccn_name="staff-ccn", cidr_blocks=[BLOCK], cen_id=cen.id
    )
    lab.alibaba.create_smart_access_gateway_client_user(
        order.smart_ag_id, user_mail="li.lei@example.com", user_name=USER, password=PASSWORD
    )
    app = lab.app(laptop)
    app.log_on(smart_ag_id=order.smart_ag_id, user_name=USER, password=PASSWORD)

    with lab.step("A", "Without a connection the laptop asks the public resolver"):
        lab.expect_name(laptop, SITE, SITE_ADDRESS)
        lab.expect_name(laptop, DB)

    with lab.step("B", "PrivateZone: a zone with a name, bound to the VPC", without=[UNKNOWN]):
        zone = lab.alibaba.add_zone("corp.example")
        lab.alibaba.add_zone_record(zone.id, rr="db", value=DB_ADDRESS)
        lab.alibaba.bind_zone_vpc(zone.id, (vpc.id,))

    with lab.step("C", "Let the clients of the CCN ask PrivateZone across the CEN", without=[UNKNOWN]):
        lab.alibaba.route_private_zone_in_cen_to_vpc(
            cen.id, host_vpc_id=vpc.id, host_region_id=SHANGHAI, access_region_id=network.region_id
        )

    with lab.step(
        "3.2",
        "Set the active and the standby DNS server of the instance to those of PrivateZone",
        without=[UNKNOWN, Finds(f"{SITE} on laptop", SITE_ADDRESS)],
    ):
        lab.alibaba.modify_client_user_dns(order.smart_ag_id, app_dns=SERVERS)

    with lab.step(
        "5.2",
        "Click CONNECT: the servers are set on the laptop",
        without=[
            UNKNOWN,
            Finds(f"{SITE} on laptop", SITE_ADDRESS),
            Shows("laptop", "Logged on"),
            Dies("laptop", "db", "NO_ROUTE_TO_DESTINATION"),
        ],
    ):
        app.connect()

    lab.expect_message(laptop)
    lab.expect_name(laptop, DB, DB_ADDRESS)
    lab.expect_name(laptop, f"nobody.{DB}")
    lab.expect_name(laptop, SITE)
    lab.expect_ping(laptop, db)

    with lab.step(
        "D",
        "Disconnect: the laptop asks as before",
        without=[Finds(f"{SITE} on laptop", "nothing"), Finds(f"{DB} on laptop", DB_ADDRESS)],
    ):
        app.disconnect()
    lab.expect_name(laptop, SITE, SITE_ADDRESS)
    lab.expect_name(laptop, DB)


if __name__ == "__main__":
    main()
