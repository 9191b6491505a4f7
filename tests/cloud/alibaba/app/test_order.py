"""Buying instances, more months, more accounts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lab.cloud import Cloud, CloudError
from lab.cloud.alibaba import SagApp
from lab.cloud.alibaba.app.price import TIERS, month_price, overage_price
from lab.cloud.lab_time import START, after_months
from tests.cloud.alibaba.app.world import USER


def app(cloud: Cloud, smart_ag_id: str) -> SagApp:
    return cloud.alibaba.describe_smart_access_gateway_software(smart_ag_id)


def buy(cloud: Cloud, **given: object) -> str:
    return str(cloud.alibaba.create_smart_access_gateway_software("cn-shanghai", **given).smart_ag_id)  # type: ignore[arg-type]


@pytest.mark.requirement("S2-011", "S2-013", "S2-016", "S2-019", "S2-023", "S2-155")
def test_what_is_bought_when_nothing_is_said(cloud: Cloud) -> None:
    bought = app(cloud, buy(cloud))
    code = next(code.id for code in cloud.alibaba.list_enterprise_code() if code.is_default)
    assert (bought.user_count, bought.data_plan, bought.enterprise_code, bought.area) == (10, 5 * 10**9, code, "mainland China")
    assert (bought.status, bought.expires_at, bought.auto_renew) == ("Active", after_months(START, 1), False)


@pytest.mark.requirement("S2-014", "S2-088")
@pytest.mark.parametrize("count", [5, 7, 12, 1000])
def test_any_number_within_the_range_is_bought(cloud: Cloud, count: int) -> None:
    assert app(cloud, buy(cloud, user_count=count)).user_count == count


@pytest.mark.requirement("S2-015")
def test_an_account_of_many_costs_less_than_one_of_few() -> None:
    unit = [month_price(tier.last) / tier.last for tier in TIERS]
    assert unit == sorted(unit, reverse=True)
    assert len(set(unit)) == len(TIERS)
    assert month_price(21) == 20 * 2000 + 1800


@pytest.mark.requirement("S2-015")
def test_an_order_bears_its_price(cloud: Cloud) -> None:
    buy(cloud, user_count=21, period=3)
    assert cloud.alibaba.describe_smart_access_gateway_software_orders()[0].price == 3 * month_price(21)


@pytest.mark.requirement("S2-020", "S2-022")
def test_overage_is_paid_by_volume() -> None:
    assert [overage_price(over) for over in (0, 1, 10**9, 2 * 10**9)] == [0, 1, 80, 160]


@pytest.mark.requirement("S2-009", "S2-090", "S2-091")
def test_nothing_is_there_before_the_terms_are_accepted_and_the_order_is_paid(cloud: Cloud, refused) -> None:
    alibaba = cloud.alibaba
    order = alibaba.create_smart_access_gateway_software("cn-shanghai", auto_pay=False)
    assert alibaba.describe_smart_access_gateway_softwares("cn-shanghai") == ()
    with pytest.raises(ValueError, match="is not paid"):
        _ = order.smart_ag_id
    pay = alibaba.pay_smart_access_gateway_software_order
    refused(cloud, lambda: pay(order.order_id, accept_terms=False), "AgreementNotAccepted")
    paid = pay(order.order_id, accept_terms=True)
    assert [it.id for it in alibaba.describe_smart_access_gateway_softwares("cn-shanghai")] == [paid.smart_ag_id]
    refused(cloud, lambda: pay(order.order_id, accept_terms=True), "OrderPaid")


@pytest.mark.requirement("S2-087", "S2-092")
def test_an_instance_is_listed_in_its_area_only(cloud: Cloud) -> None:
    """So the document's steps without a text, "select the region" and "find the instance", are this one call."""
    smart_ag_id = buy(cloud)
    listed = {
        region: [it.id for it in cloud.alibaba.describe_smart_access_gateway_softwares(region)]
        for region in ("cn-shanghai", "cn-beijing", "ap-southeast-1")
    }
    assert listed == {"cn-shanghai": [smart_ag_id], "cn-beijing": [smart_ag_id], "ap-southeast-1": []}


@pytest.mark.requirement("S2-012")
def test_there_are_no_more_accounts_than_were_bought(w, refused) -> None:
    for number in range(10):
        w.user(f"user-of-{number}")
    sent = len(w.mails)
    error = refused(w.cloud, lambda: w.user("one-too-many"), "ClientUser.UserOverLimit")
    assert "upgrade it" in error.message
    assert len(w.mails) == sent


@pytest.mark.requirement("S2-135", "S2-024")
def test_renewing_moves_the_end_and_nothing_else(w) -> None:
    before = app(w.cloud, w.app)
    w.alibaba.renew_smart_access_gateway_software(w.app, 3)
    after = app(w.cloud, w.app)
    assert after.expires_at == after_months(before.expires_at, 3)
    assert (after.user_count, after.enterprise_code, after.private_cidrs) == (10, before.enterprise_code, before.private_cidrs)


@pytest.mark.requirement("S2-135")
def test_a_renewal_waits_for_its_payment(w, refused) -> None:
    before = app(w.cloud, w.app)
    order = w.alibaba.renew_smart_access_gateway_software(w.app, 1, auto_pay=False)
    pay = w.alibaba.pay_smart_access_gateway_software_order
    refused(w.cloud, lambda: pay(order.order_id, accept_terms=False), "AgreementNotAccepted")
    assert app(w.cloud, w.app) == before
    pay(order.order_id, accept_terms=True)
    assert app(w.cloud, w.app).expires_at == after_months(START, 2)


@pytest.mark.requirement("S2-136", "S2-139")
@pytest.mark.parametrize("count", [15, 5], ids=["more", "fewer"])
def test_another_number_counts_from_the_renewed_months_on(w, count: int) -> None:
    w.alibaba.renew_smart_access_gateway_software(w.app, 1, user_count=count)
    w.clock.move_forward(seconds=int((after_months(START, 1) - START).total_seconds()) - 1)
    assert app(w.cloud, w.app).user_count == 10
    w.clock.move_forward(seconds=1)
    assert (app(w.cloud, w.app).user_count, app(w.cloud, w.app).status) == (count, "Active")


@pytest.mark.requirement("S2-136")
def test_in_arrears_another_number_counts_at_once(w) -> None:
    w.clock.move_forward(months=2)
    w.alibaba.renew_smart_access_gateway_software(w.app, 1, user_count=20)
    renewed = app(w.cloud, w.app)
    assert (renewed.status, renewed.user_count, renewed.next_from) == ("Active", 20, None)
    assert renewed.expires_at == after_months(START, 3)


@pytest.mark.requirement("S2-139")
def test_until_fewer_count_no_more_are_created_than_there_will_be(w, refused) -> None:
    w.alibaba.renew_smart_access_gateway_software(w.app, 1, user_count=5)
    for number in range(5):
        w.user(f"user-of-{number}")
    refused(w.cloud, lambda: w.user("number-six"), "ClientUser.UserOverLimit")


@pytest.mark.requirement("S2-140")
def test_an_upgrade_counts_at_its_payment_and_leaves_the_end(w) -> None:
    w.clock.move_forward(days=15)
    order = w.alibaba.upgrade_smart_access_gateway_software(w.app, 11, auto_pay=False)
    assert app(w.cloud, w.app).user_count == 10
    w.alibaba.pay_smart_access_gateway_software_order(order.order_id, accept_terms=True)
    assert (app(w.cloud, w.app).user_count, app(w.cloud, w.app).expires_at) == (11, after_months(START, 1))
    assert w.alibaba.describe_smart_access_gateway_software_orders()[-1].price == 2000 * 16 // 30


def test_an_order_that_waited_too_long_is_checked_again(w, refused) -> None:
    order = w.alibaba.upgrade_smart_access_gateway_software(w.app, 12, auto_pay=False)
    w.alibaba.upgrade_smart_access_gateway_software(w.app, 20)
    pay = w.alibaba.pay_smart_access_gateway_software_order
    refused(w.cloud, lambda: pay(order.order_id, accept_terms=True), "InvalidParameter")


def _with_accounts(w, count: int) -> None:
    for number in range(count):
        w.user(f"user-of-{number}")


REFUSALS = [
    pytest.param(lambda w: buy(w.cloud, user_count=4), "InvalidParameter", id="4", marks=pytest.mark.requirement("S2-014")),
    pytest.param(lambda w: buy(w.cloud, user_count=1001), "InvalidParameter", id="1001", marks=pytest.mark.requirement("S2-014")),
    pytest.param(lambda w: buy(w.cloud, data_plan=10), "InvalidParameter", id="10 GB", marks=pytest.mark.requirement("S2-019")),
    pytest.param(lambda w: buy(w.cloud, period=10), "InvalidParameter", id="10 months"),
    pytest.param(lambda w: buy(w.cloud, name="1st"), "InvalidName", id="name"),
    pytest.param(
        lambda w: w.alibaba.create_smart_access_gateway_software("mars-1"),
        "InvalidRegionId.NotFound",
        id="area",
        marks=pytest.mark.requirement("S2-011"),
    ),
    pytest.param(lambda w: w.alibaba.renew_smart_access_gateway_software("sag-0", 1), "InvalidId.SMARTAG", id="renew unknown"),
    pytest.param(lambda w: w.alibaba.renew_smart_access_gateway_software(w.app, 0), "InvalidParameter", id="renew for nothing"),
    *(
        pytest.param(
            lambda w, count=count: w.alibaba.renew_smart_access_gateway_software(w.app, 1, user_count=count),
            "InvalidParameter",
            id=f"renew for {count}",
            marks=pytest.mark.requirement("S2-088", "S2-138"),
        )
        for count in (7, 12, 0, 1005)
    ),
    pytest.param(
        lambda w: (_with_accounts(w, 6), w.alibaba.renew_smart_access_gateway_software(w.app, 1, user_count=5)),
        "ClientUser.UserOverLimit",
        id="renew for fewer than there are",
        marks=pytest.mark.requirement("S2-139"),
    ),
    *(
        pytest.param(
            lambda w, count=count: w.alibaba.upgrade_smart_access_gateway_software(w.app, count),
            "InvalidParameter",
            id=f"upgrade to {count}",
            marks=pytest.mark.requirement("S2-088", "S2-141", "S2-142"),
        )
        for count in (7, 10, 1001)
    ),
    pytest.param(
        lambda w: w.alibaba.pay_smart_access_gateway_software_order("2", accept_terms=True), "InvalidOrderId.NotFound", id="pay"
    ),
]


@pytest.mark.parametrize(("call", "code"), REFUSALS)
def test_refused(w, call, code) -> None:
    with pytest.raises(CloudError) as caught:
        call(w)
    assert caught.value.code == code, str(caught.value)


def test_an_instance_in_arrears_is_not_upgraded(w, refused) -> None:
    w.clock.move_forward(months=1)
    refused(w.cloud, lambda: w.alibaba.upgrade_smart_access_gateway_software(w.app, 20), "SmartAccessGatewayArrearage")


def test_another_change_waits_for_the_one_that_is_bought(w, refused) -> None:
    w.alibaba.renew_smart_access_gateway_software(w.app, 1, user_count=20)
    refused(w.cloud, lambda: w.alibaba.renew_smart_access_gateway_software(w.app, 1, user_count=15), "InvalidParameter")
    w.alibaba.renew_smart_access_gateway_software(w.app, 1)
    assert app(w.cloud, w.app).expires_at == after_months(START, 3)


@pytest.mark.requirement("S2-023", "S2-134")
def test_an_instance_that_is_not_renewed_serves_nobody_and_comes_back_as_it_was(w, refused) -> None:
    w.user()
    session = w.connect()
    before = app(w.cloud, w.app)
    w.clock.move_forward(months=1)
    assert app(w.cloud, w.app).status == "Arrearage"
    assert w.alibaba.describe_user_online_clients(w.app) == ()
    refused(w.cloud, w.log_on, "App.InstanceExpired")
    refused(w.cloud, lambda: w.alibaba.connect_app(session.id), "App.NotLoggedOn")
    refused(w.cloud, lambda: w.user("another-one"), "SmartAccessGatewayArrearage")
    w.alibaba.renew_smart_access_gateway_software(w.app, 1)
    after = app(w.cloud, w.app)
    assert (after.ccn_id, after.private_cidrs, after.user_count) == (before.ccn_id, before.private_cidrs, before.user_count)
    assert w.connect(user_name=USER).connected


@pytest.mark.requirement("S2-023")
def test_auto_renewal_keeps_it_in_service(w) -> None:
    w.alibaba.set_software_renewal(w.app, "AutoRenewal")
    w.user()
    w.connect()
    w.clock.move_forward(months=5)
    assert app(w.cloud, w.app).expires_at == after_months(START, 6)
    assert [session.connected for session in w.alibaba.describe_user_online_clients(w.app)] == [True]
    w.alibaba.set_software_renewal(w.app, "ManualRenewal")
    w.clock.move_forward(months=1)
    assert app(w.cloud, w.app).status == "Arrearage"


@pytest.mark.requirement("S2-023", "S2-149")
def test_a_month_bought_on_the_31st_ends_on_the_last_of_the_next(cloud: Cloud) -> None:
    cloud.clock.move_forward(days=30)
    assert cloud.clock.describe_time() == START + timedelta(days=30)
    assert app(cloud, buy(cloud)).expires_at == after_months(START, 1) + timedelta(days=27)


def test_an_instance_is_named(w, refused) -> None:
    w.alibaba.modify_smart_access_gateway_software(w.app, name="app-2")
    assert app(w.cloud, w.app).name == "app-2"
    refused(w.cloud, lambda: w.alibaba.modify_smart_access_gateway_software(w.app, name="x"), "InvalidName")
