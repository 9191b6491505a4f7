"""The loop of a line: read what arrives at either end, send at the other what is due, obey commands."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from lab.emulation.line.direction import Direction
from lab.emulation.line.port import HEADER, Port
from lab.errors import UsageError
from lab.impairments import Both, parse_impairments

BATCH = 32
"""Frames read from one end before what is due is sent. Our choice."""


class Wire:
    """Carries frames between two ports until its commands end."""

    def __init__(self, left: Port, right: Port, impairments: Both, seed: str) -> None:
        now = time.monotonic()
        self._forth, self._back = (
            Direction(wanted, f"{seed} {name}", now) for wanted, name in zip(impairments, ("forth", "back"), strict=True)
        )
        self._ways = ((left, self._forth, right), (right, self._back, left))
        self._running = True

    def run(self, commands: int, answer: Callable[[str], object]) -> None:
        """Until the end of `commands`, a file descriptor with a command a line. Raises MachineError when an interface is lost."""
        waiting = b""
        sources = [commands, *(source.fileno() for source, _, _ in self._ways)]
        while self._running:
            ready, _, _ = select.select(sources, [], [], self._timeout())
            for source, direction, _ in self._ways:
                if source.fileno() in ready:
                    _take(source, direction)
            self._send_due()
            if commands in ready:
                *lines, waiting = self._read(commands, waiting)
                for line in lines:
                    answer(json.dumps(self._obey(line.decode(errors="replace"))))

    def _timeout(self) -> float | None:
        times = [deadline for _, direction, _ in self._ways if (deadline := direction.deadline()) is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _send_due(self) -> None:
        now = time.monotonic()
        for _, direction, destination in self._ways:
            for frame in direction.pop(now):
                destination.send(frame)

    def _read(self, commands: int, before: bytes) -> list[bytes]:
        data = os.read(commands, 65536)
        self._running = bool(data)
        return (before + data).split(b"\n")

    def _obey(self, command: str) -> dict[str, Any]:
        """`set IMPAIRMENTS`, or `counters`; both are answered with the counters."""
        verb, _, text = command.partition(" ")
        try:
            if verb == "set":
                self._forth.impairments, self._back.impairments = parse_impairments(text)
            elif verb != "counters":
                raise UsageError(f"{verb!r} is neither set nor counters")
        except UsageError as error:
            return {"error": str(error)}
        return {"forth": self._count(0), "back": self._count(1)}

    def _count(self, way: int) -> dict[str, int]:
        source, direction, destination = self._ways[way]
        return {**asdict(direction.counters), "super_frames": source.super_frames, "refused": destination.refused}


def _take(source: Port, direction: Direction) -> None:
    """A batch of what has arrived."""
    for _ in range(BATCH):
        frame = source.receive()
        if frame is None:
            return
        direction.push(frame, len(frame) - HEADER, time.monotonic())
