"""Route tables and their routes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

from lab.cloud.addressing import Cidr
from lab.cloud.aws.base import exactly_one
from lab.cloud.aws.resources import (
    ACTIVE,
    LOCAL,
    Association,
    InternetGateway,
    Route,
    RouteTable,
    Subnet,
    Vpc,
)
from lab.cloud.aws.route import RouteStates
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# EC2, CreateRoute: this block and what lies in it serve the platform's own services.
RESERVED = IPv4Network("169.254.168.0/22")


class RouteTableOperations(RouteStates):
    @operation
    def create_route_table(self, vpc_id: str) -> RouteTable:
        """Create a route table with the local route alone. Raises InvalidVpcID.NotFound."""
        vpc = self._get(Vpc, vpc_id)
        table_id = self._supply.aws_id("rtb")
        origin = self._origin(table_id)
        local = Route(vpc.cidr_block, LOCAL, ACTIVE, origin, origin)
        table = RouteTable(id=table_id, origin=origin, vpc_id=vpc_id, main=False, routes=(local,))
        self._store.put(table)
        return table

    @operation
    def delete_route_table(self, route_table_id: str) -> None:
        """Raises InvalidRouteTableID.NotFound, DependencyViolation."""
        table = self._get(RouteTable, route_table_id)
        if table.main or table.associations:
            why = "it is the main route table" if table.main else f"it serves {', '.join(table.subnet_ids)}"
            raise CloudError(
                "DependencyViolation", f"the route table '{route_table_id}' has dependencies and cannot be deleted: {why}"
            )
        self._store.delete(table)

    def describe_route_tables(self, vpc_id: str | None = None) -> tuple[RouteTable, ...]:
        return self._store.all(RouteTable) if vpc_id is None else self._store.by(RouteTable, "vpc_id", vpc_id)

    def route_table_of(self, subnet_id: str) -> RouteTable:
        """The table that serves a subnet: the one it is associated with, or the main one. Raises InvalidSubnetID.NotFound."""
        subnet = self._get(Subnet, subnet_id)
        for table in self._store.by(RouteTable, "subnet_ids", subnet_id):
            return table
        return self._get(RouteTable, self._get(Vpc, subnet.vpc_id).main_route_table_id)

    @operation
    def associate_route_table(self, route_table_id: str, subnet_id: str) -> str:
        """Make a subnet use a route table instead of the main one. Returns the id of the association.

        Raises InvalidRouteTableID.NotFound, InvalidSubnetID.NotFound, InvalidParameterValue, Resource.AlreadyAssociated.
        """
        table = self._get(RouteTable, route_table_id)
        subnet = self._get(Subnet, subnet_id)
        if table.vpc_id != subnet.vpc_id:
            raise _different_networks(route_table_id, f"subnet {subnet_id}")
        for other in self._store.by(RouteTable, "subnet_ids", subnet_id):
            raise CloudError(
                "Resource.AlreadyAssociated",
                f"the subnet '{subnet_id}' is associated with {other.id}; disassociate it first",
            )
        association = Association(self._supply.aws_id("rtbassoc"), subnet_id, self._origin(route_table_id))
        self._store.put(replace(table, associations=(*table.associations, association)))
        return association.id

    @operation
    def disassociate_route_table(self, association_id: str) -> None:
        """Give a subnet back to the main route table. Raises InvalidAssociationID.NotFound."""
        for table in self._store.by(RouteTable, "association_ids", association_id):
            others = tuple(association for association in table.associations if association.id != association_id)
            self._store.put(replace(table, associations=others))
            return
        raise CloudError("InvalidAssociationID.NotFound", f"the association ID '{association_id}' does not exist")

    @operation
    def create_route(
        self,
        route_table_id: str,
        destination_cidr_block: Cidr,
        *,
        gateway_id: str | None = None,
        network_interface_id: str | None = None,
        instance_id: str | None = None,
    ) -> None:
        """Add a route to exactly one of an internet gateway, a network interface, or an instance's only interface.

        Raises InvalidRouteTableID.NotFound, InvalidParameterValue, RouteAlreadyExists, MissingParameter,
        InvalidParameterCombination, Gateway.NotAttached, InvalidInstanceID, and the NotFound code of the target.
        """
        table = self._get(RouteTable, route_table_id)
        destination = self._cidr(destination_cidr_block)
        if any(route.destination == destination for route in table.routes):
            raise CloudError(
                "RouteAlreadyExists",
                f"the route identified by {destination} already exists in {route_table_id}; use replace_route",
            )
        route = self._route(table, destination, gateway_id, network_interface_id, instance_id)
        self._store.put(replace(table, routes=(*table.routes, route)))

    @operation
    def replace_route(
        self,
        route_table_id: str,
        destination_cidr_block: Cidr,
        *,
        gateway_id: str | None = None,
        network_interface_id: str | None = None,
        instance_id: str | None = None,
    ) -> None:
        """Give an existing route another target.

        Raises InvalidRouteTableID.NotFound, InvalidRoute.NotFound, InvalidParameterValue and what create_route raises about the
        target.
        """
        table = self._get(RouteTable, route_table_id)
        old = self._existing(table, destination_cidr_block)
        new = self._route(table, old.destination, gateway_id, network_interface_id, instance_id)
        self._store.put(replace(table, routes=tuple(new if route is old else route for route in table.routes)))

    @operation
    def delete_route(self, route_table_id: str, destination_cidr_block: Cidr) -> None:
        """Raises InvalidRouteTableID.NotFound, InvalidRoute.NotFound, InvalidParameterValue."""
        table = self._get(RouteTable, route_table_id)
        old = self._existing(table, destination_cidr_block)
        self._store.put(replace(table, routes=tuple(route for route in table.routes if route is not old)))

    def _existing(self, table: RouteTable, destination_cidr_block: Cidr) -> Route:
        """The route that a call may change. Raises InvalidRoute.NotFound, InvalidParameterValue for the local one."""
        destination = self._cidr(destination_cidr_block)
        for route in table.routes:
            if route.destination == destination:
                if route.target == LOCAL:
                    raise CloudError("InvalidParameterValue", f"the local route {destination} of {table.id} cannot be changed")
                return route
        raise CloudError("InvalidRoute.NotFound", f"no route with destination {destination} in {table.id}")

    def _route(
        self,
        table: RouteTable,
        destination: IPv4Network,
        gateway_id: str | None,
        network_interface_id: str | None,
        instance_id: str | None,
    ) -> Route:
        if destination.subnet_of(RESERVED):
            raise CloudError("InvalidParameterValue", f"the destination {destination} lies in {RESERVED}, which AWS reserves")
        parameter, target = exactly_one(gateway_id=gateway_id, network_interface_id=network_interface_id, instance_id=instance_id)
        self._check_more_specific(table, destination, to_interface=parameter != "gateway_id")
        origin = self._origin(table.id)
        if parameter == "gateway_id":
            return Route(destination, self._attached_gateway(table, target), ACTIVE, origin, origin)
        interface = self._interface(parameter, target)
        if interface.vpc_id != table.vpc_id:
            raise _different_networks(table.id, f"interface {interface.id}")
        return Route(destination, interface.id, self._interface_state(interface), origin, origin)

    def _check_more_specific(self, table: RouteTable, destination: IPv4Network, *, to_interface: bool) -> None:
        """A route inside the VPC must be that of a whole subnet, and lead to a network interface."""
        vpc = self._get(Vpc, table.vpc_id)
        if not destination.subnet_of(vpc.cidr_block):
            return
        blocks = [subnet.cidr_block for subnet in self._store.by(Subnet, "vpc_id", vpc.id)]
        if not to_interface or destination not in blocks:
            raise CloudError(
                "InvalidParameterValue",
                f"the destination {destination} is more specific than the local route {vpc.cidr_block}: it must equal the "
                "CIDR of a whole subnet, and its target must be a network interface",
            )

    def _attached_gateway(self, table: RouteTable, gateway_id: str) -> str:
        gateway = self._get(InternetGateway, gateway_id)
        if gateway.vpc_id != table.vpc_id:
            raise CloudError(
                "Gateway.NotAttached",
                f"the internet gateway '{gateway_id}' is not attached to {table.vpc_id}, the VPC of {table.id}; attach it first",
            )
        return gateway.id


def _different_networks(route_table_id: str, other: str) -> CloudError:
    return CloudError("InvalidParameterValue", f"route table {route_table_id} and {other} belong to different networks")
