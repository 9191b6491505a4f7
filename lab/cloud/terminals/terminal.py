"""Terminals: what they are, and which network they are in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address

from lab.cloud.addressing import first_free
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation
from lab.cloud.terminals.base import TerminalsBase
from lab.cloud.terminals.resources import HomeRouter, Terminal

WIDTHS = (32, 64)


class TerminalOperations(TerminalsBase):
    @operation
    def create_terminal(
        self,
        name: str = "",
        *,
        platform: str = "Windows",
        os_version: str = "10",
        bits: int = 64,
        app_version: str = "2.3.0",
        edition: str = "standalone",
        administrator_password_required: bool = False,
        home_router_id: str | None = None,
    ) -> Terminal:
        """A device on the internet with a public address of its own, or behind a home router.

        It may be of any kind; whether the SAG app runs on it turns out when somebody logs on.
        Raises InvalidHomeRouterId.NotFound, InsufficientAddressCapacity, InvalidParameter.
        """
        _check_bits(bits)
        terminal_id = self._id("term")
        origin = self._origin(terminal_id)
        terminal = Terminal(
            id=terminal_id,
            origin=origin,
            name=name,
            platform=platform,
            os_version=os_version,
            bits=bits,
            app_version=app_version,
            edition=edition,
            administrator_password_required=administrator_password_required,
            address=self._address(home_router_id),
            home_router_id=home_router_id,
            network_origin=origin,
        )
        self._store.put(terminal)
        return terminal

    @operation
    def move_terminal(self, terminal_id: str, home_router_id: str | None = None) -> Terminal:
        """Take a device to another network: behind a home router, or, without one, to a public address, a new one each time.

        Raises InvalidTerminalId.NotFound, InvalidHomeRouterId.NotFound, InsufficientAddressCapacity.
        """
        terminal = self._get(Terminal, terminal_id)
        moved = replace(
            terminal,
            address=self._address(home_router_id),
            home_router_id=home_router_id,
            network_origin=self._origin(terminal_id),
        )
        self._store.put(moved)
        return moved

    @operation
    def modify_terminal(
        self,
        terminal_id: str,
        *,
        os_version: str | None = None,
        app_version: str | None = None,
        edition: str | None = None,
        administrator_password_required: bool | None = None,
    ) -> Terminal:
        """Install another version, or change the settings. What is running stays until it connects again.

        Raises InvalidTerminalId.NotFound.
        """
        terminal = self._get(Terminal, terminal_id)
        required = administrator_password_required
        changed = replace(
            terminal,
            os_version=terminal.os_version if os_version is None else os_version,
            app_version=terminal.app_version if app_version is None else app_version,
            edition=terminal.edition if edition is None else edition,
            administrator_password_required=terminal.administrator_password_required if required is None else required,
        )
        self._store.put(changed)
        return changed

    @operation
    def delete_terminal(self, terminal_id: str) -> None:
        """Throw a device away; who was logged on with it is so no longer. Raises InvalidTerminalId.NotFound."""
        self._store.delete(self._get(Terminal, terminal_id))
        self._state.watch_terminal(terminal_id)

    def describe_terminals(self) -> tuple[Terminal, ...]:
        return self._store.all(Terminal)

    def _address(self, home_router_id: str | None) -> IPv4Address:
        if home_router_id is None:
            return self._supply.public_address()
        router = self._get(HomeRouter, home_router_id)
        block = router.cidr_block
        reserved = frozenset((block[0], router.inner_address, block[-1]))
        address = first_free(block, 2, reserved, self._taken_behind(router))
        if address is None:
            raise CloudError("InsufficientAddressCapacity", f"all addresses of {block} behind '{router.id}' are in use")
        return address

    def _taken_behind(self, router: HomeRouter) -> Callable[[IPv4Address], bool]:
        return lambda address: self._store.count(Terminal, "place", (router.id, address)) > 0


def _check_bits(bits: int) -> None:
    if bits not in WIDTHS:
        raise CloudError("InvalidParameter", f"bits {bits} is none of {', '.join(map(str, WIDTHS))}")
