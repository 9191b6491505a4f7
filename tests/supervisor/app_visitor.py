"""A program of somebody else's on a laptop: logs on and connects, and prints the two answers, a JSON object a line.

It reads an object with the terminal's id and address, the authority to trust and the credentials.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from ipaddress import IPv4Address
from typing import Any

from lab.cloud.lab_time import START
from lab.compiler.phone import CONTROLLER_ADDRESS, HTTPS
from lab.controller.app_client import make_request
from lab.controller.forms import answer_json
from lab.controller.http import dial, trusting
from lab.logon import CONNECT, LOG_ON, AppAnswer, AppPhone, AppRequest


async def ask(given: dict[str, Any], request: AppRequest) -> AppAnswer:
    phone = AppPhone(IPv4Address(given["address"]), (CONTROLLER_ADDRESS, HTTPS), START)
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    connection = await dial(made, (str(CONTROLLER_ADDRESS), HTTPS), trusting(given["authority"]))
    try:
        return await make_request(connection, given["terminal"], phone, request)
    finally:
        connection.close()


async def main() -> None:
    given = json.loads(sys.stdin.read())
    logged_on = await ask(given, AppRequest(LOG_ON, given["credentials"]))
    print(json.dumps(answer_json(logged_on)))
    connected = await ask(given, AppRequest(CONNECT, {"token": logged_on.told["token"]}))
    print(json.dumps(answer_json(connected)))


asyncio.run(main())
