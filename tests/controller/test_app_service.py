"""The SAG app and the service it speaks to, on a loopback address: real TLS and HTTP, and a provider of a few words."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any

import pytest

from lab.cloud.lab_time import START
from lab.controller.app_client import make_request
from lab.controller.app_service import AppService
from lab.controller.attempts import MOST, WITHIN, Attempts, TooManyAttempts
from lab.controller.certificates import Authority
from lab.controller.forms import APP, HOST, MACHINE, NONCE, app_request_json
from lab.controller.http import HttpAnswer, HttpConnection, dial, trusting
from lab.controller.roll import Roll
from lab.controller.service import Service
from lab.emulation.home.controller import make_server, present
from lab.emulation.home.upcall import Desk, Upcall
from lab.logon import AppAnswer, AppPhone, AppRequest, AppVisit
from lab.phoning import Validity

CERTIFICATE = Validity(START, START + timedelta(days=30))
LOG_ON = AppRequest("log_on", {"user_name": "li.lei", "password": "secret"})
WRONG = AppAnswer("App.LogOnFailed", "wrong")
GRANTED = AppAnswer(told={"token": "as-1.xyz"})
WAIT = 60.0


async def provider(visit: AppVisit) -> AppAnswer:
    return GRANTED if visit.request.arguments.get("password") == "secret" else WRONG


@dataclass
class Site:
    authority: Authority
    port: int

    async def dial(self) -> HttpConnection:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        return await dial(made, ("127.0.0.1", self.port), trusting(self.authority.certificate.decode()))

    async def ask(self, request: AppRequest, *, days: int = 1) -> AppAnswer:
        phone = AppPhone(IPv4Address("127.0.0.1"), (IPv4Address("127.0.0.1"), self.port), START + timedelta(days=days))
        connection = await self.dial()
        try:
            return await make_request(connection, "term-1", phone, request)
        finally:
            connection.close()


@contextlib.asynccontextmanager
async def site() -> AsyncIterator[Site]:
    authority, tls = Authority(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    present(tls, authority.issue(HOST, CERTIFICATE))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = make_server(Service(Roll(), AppService(provider).routes()).app(), tls)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield Site(authority, listener.getsockname()[1])
        finally:
            server.should_exit = server.force_exit = True
            await serving


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, WAIT))


def test_a_log_on_is_passed_on_and_its_answer_comes_back() -> None:
    async def test() -> None:
        async with site() as here:
            assert await here.ask(LOG_ON) == GRANTED
            assert await here.ask(replace(LOG_ON, arguments={"password": "guess"})) == WRONG

    run(test())


@pytest.mark.parametrize("day", [-1, 31], ids=["not yet valid", "expired"])
def test_nothing_is_said_to_a_controller_whose_certificate_is_not_valid_now(day: int) -> None:
    async def test() -> None:
        async with site() as here:
            answer = await here.ask(LOG_ON, days=day)
            assert (answer.code.startswith("CERTIFICATE_"), answer.told) == (True, {})

    run(test())


def test_a_recorded_request_is_worth_nothing() -> None:
    async def test() -> None:
        async with site() as here:
            connection = await here.dial()
            nonce = (await connection.ask("GET", APP, None, [], within=WAIT)).body["nonce"]

            async def post() -> HttpAnswer:
                headers = [(MACHINE, "term-1"), (NONCE, nonce)]
                return await connection.ask("POST", APP, app_request_json(LOG_ON), headers, within=WAIT)

            assert [(await post()).status, (await post()).status] == [200, 401]
            connection.close()

    run(test())


NO_REQUESTS = [[], {"operation": "log_on"}, {"operation": 1, "arguments": {}}, {"operation": "x", "arguments": {"a": 1}}]


@pytest.mark.parametrize("body", NO_REQUESTS, ids=["a list", "no arguments", "a number", "an argument that is no text"])
def test_what_is_no_request_is_refused(body: Any) -> None:
    async def test() -> None:
        async with site() as here:
            connection = await here.dial()
            nonce = (await connection.ask("GET", APP, None, [], within=WAIT)).body["nonce"]
            answer = await connection.ask("POST", APP, body, [(NONCE, nonce)], within=WAIT)
            assert answer.status == 400
            connection.close()

    run(test())


def test_who_guesses_has_to_wait_even_with_the_right_password() -> None:
    async def test() -> None:
        async with site() as here:
            for _ in range(MOST):
                assert await here.ask(replace(LOG_ON, arguments={"password": "guess"})) == WRONG
            assert (await here.ask(LOG_ON)).code == "TooManyAttempts"

    run(test())


def test_attempts_are_forgiven_in_time_and_counted_by_source() -> None:
    attempts = Attempts()
    for second in range(MOST):
        attempts.refused("203.0.113.1", now=float(second))
    attempts.check("203.0.113.2", now=float(MOST))
    with pytest.raises(TooManyAttempts):
        attempts.check("203.0.113.1", now=WITHIN - 1)
    attempts.check("203.0.113.1", now=WITHIN)


def test_the_controller_asks_the_lab_over_a_socket() -> None:
    async def test() -> None:
        ours, theirs = socket.socketpair()
        desk, upcall = Desk(ours), Upcall(theirs.detach())
        living = asyncio.create_task(upcall.live())
        await asyncio.sleep(0)
        visit = AppVisit("term-1", IPv4Address("203.0.113.1"), LOG_ON)
        asking = asyncio.gather(upcall.ask(visit), upcall.ask(replace(visit, terminal="term-2")))
        answered = 0
        while answered < 2:
            await asyncio.sleep(0.001)  # a poll of the condition, inside `run`'s deadline
            answered += desk.serve(lambda visit: AppAnswer(told={"terminal": visit.terminal}))
        assert [answer.told["terminal"] for answer in await asking] == ["term-1", "term-2"]
        desk.close()
        await living

    run(test())
