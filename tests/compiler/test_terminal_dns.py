"""Whom a terminal asks for names: the public resolver, or the servers of its instance, by what it is and was used for."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address

import pytest

from lab.compiler import compile_topology
from lab.compiler.resolver import RESOLVER_ADDRESS
from tests.compiler.app_cloud import PASSWORD, USER, app_cloud

SERVERS = (IPv4Address("100.100.2.136"), IPv4Address("100.100.2.138"))
PUBLIC = (RESOLVER_ADDRESS,)
Asked = tuple[IPv4Address, ...]

# What the terminal is; whom it asks when it is connected, and when its app was quit and connects again.
TERMINALS: dict[str, tuple[Mapping[str, object], Asked, Asked]] = {
    "Windows": ({"platform": "Windows", "os_version": "10"}, SERVERS, SERVERS),
    "iOS 12.4": ({"platform": "iOS", "os_version": "12.4"}, SERVERS, SERVERS),
    "iOS 13": ({"platform": "iOS", "os_version": "13.0"}, PUBLIC, SERVERS),
    "Android, an old app": ({"platform": "Android", "os_version": "9", "app_version": "2.1.0"}, PUBLIC, PUBLIC),
    "macOS that asks for a password": (
        {"platform": "macOS", "os_version": "12", "administrator_password_required": True},
        PUBLIC,
        PUBLIC,
    ),
}


@pytest.mark.requirement("S2-037", "S2-039", "S2-098", "S2-099")
@pytest.mark.parametrize(("terminal", "first", "again"), TERMINALS.values(), ids=TERMINALS.keys())
def test_terminal_asks(terminal: Mapping[str, object], first: Asked, again: Asked) -> None:
    w = app_cloud()
    alibaba = w.cloud.alibaba
    alibaba.modify_client_user_dns(w.app.id, app_dns=[str(server) for server in SERVERS])
    device = w.cloud.terminals.create_terminal("device", home_router_id=w.router.id, **terminal).id
    asked = []
    for _ in range(2):
        session = alibaba.log_on_app(device, user_name=USER, password=PASSWORD, smart_ag_id=w.app.id).id
        asked.append(compile_topology(w.cloud).by_name[device].nameservers)
        alibaba.connect_app(session)
        asked.append(compile_topology(w.cloud).by_name[device].nameservers)
        alibaba.log_off_app(session)
    assert asked == [PUBLIC, first, PUBLIC, again]
