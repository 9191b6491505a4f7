"""`python -m dataplane --config FILE`: one gateway's tunnels, between a TUN device and UDP/4500, with IKE there and on UDP/500.

Writes "ready" and a newline to standard output once packets pass. Ends with 0 when told to (SIGTERM, SIGINT), with 2 when it
cannot start, each reason on a line of standard error, and with 1 when the TUN device is taken away from under it.
"""

from __future__ import annotations

import argparse
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from dataplane.commands import answer
from dataplane.config import Config, ConfigError, parse_config, parse_keys
from dataplane.engine import Engine, build_engine
from dataplane.errors import LocalError
from dataplane.ike.numbers import IKE_PORT
from dataplane.linux.control import ControlServer
from dataplane.linux.loop import Loop
from dataplane.linux.tun import Tun
from dataplane.linux.udp import UnderlaySocket

ENDED = 0
FAILED = 1
CANNOT_START = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to end. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dataplane", description="A gateway's packet engine.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration, a JSON object")
    path = parser.parse_args(arguments).config
    with ExitStack() as stack:
        try:
            config = parse_config(_read_file(path))
            keys = parse_keys(_read_keys(config.keys_fd), config.peers)
            engine = build_engine(config, keys, time.monotonic(), os.urandom)
            loop = _assemble(config, engine, stack)
        except LocalError as error:
            return _complain(error, CANNOT_START)
        print("ready", flush=True)
        try:
            loop.run()
        except LocalError as error:
            return _complain(error, FAILED)
    return ENDED


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LocalError(f"configuration {path}: {error.strerror}") from error


def _read_keys(descriptor: int) -> bytes:
    """Read the inherited file from its start, wherever its writer left off, and close it."""
    try:
        with open(descriptor, "rb") as keys:
            keys.seek(0)
            return keys.read()
    except OSError as error:
        raise ConfigError([f"keys_fd: {descriptor} cannot be read: {error.strerror or error}"]) from error


def _assemble(config: Config, engine: Engine, stack: ExitStack) -> Loop:
    """Open what the loop runs over; `stack` closes it. Raises LocalError for the first thing that cannot be had."""
    tun = stack.enter_context(closing(Tun(config.tun.name, config.tun.mtu)))
    underlay = stack.enter_context(closing(UnderlaySocket(config.underlay.address, config.underlay.port)))
    selector = stack.enter_context(closing(selectors.DefaultSelector()))
    loop = Loop(engine, tun, underlay, selector, _open_ike(config, stack))
    stack.enter_context(
        closing(ControlServer(config.control, lambda line: answer(config.name, engine, line, time.monotonic()), selector))
    )
    stack.enter_context(_stopping(loop, selector))
    return loop


def _open_ike(config: Config, stack: ExitStack) -> UnderlaySocket | None:
    """The socket on UDP/500, where initiators begin that know of no other port."""
    if not config.underlay.ike:
        return None
    return stack.enter_context(closing(UnderlaySocket(config.underlay.address, IKE_PORT)))


@contextmanager
def _stopping(loop: Loop, selector: selectors.BaseSelector) -> Iterator[None]:
    """SIGTERM and SIGINT stop the loop. Python's wake-up descriptor makes the selector return for them."""
    awaken, asleep = socket.socketpair()
    with awaken, asleep:
        awaken.setblocking(False)
        selector.register(asleep, selectors.EVENT_READ, lambda: None)
        signal.set_wakeup_fd(awaken.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
        yield
        signal.set_wakeup_fd(-1)
        selector.unregister(asleep)


def _complain(error: LocalError, status: int) -> int:
    for line in error.errors if isinstance(error, ConfigError) else (error,):
        print(f"dataplane: {line}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
