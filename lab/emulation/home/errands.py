"""How the lab speaks to a process of its own: a JSON object a line over a UNIX socket, and one in answer to each.

The process ends with the socket.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]  # an object of JSON
Errand = Callable[[Json], Json]

LINE_LENGTH = 1 << 24  # bytes; our choice, some ten thousand devices


async def run_errands(descriptor: int, do: Errand) -> None:
    """Do what is asked on a socket until nobody will ask any more."""
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=descriptor), limit=LINE_LENGTH)
    while line := await reader.readline():
        writer.write(json.dumps(do(json.loads(line))).encode() + b"\n")
        await writer.drain()
    writer.close()
