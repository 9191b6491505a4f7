"""nftables without starting a program: libnftables(3), which nft itself is made of, called in the namespace that is meant.

Starting nft in a node costs several times what it then does there.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from lab.emulation.namespace import NetworkNamespace
from lab.errors import MachineError

LIBRARY = "libnftables.so.1"

# nftables/libnftables.h
_CONTEXT_DEFAULT = 0
_OUTPUT_JSON = 1 << 4


def run_nft(namespace: NetworkNamespace, commands: str, *, json: bool = False) -> str:
    """Carry out commands as `nft -f -` does, in one transaction, and return what they print. Raises MachineError."""
    library = _library()
    with namespace.inside(), _context(library) as context:
        library.nft_ctx_buffer_output(context)
        library.nft_ctx_buffer_error(context)
        library.nft_ctx_output_set_flags(context, _OUTPUT_JSON if json else 0)
        status = library.nft_run_cmd_from_buffer(context, commands.encode())
        if status != 0:
            raise MachineError(f"nftables failed: {_text(library.nft_ctx_get_error_buffer(context))}")
        return _text(library.nft_ctx_get_output_buffer(context))


@contextmanager
def _context(library: ctypes.CDLL) -> Iterator[ctypes.c_void_p]:
    """Its netlink socket belongs to the namespace in which it is made."""
    context = library.nft_ctx_new(_CONTEXT_DEFAULT)
    if not context:
        raise MachineError("libnftables cannot begin: out of memory or of descriptors")
    try:
        yield ctypes.c_void_p(context)
    finally:
        library.nft_ctx_free(ctypes.c_void_p(context))


def _text(buffer: bytes | None) -> str:
    return (buffer or b"").decode(errors="replace").strip()


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise MachineError(f"{LIBRARY} is missing, which nft comes with; install it (Debian: nftables)") from error
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
    library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    return library
