"""The controller's HTTP service, as an ASGI application: devices fetch their configuration and report.

    GET  /configuration    → 200 with a configuration, or without one and the reason why
    POST /reports          → 200 with the version of the configuration, and when the next report is due

Whoever asks is authenticated before anything of his request is read: 401 with a challenge, and the reason if he had tried.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.controller.admission import Refusal, check_admission
from lab.controller.digest import Challenge, Credentials, MalformedCredentials, Nonces, Stale
from lab.controller.forms import CONFIGURATION, MACHINE, REPORTS, configuration_json
from lab.controller.roll import Report, Roll
from lab.phoning import Entry

REALM = "saglab controller"
_NONCE_BYTES = 16
_VERSION_LENGTH = 16  # hexadecimal digits


class Unauthorized(Exception):
    """`reason` is empty for who has not tried yet, or has only an old nonce."""

    def __init__(self, reason: str = "", *, stale: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.stale = stale


class Service:
    """`others` are routes of other services on the same controller."""

    def __init__(self, roll: Roll, others: Sequence[Route] = ()) -> None:
        self._roll = roll
        self._others = others
        self._nonces = Nonces()

    def app(self) -> Starlette:
        routes = [
            Route(CONFIGURATION, self._configuration),
            Route(REPORTS, self._report, methods=["POST"]),
            *self._others,
        ]
        handlers = {Unauthorized: self._challenge, ValueError: _complain, ClientDisconnect: _let_go}
        return Starlette(routes=routes, exception_handlers=handlers)

    async def _configuration(self, request: Request) -> Response:
        entry = self._admit(request)
        return JSONResponse(_told(entry) | {"version": version_of(entry)})

    async def _report(self, request: Request) -> Response:
        entry = self._admit(request)
        self._roll.heard(entry, _report_of(await request.json()), now=time.monotonic())
        return JSONResponse({"version": version_of(entry), "next": self._roll.every(entry)})

    def _admit(self, request: Request) -> Entry:
        """Who asks. Raises Unauthorized."""
        try:
            credentials = Credentials.parse(request.headers.get("authorization", ""))
            self._nonces.spend(credentials.nonce, credentials.count, now=time.monotonic())
        except MalformedCredentials as error:
            raise Unauthorized from error
        except Stale as error:
            raise Unauthorized(stale=True) from error
        entry = self._roll.find(unquote(credentials.name))
        meant = credentials.path == request.url.path
        proves_key = entry is not None and meant and credentials.prove(entry.key, request.method)
        if entry is not None and not proves_key:
            self._roll.knocked(entry)
        try:
            return check_admission(entry, proves_key=proves_key, machine=request.headers.get(MACHINE, ""))
        except Refusal as refusal:
            raise Unauthorized(refusal.reason) from refusal

    async def _challenge(self, _request: Request, error: Exception) -> Response:
        assert isinstance(error, Unauthorized)  # noqa: S101 - it is registered for these
        nonce = self._nonces.issue(secrets.token_urlsafe(_NONCE_BYTES), now=time.monotonic())
        challenge = Challenge(REALM, nonce, error.stale)
        return JSONResponse({"reason": error.reason}, status_code=401, headers={"www-authenticate": str(challenge)})


async def _complain(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)


async def _let_go(_request: Request, _error: Exception) -> Response:
    """Whoever hung up before his request was through, as a device does that dies, reads no answer."""
    return Response(status_code=400)


def _report_of(given: Any) -> Report:
    """Raises ValueError."""
    kinds = {"serves": bool, "sent_bytes": int, "received_bytes": int, "dropped_packets": int}
    if not isinstance(given, dict) or {name: type(value) for name, value in given.items()} != kinds:
        raise ValueError(f"a report is {', '.join(f'{name}: {kind.__name__}' for name, kind in kinds.items())}")
    return Report(**given)


def _told(entry: Entry) -> dict[str, Any]:
    """A device's configuration, or why there is none."""
    told = entry.configuration
    return {"configuration": None if told is None else configuration_json(told), "withheld": entry.withheld}


def version_of(entry: Entry) -> str:
    """Another one whenever there is anything else to be told."""
    return sha256(json.dumps(_told(entry)).encode()).hexdigest()[:_VERSION_LENGTH]
