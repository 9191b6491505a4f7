"""The custom entries of a VPC's route table."""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.addressing import Cidr, parse_cidr
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.resources import Instance, NetworkInterface, RouteEntry, RouteTable, VSwitch
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

INSTANCE = "Instance"
NETWORK_INTERFACE = "NetworkInterface"


class RouteTableOperations(AlibabaBase):
    @operation
    def create_route_entry(self, route_table_id: str, destination_cidr_block: Cidr, next_hop_type: str, next_hop_id: str) -> None:
        """Add a route to an ECS "Instance" or a "NetworkInterface" of the VPC. The CEN does not know it until it is published.

        Raises InvalidRouteTableId.NotFound, InvalidCidrBlock.Malformed, InvalidNextHopType.NotSupport, InvalidNexthop.NotFound,
        RouterEntryConflict.Duplicated.
        """
        table = self._get(RouteTable, route_table_id)
        destination = parse_cidr(destination_cidr_block, "InvalidCidrBlock.Malformed")
        self._check_next_hop(table, next_hop_type, next_hop_id)
        taken = [route.destination for route in table.routes]
        taken += [switch.cidr_block for switch in self._store.by(VSwitch, "vpc_id", table.vpc_id)]
        if destination in taken:
            raise CloudError(
                "RouterEntryConflict.Duplicated", f"a route to {destination} exists in {route_table_id}; delete it first"
            )
        entry = RouteEntry(destination, next_hop_type, next_hop_id, self._origin(route_table_id))
        self._store.put(replace(table, routes=(*table.routes, entry)))

    @operation
    def delete_route_entry(self, route_table_id: str, destination_cidr_block: Cidr) -> None:
        """Raises InvalidRouteTableId.NotFound, InvalidCidrBlock.Malformed, InvalidRouteEntry.NotFound."""
        table = self._get(RouteTable, route_table_id)
        destination = parse_cidr(destination_cidr_block, "InvalidCidrBlock.Malformed")
        others = tuple(route for route in table.routes if route.destination != destination)
        if len(others) == len(table.routes):
            raise CloudError("InvalidRouteEntry.NotFound", f"no custom route to {destination} in {route_table_id}")
        self._store.put(replace(table, routes=others))

    def _check_next_hop(self, table: RouteTable, next_hop_type: str, next_hop_id: str) -> None:
        if next_hop_type not in (INSTANCE, NETWORK_INTERFACE):
            raise CloudError(
                "InvalidNextHopType.NotSupport",
                f"the next hop type '{next_hop_type}' is neither {INSTANCE} nor {NETWORK_INTERFACE}",
            )
        interface_id = next_hop_id
        if next_hop_type == INSTANCE:
            instance = self._store.find(Instance, next_hop_id)
            interface_id = instance.network_interface_ids[0] if instance is not None else ""
        interface = self._store.find(NetworkInterface, interface_id)
        if interface is None or interface.vpc_id != table.vpc_id:
            raise CloudError("InvalidNexthop.NotFound", f"there is no {next_hop_type} '{next_hop_id}' in {table.vpc_id}")
