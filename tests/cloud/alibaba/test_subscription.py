"""A subscription's life: activation, its end, renewal, arrears."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lab.cloud import Cloud
from lab.cloud.alibaba import SmartAccessGateway
from lab.cloud.lab_time import START, after_months

SECOND = timedelta(seconds=1)


def buy(cloud: Cloud, *, active: bool = True, **given: object) -> str:
    smart_ag_id = str(cloud.alibaba.create_smart_access_gateway(**given).smart_ag_id)  # type: ignore[arg-type]
    if active:
        cloud.alibaba.activate_smart_access_gateway(smart_ag_id)
    return smart_ag_id


def state(cloud: Cloud, smart_ag_id: str) -> SmartAccessGateway:
    return cloud.store.get(SmartAccessGateway, smart_ag_id)


def test_activating_puts_a_gateway_into_service_and_twice_does_no_harm(cloud: Cloud) -> None:
    sag = buy(cloud, active=False)
    assert state(cloud, sag).activated_at is None
    for _ in range(2):
        cloud.alibaba.activate_smart_access_gateway(sag)
        assert (state(cloud, sag).status, state(cloud, sag).activated_at) == ("Active", START)
        cloud.clock.move_forward(days=1)


@pytest.mark.requirement("S0-023", "S0-024")
@pytest.mark.parametrize(
    ("given", "seconds_before_the_end", "status"),
    [
        pytest.param({"period": 1}, 1, "Active", id="a second before the end"),
        pytest.param({"period": 1}, 0, "Arrearage", id="at the end"),
        pytest.param({"period": 12}, 0, "Arrearage", id="a year"),
        pytest.param({"period": 1, "auto_renew": True}, 0, "Active", id="renewed by itself"),
    ],
)
def test_a_subscription_ends_when_its_duration_is_over(cloud: Cloud, given, seconds_before_the_end, status) -> None:
    sag = buy(cloud, **given)
    end = after_months(START, given["period"]) - timedelta(seconds=seconds_before_the_end)
    cloud.clock.move_forward(seconds=int((end - START).total_seconds()))
    assert state(cloud, sag).status == status


@pytest.mark.requirement("S0-024")
def test_auto_renewal_is_for_as_long_as_was_bought_each_time(cloud: Cloud) -> None:
    sag = buy(cloud, period=3, auto_renew=True)
    cloud.clock.move_forward(months=7)
    assert (state(cloud, sag).status, state(cloud, sag).expires_at) == ("Active", after_months(START, 9))


def test_auto_renewal_is_turned_on_and_off(cloud: Cloud) -> None:
    sag = buy(cloud)
    cloud.alibaba.set_renewal(sag, "AutoRenewal")
    cloud.clock.move_forward(months=1)
    assert state(cloud, sag).status == "Active"
    cloud.alibaba.set_renewal(sag, "ManualRenewal")
    cloud.clock.move_forward(months=1)
    assert state(cloud, sag).status == "Arrearage"


def test_arrears_bear_the_call_that_let_the_time_pass(cloud: Cloud) -> None:
    sag = buy(cloud)
    cloud.clock.move_forward(months=2)
    assert (state(cloud, sag).status_origin.operation, state(cloud, sag).status_origin.resource) == ("clock.move_forward", sag)
    assert sag in list(cloud.journal)[-1].touched


@pytest.mark.parametrize("active", [True, False])
def test_renewing_ends_arrears(cloud: Cloud, active: bool) -> None:
    sag = buy(cloud, active=active)
    before = state(cloud, sag).status
    cloud.clock.move_forward(months=2)
    assert state(cloud, sag).status == "Arrearage"
    cloud.alibaba.renew_instance(sag, 1)
    assert (state(cloud, sag).status, state(cloud, sag).expires_at) == (before, after_months(START, 3))


def test_renewing_early_adds_to_what_is_left(cloud: Cloud) -> None:
    sag = buy(cloud, period=2)
    cloud.clock.move_forward(days=5)
    cloud.alibaba.renew_instance(sag, 12)
    assert state(cloud, sag).expires_at == after_months(START, 14)


def test_several_end_each_at_its_own_time(cloud: Cloud) -> None:
    first = buy(cloud, period=1)
    cloud.clock.move_forward(days=10)
    second = buy(cloud, period=1)
    cloud.clock.move_forward(days=25)
    assert [state(cloud, sag).status for sag in (first, second)] == ["Arrearage", "Active"]
    cloud.clock.move_forward(days=10)
    assert state(cloud, second).status == "Arrearage"


REFUSALS = [
    pytest.param(lambda c, sag: c.alibaba.activate_smart_access_gateway("sag-0"), "InvalidId.SMARTAG", id="activate unknown"),
    pytest.param(lambda c, sag: c.alibaba.renew_instance("sag-0", 1), "InvalidId.SMARTAG", id="renew unknown"),
    pytest.param(lambda c, sag: c.alibaba.renew_instance(sag, 10), "InvalidParameter", id="renew for 10 months"),
    pytest.param(lambda c, sag: c.alibaba.set_renewal("sag-0", "AutoRenewal"), "InvalidId.SMARTAG", id="unknown"),
    pytest.param(lambda c, sag: c.alibaba.set_renewal(sag, "Never"), "InvalidParameter", id="another renewal"),
    pytest.param(
        lambda c, sag: c.alibaba.activate_smart_access_gateway(sag), "SmartAccessGatewayArrearage", id="activate in arrears"
    ),
    pytest.param(
        lambda c, sag: c.alibaba.bind_smart_access_gateway(c.alibaba.describe_cloud_connect_networks()[0].id, sag),
        "SmartAccessGatewayNotActivated",
        id="bind in arrears",
    ),
]


@pytest.mark.parametrize(("call", "code"), REFUSALS)
def test_refused(cloud: Cloud, refused, call, code) -> None:
    sag = buy(cloud)
    cloud.alibaba.create_cloud_connect_network()
    cloud.clock.move_forward(months=1)
    refused(cloud, lambda: call(cloud, sag), code)
