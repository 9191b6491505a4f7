"""Which gateway is to be diagnosed."""

from __future__ import annotations

from lab.cloud import Cloud
from lab.cloud.alibaba.resources import SmartAccessGateway
from lab.errors import UsageError


def find_gateway(cloud: Cloud, named: str) -> SmartAccessGateway:
    """A gateway by its id or name; the only one when `named` is empty. Raises UsageError with those there are."""
    gateways = cloud.store.all(SmartAccessGateway)
    found = [gateway for gateway in gateways if named in (gateway.id, gateway.name)] if named else list(gateways)
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"{gateway.id} ({gateway.name})" if gateway.name else gateway.id for gateway in gateways) or "none"
    if not named:
        raise UsageError(f"say which gateway is meant; there are: {there}")
    raise UsageError(f"{'several gateways are' if found else 'no gateway is'} called {named!r}; there are: {there}")
