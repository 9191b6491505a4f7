"""What happens to routes when their target comes and goes."""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.aws.base import AwsBase
from lab.cloud.aws.resources import ACTIVE, BLACKHOLE, RUNNING, Instance, NetworkInterface, Route, RouteTable


class RouteStates(AwsBase):
    def _settle_routes(self, target: str, vpc_id: str, state: str) -> None:
        """Give every route of a VPC to `target` the state it now has. A route whose target is gone stays, as a blackhole."""
        for table in self._store.by(RouteTable, "targets", target):
            if table.vpc_id != vpc_id:
                continue
            routes = tuple(self._settled(table, route, target, state) for route in table.routes)
            if routes != table.routes:
                self._store.put(replace(table, routes=routes))

    def _settle_interface_routes(self, interface: NetworkInterface) -> None:
        self._settle_routes(interface.id, interface.vpc_id, self._interface_state(interface))

    def _interface_state(self, interface: NetworkInterface) -> str:
        """A route to a network interface is active while a running instance has it."""
        if interface.instance_id is None:
            return BLACKHOLE
        return ACTIVE if self._get(Instance, interface.instance_id).state == RUNNING else BLACKHOLE

    def _settled(self, table: RouteTable, route: Route, target: str, state: str) -> Route:
        if route.target != target or route.state == state:
            return route
        return replace(route, state=state, state_origin=self._origin(table.id))
