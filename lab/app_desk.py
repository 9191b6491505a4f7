"""The provider's side of the SAG app: what comes of a request, whichever way it came.

Whoever asks proves himself by a password, or by the token that his log-on returned. A request has to come from where the terminal
that it names is.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256
from ipaddress import IPv4Address
from typing import Any

from lab.cloud import CloudError, Identity, Store
from lab.cloud.alibaba import AppSession, CloudConnectNetwork, SagApp
from lab.cloud.alibaba.propagation import client_routes
from lab.cloud.terminals import HomeRouter, Terminal
from lab.compiler.names import presence_name
from lab.logon import CONNECT, DISCONNECT, LOG_OFF, LOG_ON, AppAnswer, AppRequest, AppVisit
from lab.results import Refusal

Made = tuple[Any, Refusal | None]  # what a call returned, and how it was refused though it returned something
Make = Callable[[str, Mapping[str, Any], Identity], Made]

_SECRET_BYTES = 32
_CREDENTIALS = ("user_name", "password", "smart_ag_id", "enterprise_code")


class AppDesk:
    """`make` makes a call to Alibaba Cloud; `store` holds what it knows of terminals."""

    def __init__(self, store: Store, make: Make) -> None:
        self._store = store
        self._make = make
        self._secret = secrets.token_bytes(_SECRET_BYTES)

    def serve(self, visit: AppVisit) -> AppAnswer:
        """Do what a request that came over the network asks for, or say with the provider's code why not."""
        try:
            self._check_source(visit)
        except CloudError as error:
            return AppAnswer(error.code, error.message)
        return self.decide(visit.terminal, visit.request)

    def decide(self, terminal_id: str, request: AppRequest) -> AppAnswer:
        """As `serve`, wherever the request came from."""
        try:
            if request.operation == LOG_ON:
                return self._log_on(terminal_id, request.arguments)
            if request.operation in (CONNECT, DISCONNECT, LOG_OFF):
                return self._go_on(request.operation, self._session_of(request.arguments.get("token", "")))
            raise CloudError("InvalidAction", f"the app asks for '{request.operation}', which there is not")
        except CloudError as error:
            return AppAnswer(error.code, error.message)

    def token(self, session_id: str) -> str:
        """What proves that a request comes from who logged on."""
        return f"{session_id}.{hmac.digest(self._secret, session_id.encode(), sha256).hex()}"

    def _address_of(self, terminal_id: str) -> IPv4Address:
        """Where a terminal's requests come from: its own public address, or its home router's. Raises CloudError."""
        terminal = self._store.find(Terminal, terminal_id)
        if terminal is None:
            raise CloudError(Terminal.NOT_FOUND, f"there is no terminal '{terminal_id}'")
        if terminal.home_router_id is None:
            return terminal.address
        return self._store.get(HomeRouter, terminal.home_router_id).public_ip_address

    def _check_source(self, visit: AppVisit) -> None:
        expected = self._address_of(visit.terminal)
        if visit.source != expected:
            raise CloudError("Forbidden", f"'{visit.terminal}' is at {expected}, and the request came from {visit.source}")

    def _log_on(self, terminal: str, arguments: Mapping[str, str]) -> AppAnswer:
        given = {name: arguments.get(name, "") for name in _CREDENTIALS}
        session, refusal = self._make("log_on_app", {"terminal_id": terminal} | given, Identity(user=given["user_name"]))
        told = {"session": session.id, "token": self.token(session.id), "smart_ag_id": session.smart_ag_id}
        return _answer(told, refusal)

    def _session_of(self, token: str) -> str:
        """Raises CloudError for a token that no log-on returned."""
        session_id = token.rpartition(".")[0]
        if not hmac.compare_digest(token.encode(), self.token(session_id).encode()):
            raise CloudError(AppSession.NOT_FOUND, "log on first")
        return session_id

    def _go_on(self, operation: str, session_id: str) -> AppAnswer:
        known = self._store.find(AppSession, session_id)
        identity = Identity(user=known.user_name if known is not None else session_id)
        session, refusal = self._make(f"{operation}_app", {"session_id": session_id}, identity)
        return _answer(self._way(session) if operation == CONNECT and refusal is None else {}, refusal)

    def _way(self, session: AppSession) -> dict[str, Any]:
        """What a client, whichever, needs to open its tunnel. Its address and DNS servers it is given there."""
        app = self._store.find(SagApp, session.smart_ag_id)
        if app is None or app.ccn_id is None or session.secret is None:
            return {}
        return {
            "identity": session.id,
            "secret": session.secret.hex(),
            "point_of_presence": str(self._store.get(CloudConnectNetwork, app.ccn_id).point_of_presence),
            "remote_identity": presence_name(app.ccn_id),
            "networks": [str(route.destination) for route in client_routes(self._store, app.id)],
        }


def _answer(told: Mapping[str, Any], refusal: Refusal | None) -> AppAnswer:
    return AppAnswer(told=told) if refusal is None else AppAnswer(refusal.code, refusal.message, told)
