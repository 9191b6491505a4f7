"""Home routers: many terminals behind one public address."""

from __future__ import annotations

from lab.cloud.addressing import Cidr, parse_cidr
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation
from lab.cloud.terminals.base import TerminalsBase
from lab.cloud.terminals.resources import HomeRouter, Terminal

# Our choice: none of the blocks that the documents' examples number clients or clouds from.
DEFAULT_BLOCK = "192.168.178.0/24"
LONGEST_PREFIX = 30  # the router itself and one terminal


class HomeRouterOperations(TerminalsBase):
    @operation
    def create_home_router(self, name: str = "", cidr_block: Cidr = DEFAULT_BLOCK) -> HomeRouter:
        """A router with a public address of its own; homes may all use the same block. Raises InvalidCidrBlock."""
        block = parse_cidr(cidr_block, "InvalidCidrBlock")
        if block.prefixlen > LONGEST_PREFIX:
            raise CloudError("InvalidCidrBlock", f"{block} has no room for a router and a terminal; take a /{LONGEST_PREFIX}")
        router_id = self._id("rtr")
        router = HomeRouter(
            id=router_id,
            origin=self._origin(router_id),
            name=name,
            public_ip_address=self._supply.public_address(),
            cidr_block=block,
        )
        self._store.put(router)
        return router

    @operation
    def delete_home_router(self, home_router_id: str) -> None:
        """Raises InvalidHomeRouterId.NotFound, DependencyViolation while terminals are behind it."""
        router = self._get(HomeRouter, home_router_id)
        behind = self._store.by(Terminal, "home_router_id", home_router_id)
        if behind:
            named = ", ".join(terminal.id for terminal in behind)
            raise CloudError("DependencyViolation", f"'{home_router_id}' has {named} behind it; move or delete them first")
        self._store.delete(router)

    def describe_home_routers(self) -> tuple[HomeRouter, ...]:
        return self._store.all(HomeRouter)
