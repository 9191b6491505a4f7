"""Cloud Enterprise Networks: what is attached to one learns the routes of the rest (document 000…, step 3.3)."""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.alibaba.base import DEFAULT_REGION
from lab.cloud.alibaba.conflict import REDUCED, Conflicts
from lab.cloud.alibaba.name import CEN_NAME
from lab.cloud.alibaba.private_zone import routes_of
from lab.cloud.alibaba.propagation import LearnedRoute, announced, offered
from lab.cloud.alibaba.resources import (
    CCN,
    VPC,
    Cen,
    CenAttachment,
    CenBandwidthPackage,
    CloudConnectNetwork,
    RouteTable,
    Vpc,
)
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

PROTECTION_LEVELS = (REDUCED, "FULL")


class CenOperations(Conflicts):
    @operation
    def create_cen(self, name: str = "", protection_level: str = REDUCED, ccn_id: str | None = None) -> Cen:
        """Create a CEN and, with `ccn_id`, bind that CCN to it in one act, as the console's Create CEN does (step 3.3.3).

        `ccn_id` is an extension of ours; the provider's API needs two calls. With REDUCED, blocks in the CEN may overlap but not
        be equal; with FULL they may not overlap.
        Raises InvalidName, InvalidParameter, InvalidId.CCN, AlreadyBound.CEN; then neither is done.
        """
        if name:
            CEN_NAME.check(name)
        _check_level(protection_level)
        cen_id = self._supply.alibaba_id("cen")
        self._store.put(Cen(id=cen_id, origin=self._origin(cen_id), name=name, protection_level=protection_level))
        if ccn_id is not None:
            network = self._get(CloudConnectNetwork, ccn_id)
            if network.cen_id is not None:
                raise CloudError("AlreadyBound.CEN", f"'{ccn_id}' is bound to {network.cen_id}; detach it first")
            self._attach_ccn(self._get(Cen, cen_id), network)
        return self._get(Cen, cen_id)

    @operation
    def modify_cen_attribute(self, cen_id: str, *, name: str | None = None, protection_level: str | None = None) -> None:
        """Name a CEN, or set its protection level; FULL is refused while blocks in the CEN overlap.

        Raises ParameterCenInstanceId, InvalidName, InvalidParameter, CidrConflict.
        """
        cen = self._get(Cen, cen_id)
        if name is not None:
            CEN_NAME.check(name)
            cen = replace(cen, name=name)
        if protection_level is not None:
            _check_level(protection_level)
            cen = replace(cen, protection_level=protection_level)
            self._check_children(cen)
        self._store.put(cen)

    @operation
    def delete_cen(self, cen_id: str) -> None:
        """Raises ParameterCenInstanceId, InvalidOperation.CenInstanceStatus while something is attached or associated."""
        cen = self._get(Cen, cen_id)
        used = [*cen.child_instance_ids, *(plan.id for plan in self._store.by(CenBandwidthPackage, "cen_id", cen_id))]
        if used:
            raise CloudError("InvalidOperation.CenInstanceStatus", f"'{cen_id}' has {', '.join(used)}; detach them first")
        self._store.delete(cen)

    def describe_cens(self) -> tuple[Cen, ...]:
        return self._store.all(Cen)

    def describe_cen_region_domain_route_entries(self, cen_id: str) -> tuple[LearnedRoute, ...]:
        """The routes of a CEN, of all its regions, with those that lost to another. Raises ParameterCenInstanceId."""
        return announced(self._store, self._get(Cen, cen_id))

    def describe_cen_child_instance_route_entries(
        self, cen_id: str, child_instance_id: str, child_instance_type: str
    ) -> tuple[LearnedRoute, ...]:
        """The routes that an attached network learns, with those it cannot take.

        Raises ParameterCenInstanceId, InvalidParameter, ParameterInstanceId.
        """
        return offered(self._store, self._attached(self._get(Cen, cen_id), child_instance_id, child_instance_type))

    @operation
    def attach_cen_child_instance(
        self,
        cen_id: str,
        child_instance_id: str,
        child_instance_type: str,
        child_instance_region_id: str = DEFAULT_REGION,
    ) -> None:
        """Attach a "VPC" or a "CCN" (document 000…, step 3.3.4).

        Raises ParameterCenInstanceId, InvalidParameter, ParameterInstanceId, InvalidOperation.ChildInstanceAlreadyAttached,
        CidrConflict.
        """
        cen = self._get(Cen, cen_id)
        child = self._child(child_instance_id, child_instance_type, child_instance_region_id)
        for other in self._store.by(Cen, "child_instance_ids", child.id):
            raise CloudError(
                "InvalidOperation.ChildInstanceAlreadyAttached", f"'{child.id}' is attached to {other.id}; detach it first"
            )
        if isinstance(child, CloudConnectNetwork):
            self._attach_ccn(cen, child)
        else:
            self._attach(cen, child, VPC)

    @operation
    def detach_cen_child_instance(
        self,
        cen_id: str,
        child_instance_id: str,
        child_instance_type: str,
        child_instance_region_id: str = DEFAULT_REGION,
    ) -> None:
        """Raises ParameterCenInstanceId, InvalidParameter, ParameterInstanceId."""
        cen = self._get(Cen, cen_id)
        child = self._child(child_instance_id, child_instance_type, child_instance_region_id)
        self._detach(cen, child.id)

    def _child(self, child_instance_id: str, child_instance_type: str, region_id: str | None = None) -> Vpc | CloudConnectNetwork:
        """A network by its type, and region if given. A gateway is none: what is bound to a CEN is its CCN (S0-053)."""
        if child_instance_type not in (CCN, VPC):
            raise CloudError("InvalidParameter", f"child_instance_type '{child_instance_type}' is neither {VPC} nor {CCN}")
        child = (
            self._store.find(Vpc, child_instance_id)
            if child_instance_type == VPC
            else self._store.find(CloudConnectNetwork, child_instance_id)
        )
        if child is None:
            raise CloudError("ParameterInstanceId", f"the {child_instance_type} '{child_instance_id}' does not exist")
        if region_id is not None and child.region_id != region_id:
            raise CloudError("ParameterInstanceId", f"'{child.id}' is in the region {child.region_id}, not in {region_id}")
        return child

    def _attached(
        self, cen: Cen, child_instance_id: str, child_instance_type: str, region_id: str | None = None
    ) -> Vpc | CloudConnectNetwork:
        """A network that is attached to a CEN."""
        child = self._child(child_instance_id, child_instance_type, region_id)
        if child.id not in cen.child_instance_ids:
            raise CloudError("ParameterInstanceId", f"'{child.id}' is not attached to {cen.id}")
        return child

    def _attach_ccn(self, cen: Cen, network: CloudConnectNetwork) -> None:
        self._attach(cen, network, CCN)
        self._store.put(replace(network, cen_id=cen.id, cen_origin=self._origin(network.id)))

    def _attach(self, cen: Cen, child: Vpc | CloudConnectNetwork, child_type: str) -> None:
        self._check_child(cen, child)
        origin = self._origin(cen.id)
        attachment = CenAttachment(child.id, child_type, child.region_id, origin, publish_origin=origin)
        self._store.put(replace(cen, attachments=(*cen.attachments, attachment)))

    def _detach(self, cen: Cen, child_instance_id: str) -> None:
        others = tuple(it for it in cen.attachments if it.child_instance_id != child_instance_id)
        if len(others) == len(cen.attachments):
            raise CloudError("ParameterInstanceId", f"'{child_instance_id}' is not attached to {cen.id}")
        self._store.put(replace(cen, attachments=others))
        for route in routes_of(self._store, cen.id):
            if route.host_vpc_id == child_instance_id:
                self._store.delete(route)
        network = self._store.find(CloudConnectNetwork, child_instance_id)
        if network is not None:
            self._store.put(replace(network, cen_id=None, cen_origin=self._origin(network.id)))
        for table in self._store.by(RouteTable, "vpc_id", child_instance_id):
            self._store.put(replace(table, routes=tuple(replace(route, publish_origin=None) for route in table.routes)))


def _check_level(protection_level: str) -> None:
    if protection_level not in PROTECTION_LEVELS:
        raise CloudError("InvalidParameter", f"protection_level '{protection_level}' is none of {', '.join(PROTECTION_LEVELS)}")
