"""Application acceleration plans: a second maximum of an account, for those whose instance has a plan."""

from __future__ import annotations

import pytest

from tests.cloud.alibaba.app.world import USER


@pytest.fixture
def plan(w) -> str:
    return w.alibaba.create_acceleration_plan("cn-beijing", name="plan-1").id


def account(w, name: str = USER):  # type: ignore[no-untyped-def]
    return next(user for user in w.alibaba.describe_smart_access_gateway_client_users(w.app) if user.user_name == name)


@pytest.mark.requirement("S2-109", "S2-110", "S2-113")
def test_once_associated_a_plan_is_for_all_accounts_of_the_instance(w, plan) -> None:
    w.user()
    w.alibaba.associate_acceleration_plan(plan, w.app, user_name=USER, bandwidth=300)
    assert (account(w).bandwidth, account(w).acceleration_bandwidth) == (2000, 300)
    w.user("second-user", bandwidth=100, acceleration_bandwidth=400)
    assert (account(w, "second-user").bandwidth, account(w, "second-user").acceleration_bandwidth) == (100, 400)


@pytest.mark.requirement("S2-114")
def test_the_value_that_is_set_last_counts(w, plan) -> None:
    w.user()
    w.alibaba.associate_acceleration_plan(plan, w.app, user_name=USER, bandwidth=300)
    w.alibaba.modify_smart_access_gateway_client_user(w.app, USER, acceleration_bandwidth=500)
    assert account(w).acceleration_bandwidth == 500


@pytest.mark.requirement("S2-112")
def test_plans_are_offered_in_their_own_area(w, plan) -> None:
    assert [it.id for it in w.alibaba.describe_acceleration_plans("cn-shanghai")] == [plan]
    assert w.alibaba.describe_acceleration_plans("ap-southeast-1") == ()


def test_a_plan_may_be_associated_without_any_account(w, plan) -> None:
    w.alibaba.associate_acceleration_plan(plan, w.app)
    assert w.alibaba.describe_smart_access_gateway_software(w.app).acceleration_plan_id == plan


REFUSALS = [
    pytest.param(lambda a, w, plan: a.associate_acceleration_plan("qos-0", w.app), "AccelerationPlan.NotExist", id="unknown"),
    pytest.param(lambda a, w, plan: a.associate_acceleration_plan(plan, "sag-0"), "InvalidId.SMARTAG", id="unknown instance"),
    pytest.param(
        lambda a, w, plan: a.associate_acceleration_plan(plan, w.app, user_name="nobody", bandwidth=1),
        "ClientUser.NotExist",
        id="unknown account",
    ),
    pytest.param(
        lambda a, w, plan: a.associate_acceleration_plan(plan, w.app, user_name=USER), "InvalidParameter", id="no maximum"
    ),
    pytest.param(
        lambda a, w, plan: a.associate_acceleration_plan(plan, w.app, user_name=USER, bandwidth=20_001),
        "ClientUser.BandwidthInvalid",
        id="too much",
    ),
    pytest.param(lambda a, w, plan: a.create_acceleration_plan("mars-1"), "InvalidRegionId.NotFound", id="no such area"),
    pytest.param(
        lambda a, w, plan: a.modify_smart_access_gateway_client_user(w.app, USER, acceleration_bandwidth=1),
        "AccelerationPlan.NotAssociated",
        id="no plan",
        marks=pytest.mark.requirement("S2-111"),
    ),
]


@pytest.mark.parametrize(("call", "code"), REFUSALS)
def test_refused(w, plan, refused, call, code) -> None:
    w.user()
    refused(w.cloud, lambda: call(w.alibaba, w, plan), code)


@pytest.mark.requirement("S2-111", "S2-112")
def test_a_plan_of_another_area_is_not_selectable_and_the_way_out_is_named(w, refused) -> None:
    foreign = w.alibaba.create_acceleration_plan("ap-southeast-1").id
    refused(w.cloud, lambda: w.alibaba.associate_acceleration_plan(foreign, w.app), "AccelerationPlan.OtherArea")
    error = refused(w.cloud, lambda: w.user(acceleration_bandwidth=1), "AccelerationPlan.NotAssociated")
    assert "associate_acceleration_plan" in error.message


def test_an_instance_has_one_plan(w, plan, refused) -> None:
    w.alibaba.associate_acceleration_plan(plan, w.app)
    refused(w.cloud, lambda: w.alibaba.associate_acceleration_plan(plan, w.app), "AccelerationPlan.AlreadyAssociated")
