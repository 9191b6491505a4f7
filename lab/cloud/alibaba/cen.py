"""Cloud Enterprise Networks: what is attached to one learns the routes of the rest (document 000…, step 3.3)."""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.alibaba.base import DEFAULT_REGION
from lab.cloud.alibaba.conflict import REDUCED, Conflicts
from lab.cloud.alibaba.name import CEN_NAME
from lab.cloud.alibaba.propagation import LearnedRoute, ccn_routes, cen_routes, vpc_routes
from lab.cloud.alibaba.resources import CCN, VPC, Cen, CenAttachment, CloudConnectNetwork, Vpc
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
        if protection_level not in PROTECTION_LEVELS:
            raise CloudError(
                "InvalidParameter", f"protection_level '{protection_level}' is none of {', '.join(PROTECTION_LEVELS)}"
            )
        cen_id = self._supply.alibaba_id("cen")
        self._store.put(Cen(id=cen_id, origin=self._origin(cen_id), name=name, protection_level=protection_level))
        if ccn_id is not None:
            network = self._get(CloudConnectNetwork, ccn_id)
            if network.cen_id is not None:
                raise CloudError("AlreadyBound.CEN", f"'{ccn_id}' is bound to {network.cen_id}; detach it first")
            self._attach_ccn(self._get(Cen, cen_id), network)
        return self._get(Cen, cen_id)

    @operation
    def delete_cen(self, cen_id: str) -> None:
        """Raises ParameterCenInstanceId, InvalidOperation.CenInstanceStatus while something is attached."""
        cen = self._get(Cen, cen_id)
        if cen.attachments:
            raise CloudError(
                "InvalidOperation.CenInstanceStatus",
                f"'{cen_id}' has {', '.join(cen.child_instance_ids)} attached; detach them first",
            )
        self._store.delete(cen)

    def describe_cens(self) -> tuple[Cen, ...]:
        return self._store.all(Cen)

    def describe_cen_region_domain_route_entries(self, cen_id: str) -> tuple[LearnedRoute, ...]:
        """The routes of a CEN, of all its regions. Raises ParameterCenInstanceId."""
        return cen_routes(self._store, self._get(Cen, cen_id).id)

    def describe_cen_child_instance_route_entries(
        self, cen_id: str, child_instance_id: str, child_instance_type: str
    ) -> tuple[LearnedRoute, ...]:
        """The routes that an attached network learns. Raises ParameterCenInstanceId, InvalidParameter, ParameterInstanceId."""
        child = self._child(child_instance_id, child_instance_type)
        if child.id not in self._get(Cen, cen_id).child_instance_ids:
            raise CloudError("ParameterInstanceId", f"'{child.id}' is not attached to {cen_id}")
        return vpc_routes(self._store, child.id) if isinstance(child, Vpc) else ccn_routes(self._store, child.id)

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
        child = self._child(child_instance_id, child_instance_type)
        if child.region_id != child_instance_region_id:
            raise CloudError(
                "ParameterInstanceId", f"'{child.id}' is in the region {child.region_id}, not in {child_instance_region_id}"
            )
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
        child = self._child(child_instance_id, child_instance_type)
        if child.region_id != child_instance_region_id:
            raise CloudError(
                "ParameterInstanceId", f"'{child.id}' is in the region {child.region_id}, not in {child_instance_region_id}"
            )
        self._detach(cen, child.id)

    def _child(self, child_instance_id: str, child_instance_type: str) -> Vpc | CloudConnectNetwork:
        """A network by its type. A gateway is none: what is bound to a CEN is its CCN (S0-053)."""
        if child_instance_type not in (CCN, VPC):
            raise CloudError("InvalidParameter", f"child_instance_type '{child_instance_type}' is neither {VPC} nor {CCN}")
        child = (
            self._store.find(Vpc, child_instance_id)
            if child_instance_type == VPC
            else self._store.find(CloudConnectNetwork, child_instance_id)
        )
        if child is None:
            raise CloudError("ParameterInstanceId", f"the {child_instance_type} '{child_instance_id}' does not exist")
        return child

    def _attach_ccn(self, cen: Cen, network: CloudConnectNetwork) -> None:
        self._attach(cen, network, CCN)
        self._store.put(replace(network, cen_id=cen.id, cen_origin=self._origin(network.id)))

    def _attach(self, cen: Cen, child: Vpc | CloudConnectNetwork, child_type: str) -> None:
        self._check_child(cen, child)
        attachment = CenAttachment(child.id, child_type, child.region_id, self._origin(cen.id))
        self._store.put(replace(cen, attachments=(*cen.attachments, attachment)))

    def _detach(self, cen: Cen, child_instance_id: str) -> None:
        others = tuple(it for it in cen.attachments if it.child_instance_id != child_instance_id)
        if len(others) == len(cen.attachments):
            raise CloudError("ParameterInstanceId", f"'{child_instance_id}' is not attached to {cen.id}")
        self._store.put(replace(cen, attachments=others))
        network = self._store.find(CloudConnectNetwork, child_instance_id)
        if network is not None:
            self._store.put(replace(network, cen_id=None, cen_origin=self._origin(network.id)))
