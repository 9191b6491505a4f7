"""What the app asks of the service (document, 5.2): log on, connect, disconnect, log off.

        log_on_app              connect_app                    connect_app: another address, another secret
    (none) ───────▶ logged on ─────────────▶ connected ───┐
                       ▲  │  ◀──────────────    │ ▲       │
                       │  │   disconnect_app    │ └───────┘
                       │  └─ log_off_app ───────┴──▶ (none)   also: another log-on of the account, kicked out, disabled, deleted

Whoever calls proves who they are with what the calls bring, a password or the id of a session; so these calls are for end users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from lab.cloud.alibaba.app.code import parse_code
from lab.cloud.alibaba.app.platform import check_platform, keeps_old_dns
from lab.cloud.alibaba.app.pool import next_idle
from lab.cloud.alibaba.app.resources import AddressCursor, AppSession, ClientUser, ConnectedBefore, SagApp
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation
from lab.cloud.password import Password, decoy
from lab.cloud.terminals import Terminal

CONNECTED = "Connected to Intranet"  # 5.2 step 2: what the app shows


class AppSessions(AlibabaBase):
    """How sessions end, whoever ends them; and whose account it is."""

    def _source_of(self, user: ClientUser) -> ClientUser:
        """The account that a replica was made of, else the account itself."""
        return user if user.replica_of is None else self._store.get(ClientUser, user.replica_of)

    def _disconnect(self, session: AppSession) -> None:
        if session.connected:
            origin = self._origin(session.id)
            self._store.put(replace(session, address=None, secret=None, connect_origin=origin))

    def _end_sessions(self, attribute: str, value: str) -> None:
        """Those of an instance ("smart_ag_id"), an account ("client_user_id") or a terminal ("terminal_id")."""
        for session in self._store.by(AppSession, attribute, value):
            self._store.delete(session)


class TerminalWatch(AppSessions):
    """Is told of every terminal that is gone."""

    def __call__(self, terminal_id: str) -> None:
        self._end_sessions("terminal_id", terminal_id)
        before = self._store.find(ConnectedBefore, terminal_id)
        if before is not None:
            self._store.delete(before)


class AppSessionOperations(AppSessions):
    @operation
    def log_on_app(
        self,
        terminal_id: str,
        *,
        user_name: str,
        password: str | Password,
        smart_ag_id: str = "",
        enterprise_code: str = "",
    ) -> AppSession:
        """Log on with the SAG app of a terminal: by the id of an instance (5.2), by an enterprise code (4.1), or both.

        Without either, the name must be of one account only. A session that the account has, or the terminal, ends.
        Raises InvalidTerminalId.NotFound, App.UnsupportedPlatform, App.TooManyAttempts, App.LogOnFailed,
        App.EnterpriseCodeNeeded, App.AccountDisabled, App.InstanceExpired.
        """
        terminal = self._terminal(terminal_id)
        check_platform(terminal)
        given = password if isinstance(password, Password) else Password(password)
        user = self._proved(user_name, self._candidates(user_name, smart_ag_id, enterprise_code), given)
        self._check_may(user)
        self._end_sessions("client_user_id", user.id)
        self._end_sessions("terminal_id", terminal_id)
        return self._opened(terminal, user)

    @operation
    def connect_app(self, session_id: str) -> AppSession:
        """CONNECT (5.2 step 2): an address inside the network, and a secret that opens one tunnel, once.

        A session that is connected is connected anew. A dynamic address is another one each time, as long as there is another.
        Raises App.NotLoggedOn, App.AccountDisabled, App.InstanceExpired, App.NetworkNotConfigured, App.NoIdleAddress.
        """
        session = self._session(session_id)
        user = self._store.get(ClientUser, session.client_user_id)
        self._check_may(user)
        instance = self._store.get(SagApp, session.smart_ag_id)
        _check_network(instance)
        terminal = self._terminal(session.terminal_id)
        check_platform(terminal)
        connected = replace(
            session,
            address=self._address(instance, user, session),
            secret=self._supply.one_time_secret(),
            keeps_dns=self._keeps_dns(session, terminal),
            connect_origin=self._origin(session_id),
        )
        self._store.put(connected)
        self._store.put(ConnectedBefore(id=terminal.id, origin=connected.connect_origin))
        return connected

    @operation
    def disconnect_app(self, session_id: str) -> None:
        """Leave the network, and stay logged on. The address becomes idle. Raises App.NotLoggedOn."""
        self._disconnect(self._session(session_id))

    @operation
    def log_off_app(self, session_id: str) -> None:
        """End a session. Raises App.NotLoggedOn."""
        self._store.delete(self._session(session_id))

    def _terminal(self, terminal_id: str) -> Terminal:
        terminal = self._store.find(Terminal, terminal_id)
        if terminal is None:
            raise CloudError(Terminal.NOT_FOUND, f"there is no terminal '{terminal_id}'; correct the id")
        return terminal

    def _session(self, session_id: str) -> AppSession:
        session = self._store.find(AppSession, session_id)
        if session is None:
            raise CloudError(
                AppSession.NOT_FOUND, f"nobody is logged on as '{session_id}' (any more); log on first, or log on again"
            )
        return session

    def _candidates(self, user_name: str, smart_ag_id: str, enterprise_code: str) -> Sequence[ClientUser]:
        """The accounts that a log-on may mean. A replica is meant by the id of its instance only (decision 0034)."""
        code = parse_code(enterprise_code) if enterprise_code else ""
        return [
            user
            for user in self._store.by(ClientUser, "user_name", user_name)
            if (user.smart_ag_id == smart_ag_id if smart_ag_id else user.replica_of is None)
            and (not code or self._store.get(SagApp, user.smart_ag_id).enterprise_code == code)
        ]

    def _proved(self, user_name: str, candidates: Sequence[ClientUser], password: Password) -> ClientUser:
        """The one account whose password this is. What is done and said is the same where there is no such account.

        Raises App.TooManyAttempts, App.LogOnFailed, App.EnterpriseCodeNeeded.
        """
        attempts, wanted = self._state.attempts, [user.id for user in candidates] or [user_name]
        attempts.check(wanted, self._now)
        opened = [password.opens(hash) for hash in [self._password_of(user) for user in candidates] or [decoy()]]
        proved = [user for user, open in zip(candidates, opened, strict=False) if open]
        if not proved:
            attempts.note(wanted, self._now, are_accounts=bool(candidates))
            raise CloudError(
                "App.LogOnFailed",
                "the user name or the password is wrong, or they are of another instance or enterprise code; who forgot the "
                "password asks the administrator to reset it",
            )
        if len(candidates) > 1:
            raise CloudError(
                "App.EnterpriseCodeNeeded",
                f"there is more than one account '{user_name}'; log on with your enterprise code, or with the id of the instance",
            )
        attempts.forget(proved[0].id)
        return proved[0]

    def _password_of(self, user: ClientUser) -> str:
        return self._source_of(user).password

    def _check_may(self, user: ClientUser) -> None:
        """Raises App.AccountDisabled, App.InstanceExpired."""
        if not (user.enabled and self._source_of(user).enabled):
            raise CloudError("App.AccountDisabled", f"the account '{user.user_name}' is disabled; the administrator enables it")
        instance = self._store.get(SagApp, user.smart_ag_id)
        if not instance.active:
            raise CloudError(
                "App.InstanceExpired",
                f"the subscription of '{instance.id}' ended on {instance.expires_at:%Y-%m-%d}; ask the administrator to renew it",
            )

    def _opened(self, terminal: Terminal, user: ClientUser) -> AppSession:
        session_id = self._supply.alibaba_id("as")
        origin = self._origin(session_id)
        session = AppSession(
            id=session_id,
            origin=origin,
            terminal_id=terminal.id,
            client_user_id=user.id,
            smart_ag_id=user.smart_ag_id,
            user_name=user.user_name,
            logged_on_at=self._now,
            connect_origin=origin,
        )
        self._store.put(session)
        return session

    def _keeps_dns(self, session: AppSession, terminal: Terminal) -> bool:
        """Quitting the app and connecting again helps (3.2); what is connected anew by itself was not quit."""
        if session.connected:
            return session.keeps_dns
        return keeps_old_dns(terminal) and self._store.find(ConnectedBefore, terminal.id) is None

    def _address(self, instance: SagApp, user: ClientUser, session: AppSession) -> IPv4Address:
        """The account's own address, or the next idle one that it did not have the last time. Raises App.NoIdleAddress."""
        if user.static_ip is not None:
            return user.static_ip
        before = self._given_last(user.id)
        address = next_idle(
            instance.private_cidrs,
            self._given_last(instance.id),
            lambda it: it == before or self._is_in_use(instance.id, it),
        )
        address = address or self._once_more(instance, session, before)
        for holder in (instance.id, user.id):
            self._store.put(AddressCursor(id=holder, origin=self._origin(holder), last=address))
        return address

    def _once_more(self, instance: SagApp, session: AppSession, before: IPv4Address | None) -> IPv4Address:
        """The address that the account had before, where there is no other. Raises App.NoIdleAddress."""
        inside = before is not None and any(before in block for block in instance.private_cidrs)
        if before is None or not inside or (before != session.address and self._is_in_use(instance.id, before)):
            raise CloudError(
                "App.NoIdleAddress",
                f"all addresses of {', '.join(map(str, instance.private_cidrs))} ('{instance.id}') are in use; try later, or ask "
                "the administrator for another private CIDR block",
            )
        return before

    def _given_last(self, holder: str) -> IPv4Address | None:
        cursor = self._store.find(AddressCursor, holder)
        return None if cursor is None else cursor.last

    def _is_in_use(self, smart_ag_id: str, address: IPv4Address) -> bool:
        place = (smart_ag_id, address)
        return self._store.count(AppSession, "place", place) > 0 or self._store.count(ClientUser, "place", place) > 0


def _check_network(instance: SagApp) -> None:
    """Raises App.NetworkNotConfigured."""
    missing = [
        what for what, there in (("a CCN", instance.ccn_id), ("a private CIDR block", instance.private_cidrs)) if not there
    ]
    if missing:
        raise CloudError(
            "App.NetworkNotConfigured",
            f"'{instance.id}' has no network to connect to: {' and '.join(missing)} is missing; the administrator adds it",
        )
