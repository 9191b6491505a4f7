"""The three rules for names: of a gateway, a CCN, a CEN."""

from __future__ import annotations

import pytest

GATEWAY, CCN, CEN = "create_smart_access_gateway", "create_cloud_connect_network", "create_cen"

# name, accepted for a gateway, accepted for a CCN and a CEN, rows
NAMES = [
    pytest.param("a", False, False, id="1", marks=pytest.mark.requirement("S0-011", "S0-057")),
    pytest.param("ab", True, True, id="2", marks=pytest.mark.requirement("S0-011", "S0-057")),
    pytest.param("a" * 100, True, True, id="100", marks=pytest.mark.requirement("S0-057")),
    pytest.param("a" * 101, True, False, id="101", marks=pytest.mark.requirement("S0-057")),
    pytest.param("a" * 128, True, False, id="128", marks=pytest.mark.requirement("S0-011")),
    pytest.param("a" * 129, False, False, id="129", marks=pytest.mark.requirement("S0-011")),
    pytest.param("a.b_c-1", True, False, id="all signs", marks=pytest.mark.requirement("S0-012", "S0-058")),
    pytest.param("a.b", True, False, id="period", marks=pytest.mark.requirement("S0-012", "S0-058")),
    pytest.param("a_b-1", True, True, id="underscore and hyphen", marks=pytest.mark.requirement("S0-058")),
    pytest.param("a b", False, False, id="space", marks=pytest.mark.requirement("S0-012")),
    pytest.param("a/b", False, False, id="slash", marks=pytest.mark.requirement("S0-012")),
    pytest.param("a@b", False, False, id="at", marks=pytest.mark.requirement("S0-012")),
    pytest.param("a:b", False, False, id="colon", marks=pytest.mark.requirement("S0-012")),
    pytest.param("ab\n", False, False, id="end of line", marks=pytest.mark.requirement("S0-012")),
    pytest.param("aé", False, False, id="accent", marks=pytest.mark.requirement("S0-014")),
    pytest.param("a²", False, False, id="a digit that is none", marks=pytest.mark.requirement("S0-012")),
    pytest.param("1ab", False, False, id="digit first", marks=pytest.mark.requirement("S0-013", "S0-058")),
    pytest.param("_ab", False, False, id="underscore first", marks=pytest.mark.requirement("S0-013")),
    pytest.param(".ab", False, False, id="period first", marks=pytest.mark.requirement("S0-013")),
    pytest.param("-ab", False, False, id="hyphen first", marks=pytest.mark.requirement("S0-013")),
    pytest.param("新加坡", True, True, id="Chinese", marks=pytest.mark.requirement("S0-013", "S0-014")),
    pytest.param("中1", True, True, id="Chinese first", marks=pytest.mark.requirement("S0-058")),
    pytest.param("a新Z9", True, True, id="Chinese inside", marks=pytest.mark.requirement("S0-014")),
]


@pytest.mark.parametrize(("name", "gateway", "other"), NAMES)
@pytest.mark.parametrize("call", [GATEWAY, CCN, CEN])
def test_name(cloud, refused, call, name, gateway, other) -> None:
    create = getattr(cloud.alibaba, call)
    if gateway if call == GATEWAY else other:
        create(name=name)
        assert [record.name for record in cloud.store.everything() if record.id.startswith(("sag", "ccn", "cen"))] == [name]
    else:
        assert repr(name)[1:-1] in repr(refused(cloud, lambda: create(name=name), "InvalidName").message)


@pytest.mark.requirement("S0-056")
def test_a_bad_name_creates_neither_cen_nor_binding(alibaba_world, refused) -> None:
    w = alibaba_world
    refused(w.cloud, lambda: w.alibaba.create_cen("1ab", ccn_id=w.ccn), "InvalidName")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w, name: w.alibaba.create_vpc("10.0.0.0/8", vpc_name=name), "InvalidVpcName.Malformed", id="vpc"),
        pytest.param(
            lambda w, name: w.alibaba.create_vswitch(w.vpc.id, "192.168.9.0/24", v_switch_name=name),
            "InvalidVSwitchName.Malformed",
            id="vswitch",
        ),
        pytest.param(
            lambda w, name: w.alibaba.create_security_group(w.vpc.id, name), "InvalidSecurityGroupName.Malformed", id="group"
        ),
        pytest.param(
            lambda w, name: w.alibaba.run_instances(w.switch.id, w.group.id, instance_name=name),
            "InvalidInstanceName.Malformed",
            id="instance",
        ),
    ],
)
@pytest.mark.parametrize("name", ["http://a", "https://a", "a" * 129])
def test_names_of_other_resources(alibaba_world, refused, call, name, code) -> None:
    refused(alibaba_world.cloud, lambda: call(alibaba_world, name), code)
    assert call(alibaba_world, "a" * 128).origin.number == len(alibaba_world.cloud.journal)
