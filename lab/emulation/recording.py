"""What passes at many points, in one pcapng file with the points' names in it, in the order of time."""

from __future__ import annotations

import heapq
import os
import select
import selectors
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
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

_HELD_FOR = 2_500_000_000  # nanoseconds that a packet waits for older ones, which the kernel holds for up to two seconds
_WRITTEN_EVERY = 0.1  # seconds
_CHUNK = 1 << 16

_COMES_AGAIN_WITHIN = 5.0  # seconds that an interface may be away, while its link is made anew
_LOOKED_FOR_EVERY = 0.05


@dataclass
class _Source:
    """The pcap of one tcpdump at a point, on its way into the file. `number` is that of the point there, once it is described."""

    point: Point
    pipe: int
    stream: PcapStream = field(default_factory=PcapStream)
    number: int | None = None


class Recording:
    """Writes to the open file `fd`, which it takes over, until `stop`. Points may be added at any time; one may end by itself."""

    def __init__(self, fd: int) -> None:
        self._captures: list[Capture] = []
        self._missed: Counter[Point] = Counter()
        self._merger = _Merger(fd)

    def add(self, points: Iterable[Point]) -> None:
        """Listen at these as well; all of them do when this returns. Raises MachineError."""
        fresh = [self._start(point) for point in points]
        for capture in fresh:
            capture.wait_until_listening()

    def _start(self, point: Point) -> Capture:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            capture = Capture(point, writer)
        finally:
            os.close(writer)
        self._merger.add(point, reader)
        self._captures.append(capture)
        return capture

    @property
    def packets(self) -> int:
        """How many have arrived so far."""
        return self._merger.arrived

    def follow(self, until: int, tell: Callable[[Point], None]) -> None:
        """Return once the descriptor `until` is readable, or every point has ended by itself, with its node.

        One whose interface goes and comes again, as that of a link that becomes bad or good does, is listened to anew, and told
        of; what passes until then is not seen.
        """
        away: dict[Point, float] = {}
        while self._captures or away:
            ready = self._await([until], _LOOKED_FOR_EVERY if away else None)
            if until in ready:
                return
            for capture in [capture for capture in self._captures if capture.lifeline in ready]:
                self._stop(capture)
                away[capture.point] = time.monotonic() + _COMES_AGAIN_WITHIN
            for point, deadline in list(away.items()):
                if self._listens_again(point):
                    tell(point)
                elif time.monotonic() < deadline and point.has_node():
                    continue
                del away[point]

    def _await(self, others: Iterable[int], within: float | None) -> set[int]:
        """Of these descriptors, and those of captures that have ended by themselves, the ones that are readable in time."""
        poll = select.poll()
        for descriptor in (*others, *(capture.lifeline for capture in self._captures)):
            poll.register(descriptor, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll(None if within is None else 1000 * within)}

    def _listens_again(self, point: Point) -> bool:
        capture = self._start(point)
        try:
            capture.wait_until_listening()
        except MachineError:
            self._stop(capture)
            return False
        return True

    def _stop(self, capture: Capture) -> None:
        self._captures.remove(capture)
        self._missed[capture.point] += capture.stop()

    def stop(self) -> int:
        """End it: everything that has passed is in the file. Returns how many packets were missed, on all points together.

        Raises MachineError when the file could not be written.
        """
        for capture in list(self._captures):
            self._stop(capture)
        self._merger.finish(self._missed)
        return self._missed.total()


class _Merger(threading.Thread):
    """Reads all pipes and writes one file. It only moves bytes, so it may be a thread of its own."""

    def __init__(self, fd: int) -> None:
        super().__init__(name="recording", daemon=True)
        self._file = os.fdopen(fd, "wb")
        self._error: OSError | None = None
        self._selector = selectors.DefaultSelector()
        self._numbers: dict[Point, int] = {}
        self._waiting: list[tuple[int, int, int, CapturedPacket]] = []  # time, order of arrival, interface
        self.arrived = 0
        self._open = True
        self._put(section_header("saglab"))
        self.start()

    def add(self, point: Point, pipe: int) -> None:
        self._selector.register(pipe, selectors.EVENT_READ, _Source(point, pipe))

    def finish(self, missed: Mapping[Point, int]) -> None:
        """Wait until every pipe is read to its end, and write what was missed. Raises MachineError."""
        self._open = False
        self.join()
        for point, number in self._numbers.items():
            if missed.get(point):
                self._put(interface_statistics(number, time.time_ns(), missed[point]))
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
            source.number = self._describe(source.point, source.stream.link_type)
        for packet in packets:
            assert source.number is not None  # noqa: S101 - the header came before its packets
            self.arrived += 1
            heapq.heappush(self._waiting, (packet.time, self.arrived, source.number, packet))

    def _describe(self, point: Point, link_type: int) -> int:
        """The number of a point in the file, once for all that listen there in turn."""
        if point not in self._numbers:
            self._put(interface_description(point.name, link_type))
            self._numbers[point] = len(self._numbers)
        return self._numbers[point]

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
