"""Trying things where they cannot leave anything behind: in a child with a network and a mount namespace of its own.

What a probe makes belongs to the child's namespaces and goes with them. (The kernel may load a module on the way, as it
would when the lab first needs it.)
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.doctor.tools import search_path

_CLONE_NEWNS = 0x00020000  # linux/sched.h
_CLONE_NEWNET = 0x40000000
_MS_REC, _MS_PRIVATE = 0x4000, 1 << 18  # linux/mount.h
_PATIENCE = 60.0  # seconds for one command; our choice: an emulated machine took 30 to load a cipher, which tests itself

_libc = ctypes.CDLL(None, use_errno=True)


class CannotDo(Exception):
    """A probe's answer is no; the text says what it found."""


@dataclass(frozen=True, slots=True)
class Outcome:
    ok: bool
    found: str


def try_isolated(probes: Sequence[Callable[[], str]]) -> list[Outcome]:
    """The outcome of each probe, tried in order in one new set of namespaces. A probe returns what it found, or raises CannotDo.

    When there are no namespaces to be had, that is the outcome of each.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _answer(probes, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        return [Outcome(False, f"the probe ended with status {os.waitstatus_to_exitcode(status)}")] * len(probes)
    return [Outcome(**outcome) for outcome in json.loads(answer)]


def _answer(probes: Sequence[Callable[[], str]], writer: int) -> None:
    """The child's whole life: it never returns into its parent's code."""
    status = 1
    try:
        outcomes = _outcomes(probes)
        os.write(writer, json.dumps([{"ok": outcome.ok, "found": outcome.found} for outcome in outcomes]).encode())
        status = 0
    except BaseException:  # a forked process must not unwind into its parent's code, whatever it was
        traceback.print_exc()
    finally:
        os._exit(status)


def _outcomes(probes: Sequence[Callable[[], str]]) -> list[Outcome]:
    try:
        _unshare()
    except OSError as error:
        return [Outcome(False, f"no namespaces: {error.strerror}")] * len(probes)
    return [_outcome(probe) for probe in probes]


def _unshare() -> None:
    """Raises OSError."""
    if _libc.unshare(_CLONE_NEWNET | _CLONE_NEWNS) or _libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _outcome(probe: Callable[[], str]) -> Outcome:
    try:
        return Outcome(True, probe())
    except CannotDo as no:
        return Outcome(False, str(no))


def command(words: Sequence[str], text: str = "") -> str:
    """Run a command with `text` on its input. Raises CannotDo with the first line of its complaint."""
    environment = os.environ | {"PATH": search_path(), "LC_ALL": "C"}
    try:
        done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=_PATIENCE, env=environment, check=False)
    except (FileNotFoundError, PermissionError):
        raise CannotDo(f"not tried: the command {words[0]} is missing") from None
    except subprocess.TimeoutExpired:
        raise CannotDo(f"{words[0]} did not answer within {_PATIENCE:.0f} s") from None
    if done.returncode != 0:
        complaint = done.stderr.strip().splitlines() or [f"{words[0]} ended with status {done.returncode}"]
        raise CannotDo(complaint[0])
    return "works"
