"""The callers' process: the part of each vCPE that phones home, and the SAG app of each terminal, for all machines of a lab.

Each machine's calls leave from a socket in its own network namespace, so they fare as its packets do.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import traceback
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from lab.controller.device import Device
from lab.controller.line import Line, connect, trusting
from lab.controller.roll import Report
from lab.emulation.home.errands import Json
from lab.emulation.home.visits import Visits
from lab.emulation.namespace import bound_socket

# Seconds; our choice, above what a dataplane takes to answer on a machine that is overloaded. Until then nothing is reported, so
# the controller misses a device whose dataplane hangs as it misses one whose line is cut.
_MEASURED_WITHIN = 4.0


@dataclass(frozen=True, slots=True)
class Call:
    """What a machine calls with. `pid` is a process of its own, `control` its dataplane's socket, empty where there is none."""

    node: str
    pid: int
    address: str
    home: tuple[str, int]
    serial_number: str
    key: str
    control: str


class Callers:
    """What the lab may ask: "call", "hang_up", "status", and of the app "visit" and "answers"."""

    def __init__(self) -> None:
        self._trust: ssl.SSLContext | None = None
        self._authority = ""
        self._calls: dict[str, Call] = {}
        self._devices: dict[str, Device] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._visits = Visits()

    def do(self, asked: Json) -> Json:
        match asked["op"]:
            case "call":
                self._set(asked["authority"], datetime.fromisoformat(asked["clock"]), [_call(given) for given in asked["calls"]])
            case "hang_up":
                self._end(list(self._calls))
            case "visit":
                self._visits.begin(asked)
            case "answers":
                return self._visits.fetch()
        reasons = {node: device.reason for node, device in self._devices.items()}
        tried = [node for node, device in self._devices.items() if device.has_tried]
        return {"pid": os.getpid(), "reasons": reasons, "tried": tried}

    def _set(self, authority: str, clock: datetime, calls: list[Call]) -> None:
        """Let these machines call, and no others. Those that did so before go on."""
        if authority != self._authority:
            self._end(list(self._calls))
            self._authority, self._trust = authority, trusting(authority)
        wanted = {call.node: call for call in calls}
        self._end([node for node, call in self._calls.items() if wanted.get(node) != call])
        for device in self._devices.values():
            device.clock = clock
        for node in wanted.keys() - self._calls.keys():
            self._begin(wanted[node], clock)

    def _begin(self, call: Call, clock: datetime) -> None:
        assert self._trust is not None  # noqa: S101 - it comes with the first call
        device = Device(partial(_dial, call, self._trust), partial(_measure, call), clock)
        self._calls[call.node], self._devices[call.node] = call, device
        task = self._tasks[call.node] = asyncio.get_running_loop().create_task(device.live())
        task.add_done_callback(_end_with_mistakes)

    def _end(self, nodes: list[str]) -> None:
        for node in nodes:
            del self._calls[node], self._devices[node]
            self._tasks.pop(node).cancel()


def _end_with_mistakes(task: asyncio.Task[None]) -> None:
    """A device lives until it is cancelled. What ends it otherwise is a mistake of ours, and ends them all, to be begun anew."""
    if not task.cancelled():
        traceback.print_exception(task.exception())
        os._exit(1)


def _call(given: Json) -> Call:
    return Call(**given | {"home": tuple(given["home"])})


async def _dial(call: Call, trust: ssl.SSLContext) -> Line:
    made = bound_socket(call.pid, call.address)
    return await connect(made, call.home, trust, serial_number=call.serial_number, key=call.key.encode(), machine=call.node)


async def _measure(call: Call) -> Report:
    """What the machine's dataplane counts. One that is to be and does not answer serves nobody."""
    if not call.control:
        return Report(serves=True)
    try:
        async with asyncio.timeout(_MEASURED_WITHIN):
            status = await _status(call.control)
    except (OSError, ValueError):
        return Report(serves=False)
    peers = status["peers"].values()
    drops = [status["drops"], *(peer["drops"] for peer in peers)]
    return Report(
        serves=True,
        sent_bytes=sum(peer["sent_bytes"] for peer in peers),
        received_bytes=sum(peer["received_bytes"] for peer in peers),
        dropped_packets=sum(sum(counts.values()) for counts in drops),
    )


async def _status(control: str) -> Any:
    reader, writer = await asyncio.open_unix_connection(control, limit=1 << 24)
    try:
        writer.write(b'{"op": "status"}\n')
        return json.loads(await reader.readline())
    finally:
        writer.close()

