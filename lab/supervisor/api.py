"""The supervisor's HTTP API: JSON in, JSON out. A network API and a web page can be mounted beside it.

Whatever touches the lab is handed to its thread; what is here runs in the server's.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from lab.cloud import CloudError, Identity
from lab.errors import LabError, UsageError
from lab.explanation import Question
from lab.supervisor.answers import LinkInfo
from lab.supervisor.desk import Desk
from lab.supervisor.events import EventLog
from lab.supervisor.live import LiveLab
from lab.supervisor.wire import WireError, decode, encode

T = TypeVar("T")
Answer = Callable[[Request], Awaitable[Response]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """An operation to make, and who makes it (`lab.cloud.Identity`)."""

    provider: str
    operation: str
    arguments: Mapping[str, Any]
    identity: str


@dataclass(frozen=True, slots=True)
class Ping:
    source: str
    destination: str
    count: int


@dataclass(frozen=True, slots=True)
class Impair:
    """What links are to do to packets, as it is said; None: nothing. An empty `link` means all of them."""

    link: str
    impairments: str | None
    seed: str | None


@dataclass(frozen=True, slots=True)
class Trace:
    """`width` in columns and `colour` say how the text is to look."""

    question: Question
    width: int
    colour: bool


@dataclass(frozen=True, slots=True)
class Paint:
    """The packet whose way is to be shown; without one, what the scenario expects."""

    question: Question | None


@dataclass(frozen=True, slots=True)
class Diagnose:
    """A gateway by its name or id; empty: the only one."""

    gateway: str


@dataclass(frozen=True, slots=True)
class AppAction:
    """What the user of the SAG app of a terminal, by its name or id, does; with an empty `operation` he looks at it."""

    terminal: str
    operation: str
    arguments: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Monitor:
    """`gateway` as in Diagnose. `window` as in `lab.monitoring.Window.of`. `identity` is who looks, as in Call."""

    gateway: str
    window: str
    identity: str


@dataclass(frozen=True, slots=True)
class Down:
    """`keep` leaves the state for the next `up`."""

    keep: bool


class Api:
    """`end` is called, in the server's thread, when the lab is to go down; `read_log` returns what was logged."""

    def __init__(
        self, lab: LiveLab, desk: Desk, events: EventLog, *, end: Callable[[bool], None], read_log: Callable[[], str]
    ) -> None:
        self._lab = lab
        self._desk = desk
        self._events = events
        self._end = end
        self._read_log = read_log

    def app(self) -> Starlette:
        routes = [
            Route("/lab", self._info),
            Route("/status", self._status),
            Route("/events", self._follow),
            Route("/log", self._logged),
            Route("/call", self._call, methods=["POST"]),
            Route("/mails", self._mails),
            Route("/links", self._links),
            Route("/impair", self._impair, methods=["POST"]),
            Route("/ping", self._ping, methods=["POST"]),
            Route("/trace", self._trace, methods=["POST"]),
            Route("/picture", self._picture, methods=["POST"]),
            Route("/app", self._app, methods=["POST"]),
            Route("/authority", self._authority),
            Route("/diagnose", self._diagnose, methods=["POST"]),
            Route("/monitor", self._monitor, methods=["POST"]),
            Route("/metrics", self._metrics),
            Route("/down", self._down, methods=["POST"]),
        ]
        refusals = dict.fromkeys((CloudError, LabError, WireError), _refuse)
        return Starlette(routes=routes, exception_handlers={**refusals, Exception: _fail})

    async def _at_desk(self, job: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._desk.submit(job))

    async def _info(self, _request: Request) -> Response:
        return JSONResponse(encode(self._lab.info))

    async def _status(self, _request: Request) -> Response:
        return JSONResponse(encode(await self._at_desk(self._lab.status)))

    async def _call(self, request: Request) -> Response:
        call = await _body(Call, request)
        identity = Identity.of(call.identity)
        answer = await self._at_desk(lambda: self._lab.call(call.provider, call.operation, call.arguments, identity))
        return JSONResponse(encode(answer))

    async def _mails(self, request: Request) -> Response:
        address = request.query_params.get("address", "")
        return JSONResponse(encode(await self._at_desk(lambda: self._lab.mails(address))))

    async def _links(self, request: Request) -> Response:
        word = request.query_params.get("link", "")
        return JSONResponse(encode(await self._at_desk(lambda: self._lab.links(word))))

    async def _impair(self, request: Request) -> Response:
        impair = await _body(Impair, request)

        def job() -> list[LinkInfo]:
            if impair.impairments is None:
                return self._lab.make_good(impair.link)
            return self._lab.impair(impair.link, impair.impairments, impair.seed)

        return JSONResponse(encode(await self._at_desk(job)))

    async def _ping(self, request: Request) -> Response:
        ping = await _body(Ping, request)
        return JSONResponse(encode(await self._at_desk(lambda: self._lab.ping(ping.source, ping.destination, ping.count))))

    async def _trace(self, request: Request) -> Response:
        asked = await _body(Trace, request)
        traced = await self._at_desk(lambda: self._lab.trace(asked.question, width=asked.width, colour=asked.colour))
        return JSONResponse(encode(traced))

    async def _picture(self, request: Request) -> Response:
        asked = await _body(Paint, request)
        return JSONResponse(encode(await self._at_desk(lambda: self._lab.picture(asked.question))))

    async def _diagnose(self, request: Request) -> Response:
        asked = await _body(Diagnose, request)
        return JSONResponse(encode(await self._at_desk(lambda: self._lab.diagnose(asked.gateway))))

    async def _app(self, request: Request) -> Response:
        act = await _body(AppAction, request)
        shown = await self._at_desk(lambda: self._lab.use_app(act.terminal, act.operation, act.arguments))
        return JSONResponse(encode(shown))

    async def _authority(self, _request: Request) -> Response:
        return JSONResponse(await self._at_desk(self._lab.authority))

    async def _monitor(self, request: Request) -> Response:
        asked = await _body(Monitor, request)
        identity = Identity.of(asked.identity)
        return JSONResponse(encode(await self._at_desk(lambda: self._lab.traffic(asked.gateway, asked.window, identity))))

    async def _metrics(self, _request: Request) -> Response:
        return PlainTextResponse(await self._at_desk(self._lab.metrics))

    async def _down(self, request: Request) -> Response:
        """The lab ends once it has said so."""
        down = await _body(Down, request)

        async def end() -> None:
            self._end(down.keep)

        return JSONResponse({}, background=BackgroundTask(end))

    async def _logged(self, _request: Request) -> Response:
        return PlainTextResponse(self._read_log())

    async def _follow(self, request: Request) -> Response:
        after = int(request.query_params.get("after", "0"))
        lines = self._lines(after, follow="follow" in request.query_params)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    async def _lines(self, after: int, *, follow: bool) -> AsyncIterator[str]:
        """Events, one a line; with `follow`, those to come too."""
        loop, fresh = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(fresh.set)

        unwatch = self._events.watch(wake)
        try:
            while True:
                fresh.clear()
                for event in self._events.since(after):
                    after = event.number
                    yield json.dumps(encode(event), ensure_ascii=False) + "\n"
                if not follow:
                    return
                await fresh.wait()
        finally:
            unwatch()


async def _body(kind: type[T], request: Request) -> T:
    """Raises UsageError for a body that is no JSON, WireError for one that is not of this kind."""
    try:
        return decode(kind, await request.json())
    except ValueError as error:
        raise UsageError(f"{request.url.path} takes a {kind.__name__}: {error}") from error


async def _refuse(_request: Request, error: Exception) -> Response:
    if isinstance(error, CloudError):
        return JSONResponse({"error": "refused", "code": error.code, "message": error.message}, status_code=409)
    usage = isinstance(error, UsageError)
    return JSONResponse({"error": "usage" if usage else "machine", "message": str(error)}, status_code=400 if usage else 500)


async def _fail(request: Request, error: Exception) -> Response:
    """A mistake of ours: the whole of it goes to the log."""
    _log.error("%s failed", request.url.path, exc_info=error)
    message = f"{type(error).__name__}: {error} (`saglab logs` has more)"
    return JSONResponse({"error": "machine", "message": message}, status_code=500)
