"""Bandwidth plans: what lets traffic of a CEN pass from one region to another (cbn 2017-09-12).

A plan is bought between two geographic regions, associated with a CEN, and shared out between pairs of regions. Two regions
without a share have no bandwidth, and nothing passes. A CCN reaches every region of its own area without a plan.
"""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.name import CEN_NAME
from lab.cloud.alibaba.region import GEOGRAPHIC_REGIONS, geographic_region_of
from lab.cloud.alibaba.resources import Cen, CenBandwidthPackage, InterRegionLimit
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# cbn 2017-09-12, CreateCenBandwidthPackage.
BANDWIDTHS = range(2, 10001)  # Mbit/s
PERIODS = {"Month": (1, 2, 3, 6), "Year": (1, 2, 3)}


class CenBandwidthPackageOperations(AlibabaBase):
    @operation
    def create_cen_bandwidth_package(
        self,
        bandwidth: int,
        geographic_region_a_id: str,
        geographic_region_b_id: str,
        *,
        name: str = "",
        period: int = 1,
        pricing_cycle: str = "Month",
        auto_pay: bool = True,
    ) -> CenBandwidthPackage:
        """Buy a plan of `bandwidth` Mbit/s between two geographic regions, or inside one.

        Raises InvalidName, InvalidParameter.
        """
        if name:
            CEN_NAME.check(name)
        for geographic_region in (geographic_region_a_id, geographic_region_b_id):
            if geographic_region not in GEOGRAPHIC_REGIONS:
                raise _invalid(f"the geographic region '{geographic_region}' is none of {', '.join(GEOGRAPHIC_REGIONS)}")
        if bandwidth not in BANDWIDTHS:
            raise _invalid(f"bandwidth {bandwidth} is not within 2 to 10000 Mbit/s")
        if period not in PERIODS.get(pricing_cycle, ()):
            raise _invalid(f"period {period} with pricing_cycle '{pricing_cycle}' is none of {PERIODS}")
        if not auto_pay:
            raise _invalid("auto_pay must be set: the lab has no page on which an order is paid later")
        package_id = self._supply.alibaba_id("cenbwp")
        origin = self._origin(package_id)
        package = CenBandwidthPackage(
            id=package_id,
            origin=origin,
            name=name,
            bandwidth=bandwidth,
            geographic_region_ids=_pair(geographic_region_a_id, geographic_region_b_id),
            period=period,
            pricing_cycle=pricing_cycle,
            cen_origin=origin,
        )
        self._store.put(package)
        return package

    @operation
    def delete_cen_bandwidth_package(self, cen_bandwidth_package_id: str) -> None:
        """Raises ParameterBwpInstanceId, InvalidOperation.BwpInstanceStatus while it is associated."""
        package = self._get(CenBandwidthPackage, cen_bandwidth_package_id)
        self._check_unassociated(package)
        self._store.delete(package)

    def describe_cen_bandwidth_packages(self, cen_id: str | None = None) -> tuple[CenBandwidthPackage, ...]:
        if cen_id is None:
            return self._store.all(CenBandwidthPackage)
        return self._store.by(CenBandwidthPackage, "cen_id", cen_id)

    @operation
    def associate_cen_bandwidth_package(self, cen_id: str, cen_bandwidth_package_id: str) -> None:
        """Give a plan to a CEN, which may have one for each pair of geographic regions.

        Raises ParameterCenInstanceId, ParameterBwpInstanceId, InvalidOperation.BwpInstanceStatus,
        InvalidOperation.BwpForGeoSpanAlreadyAssociated.
        """
        cen = self._get(Cen, cen_id)
        package = self._get(CenBandwidthPackage, cen_bandwidth_package_id)
        self._check_unassociated(package)
        for other in self._store.by(CenBandwidthPackage, "cen_id", cen.id):
            if other.geographic_region_ids == package.geographic_region_ids:
                raise CloudError(
                    "InvalidOperation.BwpForGeoSpanAlreadyAssociated",
                    f"{cen.id} has {other.id} between {' and '.join(other.geographic_region_ids)} already; unassociate it first",
                )
        self._store.put(replace(package, cen_id=cen.id, cen_origin=self._origin(package.id)))

    @operation
    def unassociate_cen_bandwidth_package(self, cen_id: str, cen_bandwidth_package_id: str) -> None:
        """Take a plan from a CEN, once nothing of it is shared out.

        Raises ParameterCenInstanceId, ParameterBwpInstanceId, InvalidOperation.BwpInstanceStatus,
        InvalidOperation.CenBandwidthLimitsNotZero.
        """
        cen = self._get(Cen, cen_id)
        package = self._get(CenBandwidthPackage, cen_bandwidth_package_id)
        if package.cen_id != cen.id:
            raise CloudError("InvalidOperation.BwpInstanceStatus", f"'{package.id}' is not associated with {cen.id}")
        shares = [limit for limit in cen.inter_region_limits if limit.cen_bandwidth_package_id == package.id]
        if shares:
            pairs = ", ".join(" and ".join(limit.region_ids) for limit in shares)
            raise CloudError(
                "InvalidOperation.CenBandwidthLimitsNotZero", f"'{package.id}' is shared out between {pairs}; set that to 0"
            )
        self._store.put(replace(package, cen_id=None, cen_origin=self._origin(package.id)))

    @operation
    def set_cen_inter_region_bandwidth_limit(
        self, cen_id: str, local_region_id: str, opposite_region_id: str, bandwidth_limit: int
    ) -> None:
        """Share out so many Mbit/s between two regions; 0 takes the share back.

        Raises ParameterCenInstanceId, InvalidRegionId.NotFound, InvalidParameter, InvalidOperation.NoBandwidthPackage,
        InvalidOperation.BandwidthLimitExceeded.
        """
        cen = self._get(Cen, cen_id)
        regions = _pair(self._region(local_region_id), self._region(opposite_region_id))
        if regions[0] == regions[1]:
            raise _invalid(f"both regions are {regions[0]}; inside a region no bandwidth is shared out")
        if bandwidth_limit < 0:
            raise _invalid(f"bandwidth_limit {bandwidth_limit} is below 0 Mbit/s")
        package = self._package_between(cen, regions)
        others = tuple(limit for limit in cen.inter_region_limits if limit.region_ids != regions)
        shared = sum(limit.bandwidth_limit for limit in others if limit.cen_bandwidth_package_id == package.id)
        if shared + bandwidth_limit > package.bandwidth:
            raise CloudError(
                "InvalidOperation.BandwidthLimitExceeded",
                f"{bandwidth_limit} Mbit/s is more than what '{package.id}' has left: {package.bandwidth - shared} Mbit/s",
            )
        limit = InterRegionLimit(regions, bandwidth_limit, package.id, self._origin(cen.id))
        self._store.put(replace(cen, inter_region_limits=(*others, limit) if bandwidth_limit else others))

    def describe_cen_inter_region_bandwidth_limits(self, cen_id: str) -> tuple[InterRegionLimit, ...]:
        """What is shared out in a CEN. Raises ParameterCenInstanceId."""
        return self._get(Cen, cen_id).inter_region_limits

    def _package_between(self, cen: Cen, regions: tuple[str, str]) -> CenBandwidthPackage:
        wanted = _pair(*(geographic_region_of(region) for region in regions))
        for package in self._store.by(CenBandwidthPackage, "cen_id", cen.id):
            if package.geographic_region_ids == wanted:
                return package
        raise CloudError(
            "InvalidOperation.NoBandwidthPackage",
            f"{cen.id} has no bandwidth plan between {' and '.join(wanted)}, for {' and '.join(regions)}; associate one first",
        )

    def _check_unassociated(self, package: CenBandwidthPackage) -> None:
        if package.cen_id is not None:
            raise CloudError(
                "InvalidOperation.BwpInstanceStatus", f"'{package.id}' is associated with {package.cen_id}; unassociate it first"
            )


def _pair(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first <= second else (second, first)


def _invalid(message: str) -> CloudError:
    return CloudError("InvalidParameter", message)
