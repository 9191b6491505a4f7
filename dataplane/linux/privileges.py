"""How a worker gives up what it was born with, for ever. capabilities(7), prctl(2).

A process of root that only changes its user may still hold inheritable capabilities, or win others by executing a file; here
nothing is left to hold or to win. What was given up is looked at again, and a worker that has kept anything does not start.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import signal
from dataclasses import dataclass
from typing import Any

from dataplane.errors import LocalError

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38

_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h
_CAPABILITY_WORDS = 6  # effective, permitted, inheritable of the lower 32 capabilities, then of the upper 32

_libc = ctypes.CDLL(None, use_errno=True)


class PrivilegeError(LocalError):
    """This process may not do what a dataplane does, or could not give it up."""


@dataclass(frozen=True, slots=True)
class Identity:
    uid: int
    gid: int


def require_root() -> None:
    """Raises PrivilegeError."""
    if os.geteuid() != 0:
        raise PrivilegeError(
            f"a dataplane is started as root, not as user {os.geteuid()}: it opens a TUN device and sockets, "
            "and hands them to a worker without any privilege (in a user namespace: unshare --map-auto --map-root-user)"
        )


def identity_of(user: int | str) -> Identity:
    """Whom the worker becomes. A number stands for user and group. Raises PrivilegeError for root and for a name of nobody."""
    if isinstance(user, int):
        return Identity(user, user)
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise PrivilegeError(f"user: {user!r} is unknown on this machine; create it, or give a number") from None
    if account.pw_uid == 0 or account.pw_gid == 0:
        raise PrivilegeError(f"user: {user!r} is root or in its group, and the worker must not be; choose another")
    return Identity(account.pw_uid, account.pw_gid)


def drop_privileges(identity: Identity) -> None:
    """Become `identity`, without capabilities or a way back, unreadable for other processes. Raises PrivilegeError."""
    try:
        os.setgroups([])
        _empty_bounding_set()
        os.setresgid(identity.gid, identity.gid, identity.gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)
        _clear_capabilities()
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _prctl(_PR_SET_DUMPABLE, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except OSError as error:
        raise PrivilegeError(
            f"the worker cannot become user {identity.uid}, group {identity.gid}: {error.strerror}; this needs root, and in a "
            "user namespace a user and a group that are mapped there (user in the configuration)"
        ) from error
    _verify(identity)


def die_with_parent() -> None:
    """Be killed when the process that forked this one ends. A change of user undoes it, so it comes after.

    The parent may have ended before: the caller looks whether it is still there.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _empty_bounding_set() -> None:
    """Nothing that is executed later can give a capability. It takes CAP_SETPCAP, so it comes before the change of user."""
    number = 0
    while _libc.prctl(_PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        _prctl(_PR_CAPBSET_DROP, number)
        number += 1


def _clear_capabilities() -> None:
    """The change of user emptied all sets but the inheritable one, and with that the ambient one."""
    _check(_libc.capset(_header(), _words()))


def _verify(identity: Identity) -> None:
    words = _words()
    _check(_libc.capget(_header(), words))
    ids = {*os.getresuid()}, {*os.getresgid()}
    if any(words) or ids != ({identity.uid}, {identity.gid}) or os.getgroups():
        raise PrivilegeError("the worker could not give up its privileges: the kernel says that it still has some")


def _header() -> ctypes.Array[ctypes.c_uint32]:
    """A `struct __user_cap_header_struct` that means this process."""
    return (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)


def _words() -> ctypes.Array[ctypes.c_uint32]:
    return (ctypes.c_uint32 * _CAPABILITY_WORDS)()


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, *(ctypes.c_ulong(argument) for argument in (value, 0, 0, 0))))


def _check(result: Any) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
