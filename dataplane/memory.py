"""Memory for what comes in bulk: zeros, which take no room until something is written over them.

A `bytearray` is written to when it is made. A gateway through which nothing flows would keep the better part of a megabyte so.
"""

from __future__ import annotations

import mmap


def zeros(length: int) -> memoryview:
    """So many bytes, in pages of their own."""
    return memoryview(mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
