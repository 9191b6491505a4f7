"""A cloud with a SAG app instance, and a laptop at home that is logged on: what several tests begin with."""

from __future__ import annotations

from dataclasses import dataclass

from lab.cloud import Cloud
from lab.cloud.alibaba import AppSession, Instance, SagApp
from lab.cloud.terminals import HomeRouter, Terminal

PASSWORD = "pass@word.1"
USER = "li.lei.1"
BLOCK = "192.168.10.0/24"


@dataclass(frozen=True)
class AppCloud:
    """`ecs` is in a VPC that is attached to a CEN, as the CCN is. `session` is logged on, and not yet connected."""

    cloud: Cloud
    app: SagApp
    ecs: Instance
    router: HomeRouter
    laptop: Terminal
    session: AppSession

    def connect(self) -> AppSession:
        return self.cloud.alibaba.connect_app(self.session.id)


REGION = "cn-shanghai"


def app_cloud(seed: bytes = b"sag app") -> AppCloud:
    cloud = Cloud(seed)
    alibaba = cloud.alibaba
    app_id = alibaba.create_smart_access_gateway_software(REGION, name="staff").smart_ag_id
    cen = alibaba.create_cen("staff-cen")
    app = alibaba.quick_configure_smart_access_gateway_software(
        app_id, cidr_blocks=[BLOCK], ccn_name="staff-ccn", cen_id=cen.id
    )
    ecs = _ecs(cloud, cen.id)
    alibaba.create_smart_access_gateway_client_user(app_id, user_mail="li.lei@example.com", user_name=USER, password=PASSWORD)
    router = cloud.terminals.create_home_router("home")
    laptop = cloud.terminals.create_terminal("laptop", home_router_id=router.id)
    session = alibaba.log_on_app(laptop.id, user_name=USER, password=PASSWORD, smart_ag_id=app_id)
    return AppCloud(cloud, app, ecs, router, laptop, session)


def _ecs(cloud: Cloud, cen_id: str) -> Instance:
    alibaba = cloud.alibaba
    vpc = alibaba.create_vpc("192.168.0.0/21", vpc_name="alibaba", region_id=REGION)
    v_switch = alibaba.create_vswitch(vpc.id, "192.168.1.0/24")
    group = alibaba.create_security_group(vpc.id, security_group_name="ecs")
    alibaba.authorize_security_group(group.id, source_cidr_ip=BLOCK)
    alibaba.attach_cen_child_instance(cen_id, vpc.id, child_instance_type="VPC", child_instance_region_id=REGION)
    return alibaba.run_instances(v_switch.id, group.id, private_ip_address="192.168.1.10", instance_name="ecs")
