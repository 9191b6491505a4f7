"""Buying gateways (document 000…, steps 1.3 and 1.4): the order, its payment, and what is delivered once it is paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from lab.cloud.alibaba.base import DEFAULT_REGION, AlibabaBase
from lab.cloud.alibaba.name import GATEWAY_NAME
from lab.cloud.alibaba.resources import (
    ACTIVE_ACTIVE,
    ACTIVE_ROLE,
    ACTIVE_STANDBY,
    SINGLE,
    STANDBY_ROLE,
    Device,
    SmartAccessGateway,
)
from lab.cloud.errors import CloudError
from lab.cloud.lab_time import after_months
from lab.cloud.operation import operation
from lab.cloud.record import Record

# smartag 2018-03-13, CreateSmartAccessGateway.
HARDWARE_SPECS = ("sag-vcpe",)
CPE_VERSIONS = ("basic",)
HA_TYPES = (SINGLE, ACTIVE_STANDBY, ACTIVE_ACTIVE)
BANDWIDTHS = range(10, 1001)  # Mbit/s
PERIODS = (*range(1, 10), 12, 24, 36)  # months

# Gateways of an account ("Limits" of Smart Access Gateway).
GATEWAYS = 500


@dataclass(frozen=True, kw_only=True)
class SmartAccessGatewayOrder(Record):
    """What was ordered. `smart_ag_ids` and `paid_at` come with its payment. `max_bandwidth` is in Mbit/s, `period` in months."""

    NOUN: ClassVar[str] = "order"
    NOT_FOUND: ClassVar[str] = "InvalidOrderId.NotFound"

    region_id: str
    name: str
    hardware_spec: str
    cpe_version: str
    ha_type: str
    max_bandwidth: int
    quantity: int
    period: int
    auto_renew: bool
    created_at: datetime
    paid_at: datetime | None = None
    smart_ag_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Purchase:
    """What an order came to: a gateway for each unit bought, none while the order is not paid."""

    order_id: str
    gateways: tuple[SmartAccessGateway, ...]

    @property
    def smart_ag_ids(self) -> tuple[str, ...]:
        return tuple(gateway.id for gateway in self.gateways)

    @property
    def smart_ag_id(self) -> str:
        """The id of the only gateway, or of the first. The order must be paid."""
        return self.gateways[0].id


class OrderOperations(AlibabaBase):
    @operation
    def create_smart_access_gateway(
        self,
        region_id: str = DEFAULT_REGION,
        *,
        name: str = "",
        hardware_spec: str = "sag-vcpe",
        cpe_version: str = "basic",
        ha_type: str = ACTIVE_ACTIVE,
        max_bandwidth: int = 100,
        quantity: int = 1,
        period: int = 1,
        auto_renew: bool = False,
        auto_pay: bool = True,
    ) -> Purchase:
        """Order SAG vCPE gateways (document 000…, step 1.3), and pay for them at once, or, without `auto_pay`, by pay_order.

        The document calls HA a pair of devices that a customer buys, and counts the quantity in devices, with 1 in its
        example (S0-020). Here a unit is a gateway with its pair; `quantity` units make as many gateways. `ha_type` is
        "warm_backup" (HA: a pair that fails over by itself), "cold_backup" (HA: a pair that is switched by hand) or "no_backup"
        (one device). `max_bandwidth` is in Mbit/s, `period` in months from the payment. A gateway is "Ordered" until it is
        activated.
        Raises InvalidRegionId.NotFound, InvalidName, InvalidParameter, SmartAccessGatewayAmountLimit.
        """
        self._region(region_id)
        if name:
            GATEWAY_NAME.check(name)
        check_choice("hardware_spec", hardware_spec, HARDWARE_SPECS)
        check_choice("cpe_version", cpe_version, CPE_VERSIONS)
        check_choice("ha_type", ha_type, HA_TYPES)
        check_choice("period", period, PERIODS)
        check_bandwidth("max_bandwidth", max_bandwidth)
        if quantity < 1:
            raise CloudError("InvalidParameter", f"quantity {quantity} is not at least 1")
        self._check_amount(quantity)
        order_id = self._supply.order_id()
        order = SmartAccessGatewayOrder(
            id=order_id,
            origin=self._origin(order_id),
            region_id=region_id,
            name=name,
            hardware_spec=hardware_spec,
            cpe_version=cpe_version,
            ha_type=ha_type,
            max_bandwidth=max_bandwidth,
            quantity=quantity,
            period=period,
            auto_renew=auto_renew,
            created_at=self._now,
        )
        self._store.put(order)
        return self._deliver(order) if auto_pay else Purchase(order_id, ())

    @operation
    def pay_order(self, order_id: str, *, accept_agreement: bool) -> Purchase:
        """Pay for an order, once the agreement of service is accepted: the console's Confirm Order page (step 1.4).

        An extension of ours: the provider's API pays at once, which accepts the agreement too, or leaves it to that page.
        Raises InvalidOrderId.NotFound, AgreementNotAccepted, OrderPaid, SmartAccessGatewayAmountLimit.
        """
        order = self._get(SmartAccessGatewayOrder, order_id)
        if order.paid_at is not None:
            raise CloudError("OrderPaid", f"the order '{order_id}' is paid already, since {order.paid_at:%Y-%m-%d %H:%M:%S}")
        if not accept_agreement:
            raise CloudError(
                "AgreementNotAccepted",
                f"the order '{order_id}' is paid only by who accepts the Smart Access Gateway-vCPE Agreement of Service",
            )
        self._check_amount(order.quantity)
        return self._deliver(order)

    def query_orders(self) -> tuple[SmartAccessGatewayOrder, ...]:
        """All orders, paid or not."""
        return self._store.all(SmartAccessGatewayOrder)

    def _check_amount(self, quantity: int) -> None:
        owned = len(self._store.all(SmartAccessGateway))
        if owned + quantity > GATEWAYS:
            raise CloudError(
                "SmartAccessGatewayAmountLimit", f"the account has {owned} gateways and may have {GATEWAYS}, not {quantity} more"
            )

    def _deliver(self, order: SmartAccessGatewayOrder) -> Purchase:
        smart_ag_ids = tuple(self._supply.alibaba_id("sag") for _ in range(order.quantity))
        self._store.put(replace(order, paid_at=self._now, smart_ag_ids=smart_ag_ids))
        gateways = tuple(self._gateway(order, smart_ag_id) for smart_ag_id in smart_ag_ids)
        for gateway in gateways:
            self._store.put(gateway)
        return Purchase(order.id, gateways)

    def _gateway(self, order: SmartAccessGatewayOrder, smart_ag_id: str) -> SmartAccessGateway:
        roles = (ACTIVE_ROLE,) if order.ha_type == SINGLE else (ACTIVE_ROLE, STANDBY_ROLE)
        origin = self._origin(smart_ag_id)
        return SmartAccessGateway(
            id=smart_ag_id,
            origin=origin,
            name=order.name,
            region_id=order.region_id,
            hardware_spec=order.hardware_spec,
            cpe_version=order.cpe_version,
            ha_type=order.ha_type,
            max_bandwidth=order.max_bandwidth,
            period=order.period,
            auto_renew=order.auto_renew,
            order_id=order.id,
            devices=tuple(Device(self._supply.serial_number(), self._supply.secret_key(), role) for role in roles),
            devices_origin=origin,
            status_origin=origin,
            created_at=self._now,
            expires_at=after_months(self._now, order.period),
            cidr_origin=origin,
            ccn_origin=origin,
        )


def check_bandwidth(parameter: str, value: int) -> None:
    """Raises InvalidParameter."""
    if value not in BANDWIDTHS:
        raise CloudError("InvalidParameter", f"{parameter} {value} is not within 10 to 1000 Mbit/s")


def check_choice(parameter: str, value: object, choices: Sequence[object]) -> None:
    """Raises InvalidParameter."""
    if value not in choices:
        raise CloudError("InvalidParameter", f"{parameter} '{value}' is none of {', '.join(map(str, choices))}")
