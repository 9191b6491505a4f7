"""The end of an instance's months: renewed by itself, or in arrears (document, 2 step 1.3, 3.6, 3.7; the lab's clock).

An instance in arrears keeps its configuration and serves nobody: its sessions end, and no new one begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from lab.cloud.alibaba.app.order import in_effect
from lab.cloud.alibaba.app.resources import SagApp
from lab.cloud.alibaba.app.session import AppSessions
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.order import check_choice
from lab.cloud.alibaba.resources import ARREARAGE
from lab.cloud.alibaba.subscription import AUTO_RENEWAL, MANUAL_RENEWAL
from lab.cloud.lab_time import Due, after_months
from lab.cloud.operation import operation


class SoftwareSubscriptionOperations(AlibabaBase):
    @operation
    def set_software_renewal(self, smart_ag_id: str, renewal_status: str) -> None:
        """Have an instance renewed by itself, "AutoRenewal", or not, "ManualRenewal": as set_renewal does for gateways.

        It is renewed for as long as it was bought for. Raises InvalidId.SMARTAG, InvalidParameter.
        """
        instance = self._get(SagApp, smart_ag_id)
        check_choice("renewal_status", renewal_status, (AUTO_RENEWAL, MANUAL_RENEWAL))
        self._store.put(replace(instance, auto_renew=renewal_status == AUTO_RENEWAL))


class SoftwareCalendar(AppSessions):
    """When the months of each instance end, and when what was bought with a renewal takes effect."""

    def __call__(self) -> Iterator[Due]:
        for instance in self._store.all(SagApp):
            if instance.active:
                yield Due(instance.expires_at, partial(self._end, instance))
                if instance.next_from is not None:
                    yield Due(instance.next_from, partial(self._change, instance))

    def _change(self, instance: SagApp) -> None:
        self._store.put(in_effect(instance))

    def _end(self, instance: SagApp) -> None:
        if instance.auto_renew:
            self._store.put(replace(instance, expires_at=after_months(instance.expires_at, instance.period)))
        else:
            self._store.put(replace(instance, status=ARREARAGE, status_origin=self._origin(instance.id)))
            self._end_sessions("smart_ag_id", instance.id)
