"""The SAG app on the terminals of a lab: each request leaves from a socket in the terminal's own network namespace."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from dataclasses import dataclass

from lab.controller.admission import Refusal
from lab.controller.app_client import make_request
from lab.controller.forms import answer_json, app_phone_of, app_request_of
from lab.controller.http import LineBroken, dial, trusting
from lab.emulation.home.errands import Json
from lab.emulation.namespace import bound_socket
from lab.logon import AppAnswer, AppPhone, AppRequest, unreachable, untrusted


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to be made in the namespace of the process `pid`."""

    terminal: str
    pid: int
    phone: AppPhone
    request: AppRequest


class Visits:
    """Those under way, and the answers that nobody has fetched, by the numbers that the lab gave them."""

    def __init__(self) -> None:
        self._answers: dict[int, AppAnswer] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, asked: Json) -> None:
        visit = Visit(asked["terminal"], asked["pid"], app_phone_of(asked["phone"]), app_request_of(asked["request"]))
        task = asyncio.get_running_loop().create_task(self._make(asked["number"], visit, trusting(asked["authority"])))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _make(self, number: int, visit: Visit, trust: ssl.SSLContext) -> None:
        try:
            self._answers[number] = await _visit(visit, trust)
        except Exception as error:  # whoever waits for it must be told
            traceback.print_exception(error)
            self._answers[number] = AppAnswer("InternalError", f"{type(error).__name__} in the app")

    def fetch(self) -> Json:
        """The answers that have come since the last time."""
        answers, self._answers = self._answers, {}
        return {str(number): answer_json(answer) for number, answer in answers.items()}


async def _visit(visit: Visit, trust: ssl.SSLContext) -> AppAnswer:
    address, port = visit.phone.controller
    try:
        connection = await dial(bound_socket(visit.pid, str(visit.phone.address)), (str(address), port), trust)
        try:
            return await make_request(connection, visit.terminal, visit.phone, visit.request)
        finally:
            connection.close()
    except Refusal as refusal:
        return untrusted(refusal.reason)
    except (OSError, LineBroken):
        return unreachable(visit.terminal)
