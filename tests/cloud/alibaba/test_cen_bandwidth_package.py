"""Bandwidth plans of a CEN, and how they are shared out between regions."""

from __future__ import annotations

import pytest

from lab.cloud.alibaba import Cen, CenBandwidthPackage
from lab.cloud.alibaba.region import REGIONS, geographic_region_of

SINGAPORE, TOKYO, MUMBAI, HANGZHOU, VIRGINIA = "ap-southeast-1", "ap-northeast-1", "ap-south-1", "cn-hangzhou", "us-east-1"


@pytest.fixture
def w(alibaba_world):
    w = alibaba_world
    w.buy = lambda a="Asia-Pacific", b="Asia-Pacific", bandwidth=10, **given: w.alibaba.create_cen_bandwidth_package(
        bandwidth, a, b, **given
    )
    w.associate = lambda plan, cen=w.cen: w.alibaba.associate_cen_bandwidth_package(cen, plan)
    w.loosen = lambda plan, cen=w.cen: w.alibaba.unassociate_cen_bandwidth_package(cen, plan)
    w.share = lambda a, b, limit, cen=w.cen: w.alibaba.set_cen_inter_region_bandwidth_limit(cen, a, b, limit)
    w.shares = lambda: {it.region_ids: it.bandwidth_limit for it in w.cloud.store.get(Cen, w.cen).inter_region_limits}
    return w


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        (HANGZHOU, "China"),
        ("cn-hongkong", "Asia-Pacific"),
        (SINGAPORE, "Asia-Pacific"),
        ("ap-southeast-2", "Australia"),
        ("eu-west-1", "Europe"),
        (VIRGINIA, "North-America"),
    ],
)
def test_geographic_regions(region, expected) -> None:
    assert region in REGIONS
    assert geographic_region_of(region) == expected


def test_a_plan_is_bought_associated_loosened_and_deleted(w) -> None:
    plan = w.buy("North-America", "China", bandwidth=5, name="plan", period=1, pricing_cycle="Year")
    assert (plan.bandwidth, plan.geographic_region_ids, plan.cen_id) == (5, ("China", "North-America"), None)
    w.associate(plan.id)
    assert w.alibaba.describe_cen_bandwidth_packages(w.cen)[0].cen_id == w.cen
    w.loosen(plan.id)
    loose = w.cloud.store.get(CenBandwidthPackage, plan.id)
    assert (loose.cen_id, loose.cen_origin.operation) == (None, "alibaba.unassociate_cen_bandwidth_package")
    w.alibaba.delete_cen_bandwidth_package(plan.id)
    assert w.alibaba.describe_cen_bandwidth_packages() == ()


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        pytest.param([(SINGAPORE, TOKYO, 10)], {(TOKYO, SINGAPORE): 10}, id="all of it"),
        pytest.param([(TOKYO, SINGAPORE, 4)], {(TOKYO, SINGAPORE): 4}, id="in the other order"),
        pytest.param([(SINGAPORE, TOKYO, 4), (SINGAPORE, TOKYO, 9)], {(TOKYO, SINGAPORE): 9}, id="changed"),
        pytest.param([(SINGAPORE, TOKYO, 4), (SINGAPORE, TOKYO, 0)], {}, id="taken back"),
        pytest.param(
            [(SINGAPORE, TOKYO, 4), (SINGAPORE, MUMBAI, 6)],
            {(TOKYO, SINGAPORE): 4, (MUMBAI, SINGAPORE): 6},
            id="between two pairs",
        ),
    ],
)
def test_a_plan_is_shared_out(w, shares, expected) -> None:
    w.associate(w.buy().id)
    for share in shares:
        w.share(*share)
    assert w.shares() == expected
    assert [it.origin.resource for it in w.alibaba.describe_cen_inter_region_bandwidth_limits(w.cen)] == [w.cen] * len(expected)


def test_plans_between_different_geographic_regions_live_in_one_cen(w) -> None:
    for ends in (("Asia-Pacific", "Asia-Pacific"), ("Asia-Pacific", "China")):
        w.associate(w.buy(*ends).id)
    w.share(SINGAPORE, TOKYO, 10)
    w.share(SINGAPORE, HANGZHOU, 10)
    assert len(w.shares()) == 2


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda w: w.buy(bandwidth=1), "InvalidParameter", id="1 Mbit/s"),
        pytest.param(lambda w: w.buy(bandwidth=10001), "InvalidParameter", id="10001 Mbit/s"),
        pytest.param(lambda w: w.buy("Asia"), "InvalidParameter", id="geographic region"),
        pytest.param(lambda w: w.buy(period=4), "InvalidParameter", id="4 months"),
        pytest.param(lambda w: w.buy(pricing_cycle="Week"), "InvalidParameter", id="cycle"),
        pytest.param(lambda w: w.buy(name="1"), "InvalidName", id="name"),
        pytest.param(lambda w: w.buy(auto_pay=False), "InvalidParameter", id="unpaid"),
        pytest.param(lambda w: w.alibaba.delete_cen_bandwidth_package("cenbwp-0"), "ParameterBwpInstanceId", id="delete unknown"),
        pytest.param(
            lambda w: w.alibaba.delete_cen_bandwidth_package(w.used), "InvalidOperation.BwpInstanceStatus", id="delete in use"
        ),
        pytest.param(lambda w: w.associate("cenbwp-0"), "ParameterBwpInstanceId", id="associate unknown"),
        pytest.param(lambda w: w.associate(w.spare_plan, "cen-0"), "ParameterCenInstanceId", id="associate with unknown"),
        pytest.param(lambda w: w.associate(w.used, w.other_cen), "InvalidOperation.BwpInstanceStatus", id="associate in use"),
        pytest.param(
            lambda w: w.associate(w.spare_plan), "InvalidOperation.BwpForGeoSpanAlreadyAssociated", id="a second of one kind"
        ),
        pytest.param(lambda w: w.loosen(w.spare_plan), "InvalidOperation.BwpInstanceStatus", id="loosen what is loose"),
        pytest.param(lambda w: w.loosen(w.used), "InvalidOperation.CenBandwidthLimitsNotZero", id="loosen what is shared out"),
        pytest.param(lambda w: w.share(SINGAPORE, "mars", 1), "InvalidRegionId.NotFound", id="region"),
        pytest.param(lambda w: w.share(SINGAPORE, SINGAPORE, 1), "InvalidParameter", id="inside a region"),
        pytest.param(lambda w: w.share(SINGAPORE, TOKYO, -1), "InvalidParameter", id="below 0"),
        pytest.param(lambda w: w.share(SINGAPORE, TOKYO, 1, "cen-0"), "ParameterCenInstanceId", id="unknown cen"),
        pytest.param(lambda w: w.share(SINGAPORE, VIRGINIA, 1), "InvalidOperation.NoBandwidthPackage", id="no plan there"),
        pytest.param(lambda w: w.share(SINGAPORE, TOKYO, 11), "InvalidOperation.BandwidthLimitExceeded", id="more than bought"),
        pytest.param(lambda w: w.share(SINGAPORE, TOKYO, 5), "InvalidOperation.BandwidthLimitExceeded", id="more than is left"),
        pytest.param(lambda w: w.alibaba.delete_cen(w.cen), "InvalidOperation.CenInstanceStatus", id="delete cen with a plan"),
    ],
)
def test_refused(w, refused, call, code) -> None:
    w.used, w.spare_plan = w.buy().id, w.buy().id
    w.associate(w.used)
    w.share(SINGAPORE, MUMBAI, 6)
    refused(w.cloud, lambda: call(w), code)
