"""Every error code that the providers document for the operations built: the call that provokes it, and that nothing changes.

The list below is that of the facts this model is built on.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from lab.cloud import CloudError

DOCUMENTED = {
    "bind_smart_access_gateway": {
        "SmartAccessGatewayNotActivated",
        "SmartAccessGatewayAlreadyBound",
        "CidrConflict",
        "InvalidId.CCN",
        "InvalidId.SMARTAG",
    },
    "modify_smart_access_gateway": {
        "CidrConflict",
        "InvalidCidr",
        "SAG.CidrEmpty",
        "SAG.InstanceNoFound",
        "SAG.NotAllowConfigCidr",
    },
    "delete_cloud_connect_network": {"AlreadyBound.CEN", "AlreadyBound.SMARTAG"},
    "create_smart_access_gateway_client_user": {
        *("ClientUser.NameInvalid", "ClientUser.EmailInvalid", "ClientUser.BandwidthInvalid", "ClientUser.InvalidClientIp"),
        *("ClientUser.UserExist", "ClientUser.UserOverLimit"),
    },
    "roam_client_user": {"SAG.CidrOverlap"},
    "delete_enterprise_code": {"EnterpriseCode.BeingUsed", "EnterpriseCode.DeleteLimit", "EnterpriseCode.NotExist"},
    "ec2": {
        "InvalidVpcID.NotFound",
        "InvalidSubnet.Conflict",
        "InvalidSubnet.Range",
        "InvalidRoute.NotFound",
        "RouteAlreadyExists",
        "InvalidParameterValue",
        "InvalidPermission.Duplicate",
        "InvalidGroup.NotFound",
        "InvalidNetworkInterfaceID.NotFound",
        "DependencyViolation",
        "Gateway.NotAttached",
    },
}

Call = Callable[[SimpleNamespace], object]

# operation (or the service, where the code is that of many), code, what provokes it
REFUSALS: list[tuple[str, str, Call]] = [
    (
        "bind_smart_access_gateway",
        "SmartAccessGatewayNotActivated",
        lambda w: w.alibaba.bind_smart_access_gateway(w.ccn, w.ordered),
    ),
    ("bind_smart_access_gateway", "SmartAccessGatewayAlreadyBound", lambda w: w.alibaba.bind_smart_access_gateway(w.ccn, w.sag)),
    ("bind_smart_access_gateway", "CidrConflict", lambda w: w.alibaba.bind_smart_access_gateway(w.ccn, w.twin)),
    ("bind_smart_access_gateway", "InvalidId.CCN", lambda w: w.alibaba.bind_smart_access_gateway("ccn-0", w.spare)),
    ("bind_smart_access_gateway", "InvalidId.SMARTAG", lambda w: w.alibaba.bind_smart_access_gateway(w.ccn, "sag-0")),
    (
        "modify_smart_access_gateway",
        "CidrConflict",
        lambda w: w.alibaba.modify_smart_access_gateway(w.second, cidr_block="10.0.1.0/24"),
    ),
    (
        "modify_smart_access_gateway",
        "InvalidCidr",
        lambda w: w.alibaba.modify_smart_access_gateway(w.sag, cidr_block="10.0.0.1/16"),
    ),
    ("modify_smart_access_gateway", "SAG.CidrEmpty", lambda w: w.alibaba.modify_smart_access_gateway(w.sag, cidr_block="")),
    ("modify_smart_access_gateway", "SAG.InstanceNoFound", lambda w: w.alibaba.modify_smart_access_gateway("sag-0", name="new")),
    (
        "modify_smart_access_gateway",
        "SAG.NotAllowConfigCidr",
        lambda w: w.alibaba.modify_smart_access_gateway(w.sag, routing_strategy="dynamic", cidr_block="10.0.0.0/16"),
    ),
    ("delete_cloud_connect_network", "AlreadyBound.CEN", lambda w: w.alibaba.delete_cloud_connect_network(w.other_ccn)),
    ("delete_cloud_connect_network", "AlreadyBound.SMARTAG", lambda w: w.alibaba.delete_cloud_connect_network(w.ccn)),
    *(
        (
            "create_smart_access_gateway_client_user",
            f"ClientUser.{code}",
            lambda w, form=form: w.alibaba.create_smart_access_gateway_client_user(
                w.sag_app, **{"user_mail": "a@b.co", "user_name": "wang.wei", **form}
            ),
        )
        for code, form in {
            "NameInvalid": {"user_name": "wang"},
            "EmailInvalid": {"user_mail": "wang"},
            "BandwidthInvalid": {"bandwidth": 0},
            "InvalidClientIp": {"client_ip": "10.0.0.1"},
            "UserExist": {"user_name": "li.lei.1"},
            "UserOverLimit": {},
        }.items()
    ),
    ("roam_client_user", "SAG.CidrOverlap", lambda w: w.alibaba.roam_client_user(w.sag_app, w.far_app, "li.lei.1")),
    ("delete_enterprise_code", "EnterpriseCode.BeingUsed", lambda w: w.alibaba.delete_enterprise_code("USED1")),
    ("delete_enterprise_code", "EnterpriseCode.DeleteLimit", lambda w: w.alibaba.delete_enterprise_code("DEFLT")),
    ("delete_enterprise_code", "EnterpriseCode.NotExist", lambda w: w.alibaba.delete_enterprise_code("NONE1")),
    ("ec2", "InvalidVpcID.NotFound", lambda w: w.aws.create_subnet("vpc-0", "10.0.9.0/24")),
    ("ec2", "InvalidSubnet.Conflict", lambda w: w.aws.create_subnet(w.aws_vpc.id, "10.0.1.0/25")),
    ("ec2", "InvalidSubnet.Range", lambda w: w.aws.create_subnet(w.aws_vpc.id, "192.168.0.0/24")),
    ("ec2", "InvalidRoute.NotFound", lambda w: w.aws.delete_route(w.main_table, "172.31.0.0/16")),
    ("ec2", "RouteAlreadyExists", lambda w: w.aws.create_route(w.table.id, "0.0.0.0/0", gateway_id=w.igw.id)),
    ("ec2", "RouteAlreadyExists", lambda w: w.aws.create_route(w.main_table, "10.0.0.0/16", network_interface_id=w.app_eni)),
    ("ec2", "InvalidParameterValue", lambda w: w.aws.create_route(w.main_table, "10.0.0.1/16", gateway_id=w.igw.id)),
    (
        "ec2",
        "InvalidParameterValue",
        lambda w: w.aws.create_route(w.main_table, "169.254.168.0/24", network_interface_id=w.app_eni),
    ),
    ("ec2", "InvalidParameterValue", lambda w: w.aws.create_route(w.main_table, "10.0.1.0/25", network_interface_id=w.app_eni)),
    (
        "ec2",
        "InvalidPermission.Duplicate",
        lambda w: w.aws.authorize_security_group_egress(w.aws_group.id, ip_protocol="-1", cidr_ip="0.0.0.0/0"),
    ),
    (
        "ec2",
        "InvalidGroup.NotFound",
        lambda w: w.aws.authorize_security_group_ingress("sg-0", ip_protocol="-1", cidr_ip="0.0.0.0/0"),
    ),
    (
        "ec2",
        "InvalidNetworkInterfaceID.NotFound",
        lambda w: w.aws.modify_network_interface_attribute("eni-0", source_dest_check=False),
    ),
    ("ec2", "DependencyViolation", lambda w: w.aws.delete_subnet(w.inner.id)),
    ("ec2", "DependencyViolation", lambda w: w.aws.delete_vpc(w.aws_vpc.id)),
    ("ec2", "Gateway.NotAttached", lambda w: w.aws.create_route(w.main_table, "8.0.0.0/8", gateway_id=w.other_igw.id)),
    ("ec2", "Gateway.NotAttached", lambda w: w.aws.detach_internet_gateway(w.other_igw.id, w.aws_vpc.id)),
]


@pytest.fixture
def w(aws_world, alibaba_world) -> SimpleNamespace:
    """Both worlds in one cloud: sag and second on ccn, other_ccn in a CEN, twin with the same block as sag."""
    a, b = vars(aws_world), vars(alibaba_world)
    w = SimpleNamespace(**a | b, aws_vpc=aws_world.vpc, aws_group=aws_world.group)
    second, twin = (w.alibaba.create_smart_access_gateway().smart_ag_id for _ in range(2))
    for gateway in (second, twin):
        w.alibaba.activate_smart_access_gateway(gateway)
    w.alibaba.modify_smart_access_gateway(twin, cidr_block="10.0.0.0/16")
    for gateway in (w.sag, second):
        w.alibaba.bind_smart_access_gateway(w.ccn, gateway)
    w.alibaba.attach_ccn_instance_to_cen(w.other_ccn, w.cen)
    w.second, w.twin = second, twin
    _add_apps(w)
    return w


def _add_apps(w: SimpleNamespace) -> None:
    """`sag_app` is full, `far_app` has the same block in another area; "DEFLT" is the default code, "USED1" that of `sag_app`."""
    for code in ("DEFLT", "USED1"):
        w.alibaba.create_enterprise_code(code)
    w.alibaba.update_enterprise_code("DEFLT", is_default=True)
    buy = w.alibaba.create_smart_access_gateway_software
    w.sag_app, w.far_app = (buy(region, user_count=5).smart_ag_id for region in ("cn-shanghai", "eu-west-1"))
    w.alibaba.update_smart_ag_enterprise_code(w.sag_app, "USED1")
    for name, app in (("staff", w.sag_app), ("far", w.far_app)):
        w.alibaba.quick_configure_smart_access_gateway_software(app, ccn_name=name, cidr_blocks=["192.168.10.0/24"])
    for number in range(1, 6):
        name = f"li.lei.{number}"
        w.alibaba.create_smart_access_gateway_client_user(w.sag_app, user_mail="a@b.co", user_name=name)


@pytest.mark.parametrize(("operation", "code", "call"), REFUSALS, ids=[f"{it[0]} {it[1]} {n}" for n, it in enumerate(REFUSALS)])
def test_a_refused_call_bears_the_code_and_changes_nothing(w, operation, code, call) -> None:
    before = w.cloud.store.everything()
    with pytest.raises(CloudError) as caught:
        call(w)
    assert caught.value.code == code, str(caught.value)
    assert w.cloud.store.everything() == before
    entry = list(w.cloud.journal)[-1]
    assert (entry.error, entry.touched) == (code, ())
    assert operation in ("ec2", entry.name)
    assert (entry.provider == "aws") == (operation == "ec2")


def test_the_table_covers_every_documented_code() -> None:
    covered: dict[str, set[str]] = {}
    for operation, code, _ in REFUSALS:
        covered.setdefault(operation, set()).add(code)
    assert covered == DOCUMENTED
