"""Large pages for the memory of a gateway with many peers. madvise(2), MADV_COLLAPSE.

Every packet of another peer is about other memory, and a processor remembers for some thousand pages where they lie. Of 2 MB each
that is enough for any gateway, of 4 KB it is not for a thousand peers. Small gateways stay as they are: what they share with each
other they share in small pages.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dataplane.errors import LocalError

_MADV_COLLAPSE = 25  # asm-generic/mman-common.h, since Linux 6.1; older ones refuse it, and nothing is lost

LARGE_PAGE = 2 * 1024 * 1024
"""Bytes, on x86-64 and on arm64 with small pages of 4 KB."""

GROWTH = 8 * LARGE_PAGE
"""Bytes that the memory grows by before its pages are made large for the first time. Our choice: what 500 peers take."""

INTERVAL = 5.0
"""Seconds between two looks at it. Our choice."""

_CHUNK = 65536

_libc = ctypes.CDLL(None)


class Mapping(NamedTuple):
    start: int
    end: int

    def large_pages(self) -> range:
        """The addresses of those that fit in."""
        return range(-(-self.start // LARGE_PAGE) * LARGE_PAGE, self.end // LARGE_PAGE * LARGE_PAGE, LARGE_PAGE)


class LargePages:
    """Makes the pages of this process large as it grows. `maps` is a descriptor of its /proc/self/maps.

    One at a time, for each takes up to a millisecond, in which no packet is carried.
    """

    def __init__(self, maps: int) -> None:
        self._maps = maps
        self._enough = _size(self._heap()) + GROWTH
        self._small: list[int] = []
        self._look_at = 0.0

    def follow(self, now: float) -> None:
        """Make a page large if there is one to be made; to be called now and then."""
        if self._small:
            _collapse(self._small.pop())
        elif now >= self._look_at:
            self._look_at = now + INTERVAL
            self._look()

    def _look(self) -> None:
        heap = list(self._heap())
        size = _size(heap)
        if size >= self._enough:
            self._enough = size + LARGE_PAGE
            self._small = [page for mapping in heap for page in mapping.large_pages()]

    def _heap(self) -> Iterator[Mapping]:
        """What the process has asked for and may write: no files, no stack. proc(5), /proc/pid/maps."""
        for line in _read(self._maps).splitlines():
            bounds, permissions, _, _, _, *path = line.split()
            if permissions == b"rw-p" and path in ([], [b"[heap]"]):
                start, _, end = bounds.partition(b"-")
                yield Mapping(int(start, 16), int(end, 16))


def _size(mappings: Iterable[Mapping]) -> int:
    return sum(mapping.end - mapping.start for mapping in mappings)


def open_maps() -> int:
    """To be called before the process may open no file any more. Raises LocalError."""
    try:
        return os.open("/proc/self/maps", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise LocalError(f"/proc/self/maps cannot be read: {error.strerror}; a dataplane needs /proc") from error


def _read(descriptor: int) -> bytes:
    """All of it as it is now; the kernel gives it piece by piece."""
    content = b""
    while piece := os.pread(descriptor, _CHUNK, len(content)):
        content += piece
    return content


def _collapse(page: int) -> None:
    """What it answers does not matter: where there is no large page, the small ones stay."""
    _libc.madvise(ctypes.c_void_p(page), ctypes.c_size_t(LARGE_PAGE), _MADV_COLLAPSE)
