"""The life of a subscription: activation, renewal, arrears (document 000…, step 1.3; times are those of the lab's clock).

        pay            activate                  due
    order ──▶ Ordered ──────────▶ Active ──────────────────▶ Arrearage
                 ▲                  │ ▲ renewed by itself        │
                 │ renew_instance   └─┘                          │
                 └──────────────────── renew_instance ◀──────────┘   (to what it was: Active, or Ordered if never activated)

A gateway in arrears keeps its configuration and serves nobody. Nothing is released by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.order import PERIODS, check_choice
from lab.cloud.alibaba.resources import ACTIVE, ARREARAGE, ORDERED, SmartAccessGateway
from lab.cloud.errors import CloudError
from lab.cloud.lab_time import Due, after_months
from lab.cloud.operation import operation

# BssOpenApi 2017-12-14, SetRenewal.
AUTO_RENEWAL = "AutoRenewal"
MANUAL_RENEWAL = "ManualRenewal"


class SubscriptionOperations(AlibabaBase):
    @operation
    def activate_smart_access_gateway(self, smart_ag_id: str) -> None:
        """Put an ordered gateway into service; for an active one it does nothing.

        Raises InvalidId.SMARTAG, SmartAccessGatewayArrearage.
        """
        gateway = self._get(SmartAccessGateway, smart_ag_id)
        if gateway.status == ARREARAGE:
            raise CloudError("SmartAccessGatewayArrearage", f"the subscription of '{smart_ag_id}' has ended; renew it first")
        if gateway.status == ORDERED:
            origin = self._origin(smart_ag_id)
            self._store.put(replace(gateway, status=ACTIVE, status_origin=origin, activated_at=self._now))

    @operation
    def renew_instance(self, instance_id: str, renew_period: int) -> None:
        """Pay for so many more months: from the end of the subscription, or from now if that is past.

        Raises InvalidId.SMARTAG, InvalidParameter.
        """
        gateway = self._get(SmartAccessGateway, instance_id)
        check_choice("renew_period", renew_period, PERIODS)
        if gateway.status == ARREARAGE:
            status = ORDERED if gateway.activated_at is None else ACTIVE
            gateway = replace(gateway, status=status, status_origin=self._origin(instance_id), expires_at=self._now)
        self._store.put(replace(gateway, expires_at=after_months(gateway.expires_at, renew_period)))

    @operation
    def set_renewal(self, instance_id: str, renewal_status: str) -> None:
        """Have a subscription renewed by itself, "AutoRenewal", or not, "ManualRenewal".

        It is renewed for as long as it was bought for. Raises InvalidId.SMARTAG, InvalidParameter.
        """
        gateway = self._get(SmartAccessGateway, instance_id)
        check_choice("renewal_status", renewal_status, (AUTO_RENEWAL, MANUAL_RENEWAL))
        self._store.put(replace(gateway, auto_renew=renewal_status == AUTO_RENEWAL))


class SubscriptionCalendar(AlibabaBase):
    """When each subscription ends. A gateway that is in arrears has nothing more to come."""

    def __call__(self) -> Iterator[Due]:
        for gateway in self._store.all(SmartAccessGateway):
            if gateway.status != ARREARAGE:
                yield Due(gateway.expires_at, partial(self._end, gateway))

    def _end(self, gateway: SmartAccessGateway) -> None:
        if gateway.auto_renew:
            self._store.put(replace(gateway, expires_at=after_months(gateway.expires_at, gateway.period)))
        else:
            self._store.put(replace(gateway, status=ARREARAGE, status_origin=self._origin(gateway.id)))
