"""Each account of the SAG app has a maximum bandwidth of its own, which the point of presence holds in both directions.

      laptop, 2,000 Kbit/s ──┐
                             ├── internet ── ccn PoP ── CCN ── CEN ── vpc ── ecs 172.16.1.10
      phone, 1,000 Kbit/s ───┘

Replays of "Smart Access Gateway APP" what chapters 2 (step 4.1) and 6.2 say of the maximum bandwidth. You see data sent faster
than it may pass arrive at the account's bandwidth, whichever way it goes, and the bandwidth change while the client is connected.
In a simulation no time passes, so there is nothing to measure.
"""

from __future__ import annotations

from lab import Lab, main

SHANGHAI = "cn-shanghai"
BLOCK = "192.168.10.0/24"
PASSWORD = "off-site@2022"  # noqa: S105 - of an example; the document lets the administrator choose one
WITHIN = 0.15  # a share; the first packets find a bucket that is full


def run(lab: Lab) -> None:
    vpc = lab.alibaba.create_vpc("172.16.0.0/16", vpc_name="alibaba", region_id=SHANGHAI)
    v_switch = lab.alibaba.create_vswitch(vpc.id, "172.16.1.0/24")
    group = lab.alibaba.create_security_group(vpc.id, security_group_name="ecs")
    lab.alibaba.authorize_security_group(group.id, source_cidr_ip=BLOCK)
    ecs = lab.alibaba.run_instances(v_switch.id, group.id, private_ip_address="172.16.1.10", instance_name="ecs")
    cen = lab.alibaba.create_cen("company")
    lab.alibaba.attach_cen_child_instance(cen.id, vpc.id, child_instance_type="VPC", child_instance_region_id=SHANGHAI)
    instance = lab.alibaba.create_smart_access_gateway_software(SHANGHAI, name="staff", user_count=10).smart_ag_id
    lab.alibaba.quick_configure_smart_access_gateway_software(
        instance, ccn_name="staff-ccn", cidr_blocks=[BLOCK], cen_id=cen.id
    )
    laptop = lab.terminals.create_terminal("laptop")
    phone = lab.terminals.create_terminal("phone", platform="Android", os_version="10.0")

    with lab.step("4.1", "Create the accounts: one with the default of 2,000 Kbit/s, one with 1,000"):
        lab.alibaba.create_smart_access_gateway_client_user(
            instance, user_mail="li.lei@example.com", user_name="li.lei.01", password=PASSWORD
        )
        lab.alibaba.create_smart_access_gateway_client_user(
            instance, user_mail="han.mei@example.com", user_name="han.mei.01", password=PASSWORD, bandwidth=1_000
        )

    with lab.step("5", "Both log on and connect"):
        for terminal, name in ((laptop, "li.lei.01"), (phone, "han.mei.01")):
            lab.app(terminal).log_on(smart_ag_id=instance, user_name=name, password=PASSWORD)
            lab.app(terminal).connect()
            lab.expect_message(terminal)

    lab.expect_ping(laptop, ecs)
    lab.expect_throughput(laptop, ecs, "udp", 2, within=WITHIN)
    lab.expect_throughput(ecs, laptop, "udp", 2, within=WITHIN)
    lab.expect_throughput(phone, ecs, "udp", 1, within=WITHIN)

    with lab.step("6.2", "Set another maximum bandwidth: it holds at once for who is connected"):
        lab.alibaba.modify_smart_access_gateway_client_user(instance, "li.lei.01", bandwidth=8_000)
    lab.expect_throughput(laptop, ecs, "udp", 8, within=WITHIN)
    lab.expect_throughput(ecs, laptop, "udp", 8, within=WITHIN)


if __name__ == "__main__":
    main()
