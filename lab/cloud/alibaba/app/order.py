"""Buying SAG app instances, and more of what they are made of (document, 2 step 1, 3.1, 3.6 to 3.8): order, terms, payment.

    create_…_software        an instance
    renew_…_software         more months, from when the paid ones end; with user_count, another number of accounts from then on
    upgrade_…_software       more accounts at once

Each makes an order, and pays for it at once, or leaves that to `pay_smart_access_gateway_software_order`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from lab.cloud.alibaba.app.code import default_code
from lab.cloud.alibaba.app.price import GIGABYTE, order_price
from lab.cloud.alibaba.app.resources import ClientUser, SagApp
from lab.cloud.alibaba.base import DEFAULT_REGION, AlibabaBase
from lab.cloud.alibaba.name import GATEWAY_NAME
from lab.cloud.alibaba.order import PERIODS, check_choice
from lab.cloud.alibaba.resources import ACTIVE
from lab.cloud.errors import CloudError
from lab.cloud.lab_time import after_months
from lab.cloud.operation import operation
from lab.cloud.record import Record

USER_COUNTS = range(5, 1001)  # 2 step 1.3
DEFAULT_USER_COUNT = 10
STEP = 5  # 3.7 alone asks for multiples of five: decision 0033
DATA_PLANS = (5,)  # GB; 2 step 1.3 names no other


class OrderKind(StrEnum):
    PURCHASE = "Buy"
    RENEWAL = "Renew"
    UPGRADE = "Upgrade"


@dataclass(frozen=True, kw_only=True)
class SoftwareOrder(Record):
    """What was ordered for an instance; `smart_ag_id` of one that is to be bought comes with the payment.

    `user_count` is None where a renewal leaves it as it is; `period` is in months, 0 for an upgrade. `price` is in the unit of
    `lab.cloud.alibaba.app.price`.
    """

    NOUN: ClassVar[str] = "order"
    NOT_FOUND: ClassVar[str] = "InvalidOrderId.NotFound"
    INDEXED: ClassVar[tuple[str, ...]] = ("smart_ag_id",)

    kind: OrderKind
    region_id: str
    name: str = ""
    user_count: int | None
    data_plan: int = 0
    period: int = 0
    auto_renew: bool = False
    price: int
    created_at: datetime
    paid_at: datetime | None = None
    smart_ag_id: str | None = None


@dataclass(frozen=True, slots=True)
class SoftwarePurchase:
    """What an order came to. `instance` is None while a first order is not paid."""

    order_id: str
    instance: SagApp | None

    @property
    def smart_ag_id(self) -> str:
        """The id of the instance. The order must be paid."""
        if self.instance is None:
            raise ValueError(f"the order {self.order_id} is not paid, so there is no instance")
        return self.instance.id


class SoftwareOrderOperations(AlibabaBase):
    @operation
    def create_smart_access_gateway_software(
        self,
        region_id: str = DEFAULT_REGION,
        *,
        name: str = "",
        user_count: int = DEFAULT_USER_COUNT,
        data_plan: int = DATA_PLANS[0],
        period: int = 1,
        auto_renew: bool = False,
        auto_pay: bool = True,
    ) -> SoftwarePurchase:
        """Create SAG App (document, 2 step 1 and 3.1): order an instance, and pay for it at once, which accepts the terms.

        `user_count` accounts, 5 to 1,000; `data_plan` in GB for each account and month; `period` in months.
        Raises InvalidRegionId.NotFound, InvalidName, InvalidParameter.
        """
        self._region(region_id)
        if name:
            GATEWAY_NAME.check(name)
        _check_user_count(user_count)
        check_choice("data_plan", data_plan, DATA_PLANS)
        check_choice("period", period, PERIODS)
        order = self._order(
            OrderKind.PURCHASE,
            region_id=region_id,
            name=name,
            user_count=user_count,
            data_plan=data_plan * GIGABYTE,
            period=period,
            auto_renew=auto_renew,
        )
        return self._settle(order) if auto_pay else SoftwarePurchase(order.id, None)

    @operation
    def renew_smart_access_gateway_software(
        self, smart_ag_id: str, period: int, *, user_count: int | None = None, auto_pay: bool = True
    ) -> SoftwarePurchase:
        """Renew (3.6), and with `user_count` Renew and Change Configuration (3.7): another number from the renewed months on.

        The number is a multiple of five, and may be smaller, but not than the accounts that there are. The months follow those
        that are paid for, or begin now if the instance is in arrears.
        Raises InvalidId.SMARTAG, InvalidParameter, ClientUser.UserOverLimit.
        """
        instance = self._get(SagApp, smart_ag_id)
        check_choice("period", period, PERIODS)
        if user_count is not None:
            self._check_renewed_count(instance, user_count)
        order = self._order(
            OrderKind.RENEWAL, region_id=instance.region_id, smart_ag_id=smart_ag_id, user_count=user_count, period=period
        )
        return self._settle(order) if auto_pay else SoftwarePurchase(order.id, instance)

    @operation
    def upgrade_smart_access_gateway_software(
        self, smart_ag_id: str, user_count: int, *, auto_pay: bool = True
    ) -> SoftwarePurchase:
        """Upgrade (3.8): more accounts from the payment on, for the rest of the months.

        Its page is called Upgrade/Downgrade, and takes more accounts only (decision 0033).
        Raises InvalidId.SMARTAG, InvalidParameter, SmartAccessGatewayArrearage.
        """
        instance = self._get(SagApp, smart_ag_id)
        self._check_upgrade(instance, user_count)
        order = self._order(OrderKind.UPGRADE, region_id=instance.region_id, smart_ag_id=smart_ag_id, user_count=user_count)
        return self._settle(order) if auto_pay else SoftwarePurchase(order.id, instance)

    @operation
    def pay_smart_access_gateway_software_order(self, order_id: str, *, accept_terms: bool) -> SoftwarePurchase:
        """Buy Now: accept the Smart Access Gateway Terms of Service, and pay. An extension of ours, as the page is the console's.

        Raises InvalidOrderId.NotFound, OrderPaid, AgreementNotAccepted, and what the order itself may raise.
        """
        order = self._get(SoftwareOrder, order_id)
        if order.paid_at is not None:
            raise CloudError("OrderPaid", f"the order '{order_id}' is paid already, since {order.paid_at:%Y-%m-%d %H:%M:%S}")
        if not accept_terms:
            raise CloudError(
                "AgreementNotAccepted", f"the order '{order_id}' is paid only by who accepts the Terms of Service of the SAG app"
            )
        return self._settle(order)

    def describe_smart_access_gateway_software_orders(self) -> tuple[SoftwareOrder, ...]:
        """All orders of the account, paid or not."""
        return self._own(self._store.all(SoftwareOrder))

    def _order(
        self,
        kind: OrderKind,
        *,
        region_id: str,
        user_count: int | None,
        smart_ag_id: str | None = None,
        name: str = "",
        data_plan: int = 0,
        period: int = 0,
        auto_renew: bool = False,
    ) -> SoftwareOrder:
        instance = None if smart_ag_id is None else self._store.get(SagApp, smart_ag_id)
        order_id = self._supply.order_id()
        order = SoftwareOrder(
            id=order_id,
            origin=self._origin(order_id),
            kind=kind,
            region_id=region_id,
            name=name,
            user_count=user_count,
            data_plan=data_plan,
            period=period,
            auto_renew=auto_renew,
            price=order_price(user_count, period, instance, self._now),
            created_at=self._now,
            smart_ag_id=smart_ag_id,
        )
        self._store.put(order)
        return order

    def _settle(self, order: SoftwareOrder) -> SoftwarePurchase:
        """Take the money, and hand over what it is for."""
        if order.smart_ag_id is None:
            instance = self._instance(order)
        elif order.kind is OrderKind.RENEWAL:
            instance = self._renewed(self._get(SagApp, order.smart_ag_id), order)
        else:
            instance = self._upgraded(self._get(SagApp, order.smart_ag_id), order)
        self._store.put(instance)
        self._store.put(replace(order, paid_at=self._now, smart_ag_id=instance.id))
        return SoftwarePurchase(order.id, instance)

    def _instance(self, order: SoftwareOrder) -> SagApp:
        smart_ag_id = self._supply.alibaba_id("sag")
        origin = self._origin(smart_ag_id)
        assert order.user_count is not None  # noqa: S101 - a purchase names it
        return SagApp(
            id=smart_ag_id,
            origin=origin,
            name=order.name,
            region_id=order.region_id,
            account=self._account,
            user_count=order.user_count,
            data_plan=order.data_plan,
            period=order.period,
            auto_renew=order.auto_renew,
            order_id=order.id,
            created_at=self._now,
            expires_at=after_months(self._now, order.period),
            status_origin=origin,
            enterprise_code=default_code(self._store, self._account).id,
            code_origin=origin,
            ccn_origin=origin,
            cidr_origin=origin,
            dns_origin=origin,
        )

    def _renewed(self, instance: SagApp, order: SoftwareOrder) -> SagApp:
        if order.user_count is not None:
            self._check_renewed_count(instance, order.user_count)  # again: accounts may have been created since the order
            instance = replace(instance, next_user_count=order.user_count, next_from=instance.expires_at)
        if not instance.active:
            origin = self._origin(instance.id)
            instance = replace(in_effect(instance), status=ACTIVE, status_origin=origin, expires_at=self._now)
        return replace(instance, expires_at=after_months(instance.expires_at, order.period))

    def _upgraded(self, instance: SagApp, order: SoftwareOrder) -> SagApp:
        assert order.user_count is not None  # noqa: S101 - an upgrade names it
        self._check_upgrade(instance, order.user_count)
        return replace(instance, user_count=order.user_count)

    def _check_renewed_count(self, instance: SagApp, user_count: int) -> None:
        _check_user_count(user_count)
        if user_count % STEP:
            raise CloudError("InvalidParameter", f"user_count {user_count} is no multiple of {STEP}, which a renewal takes only")
        if instance.next_from is not None:
            raise CloudError(
                "InvalidParameter",
                f"'{instance.id}' will have {instance.next_user_count} accounts from {instance.next_from:%Y-%m-%d} on, and only "
                "then can another number be bought; renew without one",
            )
        existing = self._store.count(ClientUser, "smart_ag_id", instance.id)
        if existing > user_count:
            raise CloudError(
                "ClientUser.UserOverLimit",
                f"'{instance.id}' has {existing} client accounts, more than {user_count}; delete some, or renew for more",
            )

    def _check_upgrade(self, instance: SagApp, user_count: int) -> None:
        if not instance.active:
            raise CloudError("SmartAccessGatewayArrearage", f"the subscription of '{instance.id}' has ended; renew it first")
        _check_user_count(user_count)
        if user_count <= instance.user_count:
            raise CloudError(
                "InvalidParameter",
                f"user_count {user_count} is not more than the {instance.user_count} of '{instance.id}'; a renewal gives fewer",
            )


def in_effect(instance: SagApp) -> SagApp:
    """The instance once the number of accounts that was bought with a renewal counts."""
    if instance.next_user_count is None:
        return instance
    return replace(instance, user_count=instance.next_user_count, next_user_count=None, next_from=None)


def _check_user_count(user_count: int) -> None:
    if user_count not in USER_COUNTS:
        raise CloudError(
            "InvalidParameter",
            f"user_count {user_count} is not within {USER_COUNTS[0]} to {USER_COUNTS[-1]} client accounts",
        )
