"""People's own devices: their addresses, and the networks they are in."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from lab.cloud import Cloud
from lab.cloud.alibaba import AppSession
from lab.cloud.terminals import Terminal


def test_every_terminal_has_a_public_address_of_its_own(cloud: Cloud) -> None:
    addresses = {cloud.terminals.create_terminal().address for _ in range(20)}
    assert len(addresses) == 20
    assert all(address.is_global or str(address).startswith(("203.0.113.", "192.0.2.", "198.1")) for address in addresses)


def test_terminals_of_a_home_have_private_addresses_and_share_the_routers(cloud: Cloud) -> None:
    router = cloud.terminals.create_home_router("home")
    homes = [cloud.terminals.create_terminal(home_router_id=router.id).address for _ in range(3)]
    assert len({router.inner_address, router.public_ip_address, *homes}) == 5
    assert all(address in router.cidr_block for address in homes)


def test_two_homes_may_use_the_same_block(cloud: Cloud) -> None:
    first, second = (cloud.terminals.create_home_router() for _ in range(2))
    at_first, at_second = (cloud.terminals.create_terminal(home_router_id=router.id) for router in (first, second))
    assert at_first.address == at_second.address
    assert first.public_ip_address != second.public_ip_address


def test_a_terminal_is_moved_home_and_out_again(cloud: Cloud) -> None:
    router, terminal = cloud.terminals.create_home_router(cidr_block="10.9.0.0/30"), cloud.terminals.create_terminal()
    inside = cloud.terminals.move_terminal(terminal.id, router.id)
    assert inside.address in IPv4Network("10.9.0.0/30")
    assert inside.network_origin.operation == "terminals.move_terminal"
    assert cloud.terminals.move_terminal(terminal.id).address not in (terminal.address, inside.address)
    assert cloud.store.by(Terminal, "home_router_id", router.id) == ()


def test_a_terminal_gets_other_software(cloud: Cloud) -> None:
    terminal = cloud.terminals.create_terminal(platform="macOS", os_version="12", administrator_password_required=True)
    changed = cloud.terminals.modify_terminal(terminal.id, app_version="2.1.1", administrator_password_required=False)
    assert (changed.app_version, changed.os_version, changed.administrator_password_required) == ("2.1.1", "12", False)


def test_who_was_logged_on_with_a_terminal_that_is_gone_is_so_no_longer(cloud: Cloud) -> None:
    app = cloud.alibaba.create_smart_access_gateway_software().smart_ag_id
    cloud.alibaba.create_smart_access_gateway_client_user(app, user_mail="a.b@example.com", password="password1")
    terminal = cloud.terminals.create_terminal()
    cloud.alibaba.log_on_app(terminal.id, user_name="a.b@example.com", password="password1")
    cloud.terminals.delete_terminal(terminal.id)
    assert cloud.store.all(AppSession) == ()


REFUSALS = [
    pytest.param(lambda t, r: t.create_home_router(cidr_block="10.0.0.0/31"), "InvalidCidrBlock", id="a home for nobody"),
    pytest.param(lambda t, r: t.create_home_router(cidr_block="10.0.0.1/24"), "InvalidCidrBlock", id="no block"),
    pytest.param(lambda t, r: t.delete_home_router(r.id), "DependencyViolation", id="a home with people"),
    pytest.param(lambda t, r: t.delete_home_router("rtr-0"), "InvalidHomeRouterId.NotFound", id="no such home"),
    pytest.param(lambda t, r: t.create_terminal(home_router_id="rtr-0"), "InvalidHomeRouterId.NotFound", id="behind no home"),
    pytest.param(lambda t, r: t.create_terminal(home_router_id=r.id), "InsufficientAddressCapacity", id="a full home"),
    pytest.param(lambda t, r: t.create_terminal(bits=16), "InvalidParameter", id="16 bits"),
    pytest.param(lambda t, r: t.move_terminal("term-0"), "InvalidTerminalId.NotFound", id="no such terminal"),
    pytest.param(lambda t, r: t.modify_terminal("term-0"), "InvalidTerminalId.NotFound", id="nothing to modify"),
    pytest.param(lambda t, r: t.delete_terminal("term-0"), "InvalidTerminalId.NotFound", id="nothing to delete"),
]


@pytest.mark.parametrize(("call", "code"), REFUSALS)
def test_refused(cloud: Cloud, refused, call, code) -> None:
    router = cloud.terminals.create_home_router(cidr_block="10.9.0.0/30")
    cloud.terminals.create_terminal(home_router_id=router.id)
    refused(cloud, lambda: call(cloud.terminals, router), code)
