"""A gateway's peak bandwidth, changed after it was bought."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.cloud import Cloud, CloudError
from lab.cloud.alibaba import SmartAccessGateway

Refused = Callable[[Cloud, Callable[[], object], str], CloudError]


def buy(cloud: Cloud, bandwidth: int = 100) -> str:
    return str(cloud.alibaba.create_smart_access_gateway(max_bandwidth=bandwidth).smart_ag_id)


def bandwidth(cloud: Cloud, smart_ag_id: str) -> int:
    return cloud.store.get(SmartAccessGateway, smart_ag_id).max_bandwidth


def test_it_is_raised_and_lowered(cloud: Cloud) -> None:
    sag = buy(cloud)
    cloud.alibaba.upgrade_smart_access_gateway(sag, 300)
    assert bandwidth(cloud, sag) == 300
    cloud.alibaba.downgrade_smart_access_gateway(sag, 10)
    assert bandwidth(cloud, sag) == 10



@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda c, sag: c.alibaba.upgrade_smart_access_gateway(sag, 100), "InvalidParameter", id="no more"),
        pytest.param(lambda c, sag: c.alibaba.downgrade_smart_access_gateway(sag, 100), "InvalidParameter", id="no less"),
        pytest.param(lambda c, sag: c.alibaba.upgrade_smart_access_gateway(sag, 50), "InvalidParameter", id="less by upgrading"),
        pytest.param(lambda c, sag: c.alibaba.upgrade_smart_access_gateway(sag, 1001), "InvalidParameter", id="too much"),
        pytest.param(lambda c, sag: c.alibaba.downgrade_smart_access_gateway(sag, 9), "InvalidParameter", id="too little"),
        pytest.param(lambda c, _: c.alibaba.upgrade_smart_access_gateway("sag-0", 200), "InvalidId.SMARTAG", id="no gateway"),
        pytest.param(lambda c, _: c.alibaba.downgrade_smart_access_gateway("sag-0", 10), "InvalidId.SMARTAG", id="none to lower"),
    ],
)
def test_refused(cloud: Cloud, refused: Refused, call: Callable[[Cloud, str], object], code: str) -> None:
    sag = buy(cloud)
    refused(cloud, lambda: call(cloud, sag), code)
    assert bandwidth(cloud, sag) == 100


def test_not_in_arrears(cloud: Cloud, refused: Refused) -> None:
    sag = buy(cloud)
    cloud.clock.move_forward(months=1)
    refused(cloud, lambda: cloud.alibaba.upgrade_smart_access_gateway(sag, 200), "SmartAccessGatewayArrearage")
