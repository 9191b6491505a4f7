"""People's own devices on the internet, nobody's cloud: laptops and phones with the SAG app, and the routers of homes."""

from __future__ import annotations

from lab.cloud.terminals.home_router import HomeRouterOperations
from lab.cloud.terminals.resources import HomeRouter, Terminal
from lab.cloud.terminals.terminal import TerminalOperations

__all__ = ["HomeRouter", "Terminal", "Terminals"]


class Terminals(TerminalOperations, HomeRouterOperations):
    """What people do with their devices. An extension of ours throughout: no provider has calls for it."""
