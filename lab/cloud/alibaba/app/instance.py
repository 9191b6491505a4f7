"""Instances of the SAG app, as the console lists them: region by region (document, 3.2 step 3)."""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.alibaba.app.resources import SagApp
from lab.cloud.alibaba.base import DEFAULT_REGION, AlibabaBase
from lab.cloud.alibaba.name import GATEWAY_NAME
from lab.cloud.alibaba.region import area_of
from lab.cloud.operation import operation


class AppInstanceOperations(AlibabaBase):
    @operation
    def modify_smart_access_gateway_software(self, smart_ag_id: str, *, name: str) -> SagApp:
        """Name an instance. Raises InvalidId.SMARTAG, InvalidName."""
        instance = self._get(SagApp, smart_ag_id)
        GATEWAY_NAME.check(name)
        named = replace(instance, name=name)
        self._store.put(named)
        return named

    def describe_smart_access_gateway_software(self, smart_ag_id: str) -> SagApp:
        """One instance: its network, its enterprise code, its accounts' number and until when it is paid for.

        Its accounts are told by describe_smart_access_gateway_client_users, its connections by describe_user_online_clients.
        Raises InvalidId.SMARTAG.
        """
        return self._get(SagApp, smart_ag_id)

    def describe_smart_access_gateway_softwares(self, region_id: str = DEFAULT_REGION) -> tuple[SagApp, ...]:
        """SAG App Instances: those of the area that a region lies in. Raises InvalidRegionId.NotFound."""
        area = area_of(self._region(region_id))
        return tuple(instance for instance in self._own(self._store.all(SagApp)) if instance.area == area)
