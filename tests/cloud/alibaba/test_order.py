"""Ordering and paying."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lab.cloud import Cloud
from lab.cloud.alibaba import SmartAccessGateway
from lab.cloud.lab_time import START, after_months


@pytest.mark.requirement("S0-026")
def test_an_unpaid_order_has_neither_gateway_nor_key(cloud: Cloud) -> None:
    purchase = cloud.alibaba.create_smart_access_gateway(quantity=2, auto_pay=False)
    assert purchase.gateways == cloud.store.all(SmartAccessGateway) == ()
    (order,) = cloud.alibaba.query_orders()
    assert (order.id, order.paid_at, order.smart_ag_ids) == (purchase.order_id, None, ())


@pytest.mark.requirement("S0-025", "S0-026")
def test_paying_takes_the_agreement_and_delivers(cloud: Cloud, refused) -> None:
    alibaba = cloud.alibaba
    order_id = alibaba.create_smart_access_gateway(name="vcpe", quantity=2, period=3, auto_pay=False).order_id
    refused(cloud, lambda: alibaba.pay_order(order_id, accept_agreement=False), "AgreementNotAccepted")
    cloud.clock.move_forward(days=1)
    purchase = alibaba.pay_order(order_id, accept_agreement=True)
    assert (purchase.order_id, len(purchase.gateways)) == (order_id, 2)
    assert alibaba.query_orders()[0].smart_ag_ids == purchase.smart_ag_ids
    for gateway in purchase.gateways:
        assert (gateway.name, gateway.order_id, gateway.status) == ("vcpe", order_id, "Ordered")
        assert gateway.created_at == START + timedelta(days=1)
        assert gateway.expires_at == after_months(gateway.created_at, 3)


def test_an_order_paid_at_once_is_paid(cloud: Cloud) -> None:
    purchase = cloud.alibaba.create_smart_access_gateway()
    (order,) = cloud.alibaba.query_orders()
    assert (order.paid_at, order.smart_ag_ids) == (START, purchase.smart_ag_ids)


@pytest.mark.parametrize(("mode", "roles"), [("no_backup", ["active"]), ("cold_backup", ["active", "standby"])])
def test_the_mode_says_how_many_devices_there_are(cloud: Cloud, mode, roles) -> None:
    (gateway,) = cloud.alibaba.create_smart_access_gateway(ha_type=mode).gateways
    assert [device.role for device in gateway.devices] == roles


@pytest.mark.parametrize(
    ("pays", "code"),
    [
        pytest.param(lambda a, paid: a.pay_order("2", accept_agreement=True), "InvalidOrderId.NotFound", id="no such order"),
        pytest.param(lambda a, paid: a.pay_order(paid, accept_agreement=True), "OrderPaid", id="twice"),
    ],
)
def test_payments_refused(cloud: Cloud, refused, pays, code) -> None:
    paid = cloud.alibaba.create_smart_access_gateway().order_id
    refused(cloud, lambda: pays(cloud.alibaba, paid), code)


def test_an_order_that_no_longer_fits_the_account_is_not_paid(cloud: Cloud, refused) -> None:
    waiting = cloud.alibaba.create_smart_access_gateway(auto_pay=False).order_id
    cloud.alibaba.create_smart_access_gateway(quantity=500)
    refused(cloud, lambda: cloud.alibaba.pay_order(waiting, accept_agreement=True), "SmartAccessGatewayAmountLimit")
