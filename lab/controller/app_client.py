"""The SAG app's half of the line to its service: one request over a connection of its own."""

from __future__ import annotations

from lab.controller.admission import Refusal, check_validity
from lab.controller.forms import APP, MACHINE, NONCE, answer_of, app_request_json
from lab.controller.http import HttpConnection, LineBroken
from lab.logon import AppAnswer, AppPhone, AppRequest, untrusted

ANSWERED_WITHIN = 20.0  # seconds; our choice: a password is checked with deliberate effort, one after the other


async def make_request(connection: HttpConnection, terminal: str, phone: AppPhone, request: AppRequest) -> AppAnswer:
    """What comes of a request. Raises LineBroken and OSError when the controller does not answer, or not as one.

    With a certificate that is not valid by the terminal's clock nothing is sent.
    """
    try:
        check_validity(connection.certificate, phone.clock)
    except Refusal as refusal:
        return untrusted(refusal.reason)
    given = await connection.ask("GET", APP, None, [], within=ANSWERED_WITHIN)
    headers = [(MACHINE, terminal), (NONCE, str(given.body["nonce"]))]
    answer = await connection.ask("POST", APP, app_request_json(request), headers, within=ANSWERED_WITHIN)
    try:
        return answer_of(answer.body)
    except (KeyError, TypeError) as error:
        raise LineBroken(f"the controller's answer, with status {answer.status}, is none: {error}") from error
