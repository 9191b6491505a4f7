"""Every account of the SAG app has 5 GB a month; what it uses beyond is billed by volume, and nobody is cut off.

      laptop ── internet ── ccn PoP, which counts ── CCN ── CEN ── vpc ── ecs 172.16.1.10

Replays of "Smart Access Gateway APP" what chapter 2 (step 1.3) says of the data plan. You see the last of a data plan used up by
packets that are really sent and counted to the byte, the client still connected, and a new plan in the new month. That nearly all
of it was used before is told to the cloud, as its points of presence do: sending 5 GB at an account's bandwidth takes hours. In a
simulation nothing is counted.
"""

from __future__ import annotations

from lab import Finds, Lab, MeterReading, main

SHANGHAI = "cn-shanghai"
BLOCK = "192.168.10.0/24"
USER = "li.lei.01"
PASSWORD = "off-site@2022"  # noqa: S105 - of an example; the document lets the administrator choose one
PLAN = 5 * 10**9  # bytes
PING = 2 * 4 * 84  # bytes of four echoes and their answers, with their headers
LEFT = PING // 2
TRAFFIC = f"traffic of {USER} this month"


def told(used: int, over: int) -> str:
    return f"{used:,} bytes, {over:,} beyond the data plan"


def run(lab: Lab) -> None:
    vpc = lab.alibaba.create_vpc("172.16.0.0/16", vpc_name="alibaba", region_id=SHANGHAI)
    v_switch = lab.alibaba.create_vswitch(vpc.id, "172.16.1.0/24")
    group = lab.alibaba.create_security_group(vpc.id, security_group_name="ecs")
    lab.alibaba.authorize_security_group(group.id, source_cidr_ip=BLOCK)
    ecs = lab.alibaba.run_instances(v_switch.id, group.id, private_ip_address="172.16.1.10", instance_name="ecs")
    cen = lab.alibaba.create_cen("company")
    lab.alibaba.attach_cen_child_instance(cen.id, vpc.id, child_instance_type="VPC", child_instance_region_id=SHANGHAI)
    laptop = lab.terminals.create_terminal("laptop")
    app = lab.app(laptop)

    with lab.step("1.3", "Purchase an instance, with 5 GB for each account and month"):
        instance = lab.alibaba.create_smart_access_gateway_software(SHANGHAI, name="staff", user_count=10, period=3).smart_ag_id
    lab.alibaba.quick_configure_smart_access_gateway_software(
        instance, ccn_name="staff-ccn", cidr_blocks=[BLOCK], cen_id=cen.id
    )
    lab.alibaba.create_smart_access_gateway_client_user(
        instance, user_mail="li.lei@example.com", user_name=USER, password=PASSWORD
    )
    user = lab.alibaba.describe_smart_access_gateway_client_users(instance)[0]
    app.log_on(smart_ag_id=instance, user_name=USER, password=PASSWORD)
    app.connect()

    with lab.step("A", "The data plan is used, but for a little", without=[Finds(TRAFFIC, told(PING, 0))]):
        lab.alibaba.report_client_usage((MeterReading(user.id, 0, PLAN - LEFT),))

    lab.expect_ping(laptop, ecs)
    lab.expect_usage(instance, USER, used=PLAN - LEFT + PING, over=PING - LEFT)
    lab.expect_message(laptop)

    with lab.step(
        "B",
        "The month turns on the lab's clock: the account has 5 GB again",
        without=[Finds(TRAFFIC, told(PLAN - LEFT + 2 * PING, 2 * PING - LEFT))],
    ):
        lab.clock.move_forward(months=1)
    lab.expect_ping(laptop, ecs)
    lab.expect_usage(instance, USER, used=PING)


if __name__ == "__main__":
    main()
