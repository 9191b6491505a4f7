"""The service that the SAG app speaks to, beside that of the devices (`service`), on the same controller:

    GET  /app    → 200 with a nonce
    POST /app    with it: 200 when it was granted, 403 with the provider's code when it was not

A nonce is good for one request, so that whoever recorded one can do nothing with it. Who is refused too often has to wait. The
provider decides about what is asked for: `ask` passes it on.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.controller.attempts import Attempts, TooManyAttempts
from lab.controller.digest import Nonces, Stale
from lab.controller.forms import APP, MACHINE, NONCE, answer_json, app_request_of
from lab.logon import SERVICE_UNAVAILABLE, STALE_REQUEST, TOO_MANY_ATTEMPTS, AppAnswer, AppVisit

Ask = Callable[[AppVisit], Awaitable[AppAnswer]]

_NONCE_BYTES = 16
_STATUS = {"": 200, STALE_REQUEST: 401, TOO_MANY_ATTEMPTS: 429, SERVICE_UNAVAILABLE: 503}
_REFUSED = 403


class AppService:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._nonces = Nonces()
        self._attempts = Attempts()

    def routes(self) -> list[Route]:
        return [Route(APP, self._hand_out), Route(APP, self._take, methods=["POST"])]

    async def _hand_out(self, _request: Request) -> Response:
        return JSONResponse({"nonce": self._nonces.issue(secrets.token_urlsafe(_NONCE_BYTES), now=time.monotonic())})

    async def _take(self, request: Request) -> Response:
        answer = await self._answer(request, await request.json())
        return JSONResponse(answer_json(answer), status_code=_STATUS.get(answer.code, _REFUSED))

    async def _answer(self, request: Request, body: Any) -> AppAnswer:
        source = request.client.host if request.client is not None else ""
        try:
            self._attempts.check(source, now=time.monotonic())
            self._nonces.spend(request.headers.get(NONCE, ""), 1, now=time.monotonic())
        except TooManyAttempts as error:
            return AppAnswer(TOO_MANY_ATTEMPTS, str(error))
        except Stale:
            return AppAnswer(STALE_REQUEST, "the nonce is unknown, too old, or was used before")
        visit = AppVisit(request.headers.get(MACHINE, ""), IPv4Address(source), app_request_of(body))
        answer = await self._ask(visit)
        if _STATUS.get(answer.code) is None:
            self._attempts.refused(source, now=time.monotonic())
        return answer
