"""A device as its controller knows it: it calls, fetches its configuration, reports, and begins again when the line breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime

from lab.controller.admission import Refusal, check_validity
from lab.controller.forms import CONFIGURATION, REPORTS, configuration_of
from lab.controller.line import Line, LineBroken
from lab.controller.roll import Report
from lab.phoning import Configuration
from lab.status import CONTROLLER_UNREACHABLE

CALLS_AGAIN_AFTER = 1.0  # seconds after a call that came to nothing; our choice

Dial = Callable[[], Awaitable[Line]]
Measure = Callable[[], Awaitable[Report]]


class Device:
    """`reason` is why its Control Status is Abnormal as far as it knows, empty once it has reported and has its configuration.
    `has_tried` is whether that comes of a call at all.

    `dial` opens a line, `measure` says how the device does, `clock` what its machine's clock shows; it may be set anew.
    """

    def __init__(self, dial: Dial, measure: Measure, clock: datetime) -> None:
        self.reason = CONTROLLER_UNREACHABLE
        self.has_tried = False
        self.configuration: Configuration | None = None
        self.clock = clock
        self._has_reported = False
        self._dial = dial
        self._measure = measure

    async def live(self) -> None:
        """Until it is cancelled. What it has been told it keeps when the controller is away."""
        while True:
            try:
                line = await self._dial()
                try:
                    await self._talk(line)
                finally:
                    line.close()
            except Refusal as refusal:
                self.reason = refusal.reason
            except (OSError, LineBroken):  # a TimeoutError is an OSError
                if self._has_reported:  # on that line: it may just have been cut
                    self._has_reported = False
                    continue
                self.reason = CONTROLLER_UNREACHABLE
            self.has_tried = True
            await asyncio.sleep(CALLS_AGAIN_AFTER)

    async def _talk(self, line: Line) -> None:
        """Fetch the configuration whenever there is another one, and report as often as the controller asks for it."""
        version = ""
        while True:
            check_validity(line.certificate, self.clock)
            report = await line.ask("POST", REPORTS, asdict(await self._measure()))
            self._has_reported = True
            if report["version"] != version:
                version = await self._fetch(line)
            await asyncio.sleep(report["next"])

    async def _fetch(self, line: Line) -> str:
        told = await line.ask("GET", CONFIGURATION)
        self.configuration = None if told["configuration"] is None else configuration_of(told["configuration"])
        self.reason, self.has_tried = told["withheld"], True
        return str(told["version"])
