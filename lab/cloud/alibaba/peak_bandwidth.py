"""The peak bandwidth of a gateway, changed after it was bought (smartag 2018-03-13)."""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.order import check_bandwidth
from lab.cloud.alibaba.resources import ARREARAGE, SmartAccessGateway
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation


class PeakBandwidthOperations(AlibabaBase):
    @operation
    def upgrade_smart_access_gateway(self, smart_ag_id: str, band_width_spec: int) -> None:
        """Give a gateway more peak bandwidth, in Mbit/s, for the rest of its subscription.

        Raises InvalidId.SMARTAG, InvalidParameter, SmartAccessGatewayArrearage.
        """
        gateway = self._paid_gateway(smart_ag_id)
        check_bandwidth("band_width_spec", band_width_spec)
        if band_width_spec <= gateway.max_bandwidth:
            raise _wrong_way(gateway, f"{band_width_spec} Mbit/s is no upgrade; downgrade_smart_access_gateway gives less")
        self._store.put(replace(gateway, max_bandwidth=band_width_spec))

    @operation
    def downgrade_smart_access_gateway(self, smart_ag_id: str, band_width_spec: int) -> None:
        """Give a gateway less peak bandwidth, in Mbit/s, for the rest of its subscription.

        Raises InvalidId.SMARTAG, InvalidParameter, SmartAccessGatewayArrearage.
        """
        gateway = self._paid_gateway(smart_ag_id)
        check_bandwidth("band_width_spec", band_width_spec)
        if band_width_spec >= gateway.max_bandwidth:
            raise _wrong_way(gateway, f"{band_width_spec} Mbit/s is no downgrade; upgrade_smart_access_gateway gives more")
        self._store.put(replace(gateway, max_bandwidth=band_width_spec))

    def _paid_gateway(self, smart_ag_id: str) -> SmartAccessGateway:
        gateway = self._get(SmartAccessGateway, smart_ag_id)
        if gateway.status == ARREARAGE:
            raise CloudError("SmartAccessGatewayArrearage", f"the subscription of '{smart_ag_id}' has ended; renew it first")
        return gateway


def _wrong_way(gateway: SmartAccessGateway, text: str) -> CloudError:
    return CloudError("InvalidParameter", f"the peak bandwidth of '{gateway.id}' is {gateway.max_bandwidth} Mbit/s, so {text}")
