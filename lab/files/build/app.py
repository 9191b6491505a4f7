"""From the part of a file that tells of the SAG app and of people's devices to calls. Whoever is logged on is so at the end."""

from __future__ import annotations

from lab.cloud.alibaba import Alibaba
from lab.cloud.alibaba.app.order import DEFAULT_USER_COUNT
from lab.cloud.alibaba.region import area_of
from lab.cloud.terminals import Terminals
from lab.files.build.ledger import Ledger
from lab.files.schema.alibaba import CloudConnectNetwork
from lab.files.schema.app import Account, HomeRouter, LogOn, SagApp, Terminal
from lab.files.schema.app import Terminals as Devices
from lab.files.source import Trail

APPS: Trail = ("alibaba", "sag_apps")
ROUTERS: Trail = ("terminals", "home_routers")
TERMINALS: Trail = ("terminals", "terminals")

# Our choices: versions that the app runs on.
OS_VERSIONS = {"Windows": "10", "macOS": "12.4", "Android": "10.0", "iOS": "13.0"}
APP_VERSION = "2.3.0"
PASSWORD = "lab-file@2026"  # noqa: S105 - of accounts that nobody but a lab has


class AppBuilder:
    def __init__(self, alibaba: Alibaba, terminals: Terminals, ledger: Ledger) -> None:
        self._alibaba = alibaba
        self._terminals = terminals
        self._ledger = ledger

    def build(self, apps: dict[str, SagApp], devices: Devices, ccns: dict[str, CloudConnectNetwork], ccn_at: Trail) -> None:
        """Instances and accounts, then devices, then log-ons. `ccns` are those that instances may be on, and where they stand."""
        self._ledger.each(APPS, apps, self._app, ccns, ccn_at)
        self._ledger.each(ROUTERS, devices.home_routers, self._router)
        self._ledger.each(TERMINALS, devices.terminals, self._terminal, devices)
        for name, terminal in devices.terminals.items():
            if terminal.log_on is not None:
                with self._ledger.attempt():
                    self._log_on((*TERMINALS, name), terminal.log_on, apps)

    def _app(self, at: Trail, app: SagApp, ccns: dict[str, CloudConnectNetwork], ccn_at: Trail) -> None:
        ledger, create = self._ledger, self._alibaba.create_smart_access_gateway_software
        count = DEFAULT_USER_COUNT if app.user_count is None else app.user_count
        order = ledger.call((*at, "user_count"), create, app.region, name=str(at[-1]), user_count=count)
        app_id = ledger.know(at, order.smart_ag_id)
        with ledger.attempt():
            self._network(at, app, app_id, ccns, ccn_at)
        ledger.each((*at, "accounts"), app.accounts, self._account, app_id)

    def _network(self, at: Trail, app: SagApp, app_id: str, ccns: dict[str, CloudConnectNetwork], ccn_at: Trail) -> None:
        """Without a block there is nothing to configure."""
        ledger, name, place = self._ledger, app.cloud_connect_network, (*at, "cloud_connect_network")
        if not app.cidr_blocks:
            return
        if name is None:
            there = [ccn for ccn, network in ccns.items() if area_of(network.region) == area_of(app.region)]
            if len(there) != 1:
                choice = ", ".join(there) or "there is none in its region"
                raise ledger.refused(place, f"say which CCN the clients of {at[-1]} come to (cloud_connect_network): {choice}")
            name = there[0]
        ccn = ledger.find(ccn_at, name, ccns, "CCN", place)
        configure = self._alibaba.configure_smart_access_gateway_software_network
        ledger.call(
            (*at, "cidr_blocks"), configure, app_id, cidr_blocks=app.cidr_blocks, ccn_id=ccn, dns_servers=app.dns_servers or None
        )

    def _account(self, at: Trail, account: Account, app_id: str) -> None:
        ledger, name = self._ledger, str(at[-1])
        bandwidth = {} if account.bandwidth is None else {"bandwidth": account.bandwidth}
        user = ledger.call(
            at,
            self._alibaba.create_smart_access_gateway_client_user,
            app_id,
            user_mail=account.mail or f"{name}@example.com",
            user_name=name,
            client_ip=account.client_ip,
            static_ip=None if account.client_ip is None else True,
            password=account.password or PASSWORD,
            **bandwidth,
        )
        ledger.know(at, user.id)
        if not account.enabled:
            ledger.call((*at, "enabled"), self._alibaba.disable_smart_access_gateway_user, app_id, name)

    def _router(self, at: Trail, router: HomeRouter) -> None:
        block = {} if router.cidr_block is None else {"cidr_block": router.cidr_block}
        self._ledger.make(at, "cidr_block", self._terminals.create_home_router, str(at[-1]), **block)

    def _terminal(self, at: Trail, terminal: Terminal, devices: Devices) -> None:
        ledger, router = self._ledger, terminal.home_router
        router_id = router and ledger.find(ROUTERS, router, devices.home_routers, "home router", (*at, "home_router"))
        ledger.make(
            at,
            "platform",
            self._terminals.create_terminal,
            str(at[-1]),
            platform=terminal.platform,
            os_version=terminal.os_version or OS_VERSIONS[terminal.platform],
            app_version=terminal.app_version or APP_VERSION,
            home_router_id=router_id,
        )

    def _log_on(self, at: Trail, log_on: LogOn, apps: dict[str, SagApp]) -> None:
        ledger, place = self._ledger, (*at, "log_on")
        app_id = ledger.find(APPS, log_on.sag_app, apps, "SAG app instance", (*place, "sag_app"))
        accounts = apps[log_on.sag_app].accounts
        ledger.find((*APPS, log_on.sag_app, "accounts"), log_on.account, accounts, "account", (*place, "account"))
        session = ledger.call(
            (*place, "account"),
            self._alibaba.log_on_app,
            ledger.of(at),
            user_name=log_on.account,
            password=accounts[log_on.account].password or PASSWORD,
            smart_ag_id=app_id,
        )
        if log_on.connected:
            ledger.call((*place, "connected"), self._alibaba.connect_app, session.id)
