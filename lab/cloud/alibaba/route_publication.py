"""Publishing a VPC's routes to its CEN, taking them back, and seeing what conflicts (cbn 2017-09-12).

A VPC's own block is published by its attachment; custom routes, to an ECS instance or a network interface, are not until a
customer publishes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from lab.cloud.addressing import Cidr, parse_cidr
from lab.cloud.alibaba.cen import CenOperations
from lab.cloud.alibaba.propagation import RouteStatus, offered
from lab.cloud.alibaba.resources import VPC, Cen, CenAttachment, RouteTable, Vpc
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation
from lab.origin import Origin

SYSTEM = "System"
CUSTOM = "Custom"


@dataclass(frozen=True, slots=True)
class PublishedRoute:
    """A route of an attached VPC. `route_type` is "System" or "Custom", `publish_status` "Published" or "NonPublished"."""

    destination: IPv4Network
    route_type: str
    next_hop_id: str
    publish_status: str


@dataclass(frozen=True, slots=True)
class RouteConflict:
    """A route that a network is offered and cannot take: whose it is, and why ("conflict", "overflow", "prohibited")."""

    destination: IPv4Network
    instance_id: str
    instance_type: str
    region_id: str
    status: RouteStatus


class RoutePublicationOperations(CenOperations):
    @operation
    def publish_route_entries(
        self,
        cen_id: str,
        child_instance_id: str,
        child_instance_type: str,
        child_instance_region_id: str,
        child_instance_route_table_id: str,
        destination_cidr_block: Cidr,
    ) -> None:
        """Publish a route of an attached "VPC". What is published already stays so.

        Raises ParameterCenInstanceId, InvalidParameter, ParameterInstanceId, InvalidRouteTableId.NotFound,
        InvalidCidrBlock.Malformed, InvalidRouteEntry.NotFound.
        """
        cen = self._get(Cen, cen_id)
        table = self._table(cen, child_instance_id, child_instance_type, child_instance_region_id, child_instance_route_table_id)
        self._set_published(cen, table, parse_cidr(destination_cidr_block, "InvalidCidrBlock.Malformed"), published=True)

    @operation
    def withdraw_published_route_entries(
        self,
        cen_id: str,
        child_instance_id: str,
        child_instance_type: str,
        child_instance_region_id: str,
        child_instance_route_table_id: str,
        destination_cidr_block: Cidr,
    ) -> None:
        """Take a published route back, the VPC's own block included. Raises what publish_route_entries does."""
        cen = self._get(Cen, cen_id)
        table = self._table(cen, child_instance_id, child_instance_type, child_instance_region_id, child_instance_route_table_id)
        self._set_published(cen, table, parse_cidr(destination_cidr_block, "InvalidCidrBlock.Malformed"), published=False)

    def describe_published_route_entries(
        self,
        cen_id: str,
        child_instance_id: str,
        child_instance_type: str,
        child_instance_region_id: str,
        child_instance_route_table_id: str,
    ) -> tuple[PublishedRoute, ...]:
        """The routes of an attached VPC, and whether they are published. Raises what publish_route_entries does."""
        cen = self._get(Cen, cen_id)
        table = self._table(cen, child_instance_id, child_instance_type, child_instance_region_id, child_instance_route_table_id)
        own = self._get(Vpc, table.vpc_id).cidr_block
        attachment = _attachment(cen, table.vpc_id)
        custom = (
            PublishedRoute(route.destination, CUSTOM, route.next_hop_id, _spoken(route.publish_origin)) for route in table.routes
        )
        return (PublishedRoute(own, SYSTEM, "", _spoken(attachment.publish_origin)), *custom)

    def describe_route_conflict(
        self, child_instance_id: str, child_instance_type: str, child_instance_region_id: str
    ) -> tuple[RouteConflict, ...]:
        """The routes that a network in a CEN is offered and cannot take. Raises InvalidParameter, ParameterInstanceId."""
        child = self._child(child_instance_id, child_instance_type, child_instance_region_id)
        return tuple(
            RouteConflict(
                route.destination, route.next_hop_id, route.next_hop_type, self._region_of(route.child_instance_id), route.status
            )
            for route in offered(self._store, child)
            if route.status is not RouteStatus.ACTIVE
        )

    def _region_of(self, child_instance_id: str) -> str:
        for cen in self._store.by(Cen, "child_instance_ids", child_instance_id):
            return _attachment(cen, child_instance_id).child_instance_region_id
        return ""

    def _table(self, cen: Cen, child_id: str, child_type: str, region_id: str, route_table_id: str) -> RouteTable:
        """The route table of an attached VPC. A CCN has none."""
        if child_type != VPC:
            raise CloudError("InvalidParameter", f"child_instance_type '{child_type}' is not {VPC}: a CCN has no route table")
        child = self._attached(cen, child_id, child_type, region_id)
        table = self._get(RouteTable, route_table_id)
        if table.vpc_id != child.id:
            raise CloudError(RouteTable.NOT_FOUND, f"the route table '{table.id}' is that of {table.vpc_id}, not of {child.id}")
        return table

    def _set_published(self, cen: Cen, table: RouteTable, destination: IPv4Network, *, published: bool) -> None:
        if destination == self._get(Vpc, table.vpc_id).cidr_block:
            old = _attachment(cen, table.vpc_id)
            new = replace(old, publish_origin=self._published(old.publish_origin, cen.id, published))
            attachments = tuple(new if attachment is old else attachment for attachment in cen.attachments)
            self._store.put(replace(cen, attachments=attachments))
            return
        entry = next((route for route in table.routes if route.destination == destination), None)
        if entry is None:
            raise CloudError("InvalidRouteEntry.NotFound", f"there is no route to {destination} in {table.id} to publish")
        changed = replace(entry, publish_origin=self._published(entry.publish_origin, table.id, published))
        self._store.put(replace(table, routes=tuple(changed if route is entry else route for route in table.routes)))

    def _published(self, before: Origin | None, resource: str, published: bool) -> Origin | None:
        if not published:
            return None
        return before or self._origin(resource)


def _attachment(cen: Cen, child_instance_id: str) -> CenAttachment:
    return next(it for it in cen.attachments if it.child_instance_id == child_instance_id)


def _spoken(publish_origin: Origin | None) -> str:
    return "NonPublished" if publish_origin is None else "Published"
