"""Application acceleration plans (document, 3.3): what an instance needs before its accounts have a maximum for acceleration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from lab.cloud.alibaba.app.client_user import ClientUserOperations
from lab.cloud.alibaba.app.form import check_bandwidth
from lab.cloud.alibaba.app.resources import MOST_BANDWIDTH, SagApp
from lab.cloud.alibaba.base import DEFAULT_REGION
from lab.cloud.alibaba.region import area_of
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation
from lab.cloud.record import Record


@dataclass(frozen=True, kw_only=True)
class AccelerationPlan(Record):
    """A plan of one area, for any number of its instances."""

    NOUN: ClassVar[str] = "application acceleration plan"
    NOT_FOUND: ClassVar[str] = "AccelerationPlan.NotExist"

    name: str
    region_id: str

    @property
    def area(self) -> str:
        return area_of(self.region_id)


class AccelerationPlanOperations(ClientUserOperations):
    @operation
    def create_acceleration_plan(self, region_id: str = DEFAULT_REGION, *, name: str = "") -> AccelerationPlan:
        """Purchase a plan for the instances of an area. An extension of ours: the document points to another one for it.

        Raises InvalidRegionId.NotFound.
        """
        plan_id = self._supply.alibaba_id("qos")
        plan = AccelerationPlan(id=plan_id, origin=self._origin(plan_id), name=name, region_id=self._region(region_id))
        self._store.put(plan)
        return plan

    @operation
    def associate_acceleration_plan(
        self, acceleration_plan_id: str, smart_ag_id: str, *, user_name: str | None = None, bandwidth: int | None = None
    ) -> None:
        """Associate (3.3 b): a plan with an instance, all of it, and at once give one of its accounts a maximum, in Kbit/s.

        Raises AccelerationPlan.NotExist, InvalidId.SMARTAG, AccelerationPlan.OtherArea, AccelerationPlan.AlreadyAssociated,
        ClientUser.NotExist, ClientUser.BandwidthInvalid, InvalidParameter for an account without a maximum, or the reverse.
        """
        plan, instance = self._get(AccelerationPlan, acceleration_plan_id), self._get(SagApp, smart_ag_id)
        if plan.area != instance.area:
            raise CloudError(
                "AccelerationPlan.OtherArea",
                f"'{plan.id}' is for {plan.area}, and '{instance.id}' is in {instance.area}; purchase a plan there first",
            )
        if instance.acceleration_plan_id is not None:
            raise CloudError(
                "AccelerationPlan.AlreadyAssociated", f"'{instance.id}' has the plan '{instance.acceleration_plan_id}' already"
            )
        if (user_name is None) != (bandwidth is None):
            raise CloudError("InvalidParameter", "user_name and bandwidth belong together; give both, or neither")
        self._store.put(replace(instance, acceleration_plan_id=plan.id))
        if user_name is not None and bandwidth is not None:
            check_bandwidth(bandwidth, MOST_BANDWIDTH)
            self._store.put(replace(self._user(instance.id, user_name), acceleration_bandwidth=bandwidth))

    def describe_acceleration_plans(self, region_id: str = DEFAULT_REGION) -> tuple[AccelerationPlan, ...]:
        """The plans that an instance of a region may be associated with. Raises InvalidRegionId.NotFound."""
        area = area_of(self._region(region_id))
        return tuple(plan for plan in self._own(self._store.all(AccelerationPlan)) if plan.area == area)
