"""What passes at many points, in one pcapng file with the points' names in it, in the order of time."""

from __future__ import annotations

import heapq
import os
import selectors
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from lab.emulation.capture import Capture, Point
from lab.emulation.pcapng import (
    CapturedPacket,
    PcapStream,
    enhanced_packet,
    interface_description,
    interface_statistics,
    section_header,
)
from lab.errors import MachineError

_HELD_FOR = 300_000_000  # nanoseconds that a packet waits for older ones from other points; our choice
_WRITTEN_EVERY = 0.1  # seconds
_CHUNK = 1 << 16


@dataclass
class _Source:
    """A point's pcap on its way into the file. `number` is that of its interface there, once it is described."""

    point: Point
    pipe: int
    stream: PcapStream = field(default_factory=PcapStream)
    number: int | None = None


class Recording:
    """Writes to the open file `fd`, which it takes over, until `stop`. Points may be added at any time; one may end by itself."""

    def __init__(self, fd: int) -> None:
        self._captures: list[Capture] = []
        self._merger = _Merger(fd)

    def add(self, points: Iterable[Point]) -> None:
        """Listen at these as well; all of them do when this returns. Raises MachineError."""
        fresh = []
        for point in points:
            reader, writer = os.pipe2(os.O_CLOEXEC)
            try:
                fresh.append(Capture(point, writer))
            finally:
                os.close(writer)
            self._merger.add(point, reader)
        self._captures += fresh
        for capture in fresh:
            capture.wait_until_listening()

    @property
    def packets(self) -> int:
        """How many have arrived so far."""
        return self._merger.arrived

    def wait(self) -> None:
        """Return once every point has ended by itself, with its node."""
        for capture in self._captures:
            capture.wait()

    def stop(self) -> int:
        """End it: everything that has passed is in the file. Returns how many packets were missed, on all points together.

        Raises MachineError when the file could not be written.
        """
        missed = {capture.point: capture.stop() for capture in self._captures}
        self._merger.finish(missed)
        return sum(missed.values())


class _Merger(threading.Thread):
    """Reads all pipes and writes one file. It only moves bytes, so it may be a thread of its own."""

    def __init__(self, fd: int) -> None:
        super().__init__(name="recording", daemon=True)
        self._file = os.fdopen(fd, "wb")
        self._error: OSError | None = None
        self._selector = selectors.DefaultSelector()
        self._sources: list[_Source] = []
        self._waiting: list[tuple[int, int, int, CapturedPacket]] = []  # time, order of arrival, interface
        self.arrived = 0
        self._described = 0
        self._open = True
        self._put(section_header("saglab"))
        self.start()

    def add(self, point: Point, pipe: int) -> None:
        source = _Source(point, pipe)
        self._sources.append(source)
        self._selector.register(pipe, selectors.EVENT_READ, source)

    def finish(self, missed: dict[Point, int]) -> None:
        """Wait until every pipe is read to its end, and write what was missed. Raises MachineError."""
        self._open = False
        self.join()
        for source in self._sources:
            if source.number is not None and missed.get(source.point):
                self._put(interface_statistics(source.number, time.time_ns(), missed[source.point]))
        self._selector.close()
        with suppress(OSError):  # it is told of below
            self._file.close()
        if self._error is not None:
            raise MachineError(f"the capture could not be written: {self._error.strerror}") from self._error

    def run(self) -> None:
        while self._open or self._selector.get_map():
            for key, _ in self._selector.select(_WRITTEN_EVERY):
                self._read(key.data)
            self._write(time.time_ns() - _HELD_FOR)
        self._write(None)

    def _read(self, source: _Source) -> None:
        piece = os.read(source.pipe, _CHUNK)
        if not piece:
            self._selector.unregister(source.pipe)
            os.close(source.pipe)
            return
        packets = list(source.stream.feed(piece))
        if source.number is None and source.stream.link_type is not None:
            self._put(interface_description(source.point.name, source.stream.link_type))
            source.number, self._described = self._described, self._described + 1
        for packet in packets:
            assert source.number is not None  # noqa: S101 - the header came before its packets
            self.arrived += 1
            heapq.heappush(self._waiting, (packet.time, self.arrived, source.number, packet))

    def _write(self, until: int | None) -> None:
        """Packets up to a time, all of them for None."""
        while self._waiting and (until is None or self._waiting[0][0] <= until):
            _, _, interface, packet = heapq.heappop(self._waiting)
            self._put(enhanced_packet(interface, packet))
        self._put(b"", flush=True)

    def _put(self, octets: bytes, *, flush: bool = False) -> None:
        """Once the file cannot be written any more, the pipes are still read: tcpdump must not wait for ever."""
        if self._error is not None:
            return
        try:
            self._file.write(octets)
            if flush:
                self._file.flush()
        except OSError as error:
            self._error = error
