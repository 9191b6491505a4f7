"""Which system calls a worker has left once it has started: those that move packets, and none that could reach further.

It opens no file and no socket, starts no process, signals nobody, and maps no memory that can be executed. What is not listed
fails with EPERM instead of killing the process, so that a call which another version of the C library makes is an error that
can be read. libseccomp turns the list into a filter of this machine's architecture: seccomp_init(3), seccomp_rule_add(3).
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable
from functools import cache

from dataplane.errors import LocalError

LIBRARY = "libseccomp.so.2"

ALLOWED = (
    # packets, and descriptors that come from the agent
    *("read", "readv", "pread64", "write", "writev", "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg"),
    *("accept", "accept4", "shutdown", "close", "close_range", "fcntl", "lseek", "fstat", "newfstatat", "fstatat64"),
    *("getsockopt", "setsockopt", "getsockname", "getpeername", "socketpair"),
    # waiting
    *("epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6"),
    *("clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "futex", "sched_yield", "restart_syscall"),
    # memory, beside mmap and mprotect below
    *("brk", "munmap", "mremap", "madvise", "membarrier"),
    # signals that arrive, randomness, what a process asks about itself
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getrandom", "getpid", "getppid", "gettid", "getuid"),
    *("geteuid", "getgid", "getegid", "getrusage", "times", "sysinfo", "sched_getaffinity", "exit", "exit_group"),
)

_FIONBIO = 0x5421  # asm-generic/ioctls.h: a socket that does not block
_TUNSETOFFLOAD = 0x400454D0  # linux/if_tun.h; others would let a TUN device outlive its worker
_PROT_EXEC = 0x4  # asm-generic/mman-common.h

# seccomp.h of libseccomp
_ACT_ALLOW = 0x7FFF0000
_ACT_ERRNO = 0x00050000
_CMP_EQ = 4
_CMP_MASKED_EQ = 7
_UNKNOWN_CALL = -1


class SeccompError(LocalError):
    """The filter cannot be made or set."""


class _Comparison(ctypes.Structure):
    """A `struct scmp_arg_cmp`: what the argument with that index has to be."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


_RESTRICTED = (
    ("ioctl", _Comparison(1, _CMP_EQ, _FIONBIO, 0)),
    ("ioctl", _Comparison(1, _CMP_EQ, _TUNSETOFFLOAD, 0)),
    ("mmap", _Comparison(2, _CMP_MASKED_EQ, _PROT_EXEC, 0)),
    ("mmap2", _Comparison(2, _CMP_MASKED_EQ, _PROT_EXEC, 0)),
    ("mprotect", _Comparison(2, _CMP_MASKED_EQ, _PROT_EXEC, 0)),
)


def restrict_system_calls(prepared: ctypes.c_void_p) -> None:
    """Give up all others, for ever. Raises SeccompError."""
    _check(load_library().seccomp_load(prepared), "set the filter")


@cache
def prepare_filter() -> ctypes.c_void_p:
    """The list, as libseccomp keeps it: once for a process and all that it forks. Raises SeccompError."""
    library = load_library()
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ACT_ERRNO | errno.EPERM)))
    if not context:
        raise SeccompError("libseccomp cannot make a filter")
    _add_rules(library, context, ((name, ()) for name in ALLOWED))
    _add_rules(library, context, ((name, (comparison,)) for name, comparison in _RESTRICTED))
    return context


@cache
def load_library() -> ctypes.CDLL:
    """To be called while this process is still root, because a worker's user may not reach the file. Raises SeccompError."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise SeccompError(
            f"the library with which the worker gives up system calls cannot be loaded: {error}; install it "
            "(Debian: libseccomp2), or set seccomp to false in the configuration"
        ) from error
    library.seccomp_init.restype = ctypes.c_void_p
    return library


def _add_rules(library: ctypes.CDLL, context: ctypes.c_void_p, rules: Iterable[tuple[str, tuple[_Comparison, ...]]]) -> None:
    for name, comparisons in rules:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number == _UNKNOWN_CALL:
            continue  # libseccomp is older than the call, or no architecture of this machine has it
        array = (_Comparison * len(comparisons))(*comparisons)
        result = library.seccomp_rule_add_array(context, ctypes.c_uint32(_ACT_ALLOW), number, len(comparisons), array)
        _check(result, f"allow {name}")


def _check(result: int, what: str) -> None:
    """libseccomp returns the negative of an error's number."""
    if result != 0:
        raise SeccompError(
            f"the worker cannot give up system calls: {what}: {os.strerror(-result)}; "
            "where the kernel lacks seccomp filters, set seccomp to false in the configuration"
        )
