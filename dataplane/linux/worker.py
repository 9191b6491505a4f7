"""The worker: the part of a dataplane that has the packets and the keys, and nothing else that is worth stealing."""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from itertools import pairwise

# What `cryptography` imports when it is first used: by then a worker cannot open a file.
import cryptography.hazmat.backends.openssl.backend  # noqa: F401

from dataplane.assembly import build_engine
from dataplane.commands import answer
from dataplane.config import Config, parse_keys
from dataplane.engine import Engine
from dataplane.errors import LocalError
from dataplane.ike.numbers import IKE_PORT
from dataplane.keylog import KeyLog, Table
from dataplane.linux.channel import AgentGone, Channel, Refused
from dataplane.linux.control import ControlServer
from dataplane.linux.keyfiles import KeyFiles
from dataplane.linux.large_pages import LargePages, open_maps
from dataplane.linux.loop import Loop
from dataplane.linux.meterfile import map_meters
from dataplane.linux.poller import Poller
from dataplane.linux.privileges import Identity, die_with_parent, drop_privileges
from dataplane.linux.requests import OpenControl, OpenKeyLog, OpenMeters, OpenTun, OpenUnderlay, Tune
from dataplane.linux.seccomp import prepare_filter, restrict_system_calls
from dataplane.linux.signals import caught
from dataplane.linux.status import CANNOT_START, ENDED, FAILED, complain
from dataplane.linux.tun import Tun
from dataplane.linux.udp import UnderlaySocket

STANDARD_ERROR = 2

GATHERING_TIME = 30_000  # nanoseconds
DEFERRED_INTERRUPTS = 2
"""How long an interface waits for more of the same. Our choice: UDP comes in batches then, and a ping waits no longer."""


def work(config: Config, identity: Identity, keys: int, channel: Channel) -> int:
    """Carry packets until told to end. Returns the exit status. `keys` is the descriptor of the keys."""
    with ExitStack() as stack:
        try:
            maps = open_maps()
            confine(identity, channel, (keys, maps), seccomp=config.seccomp)
            pages = LargePages(maps)  # before there are any peers: theirs is what grows
            material = parse_keys(_read(keys), config.peers)
            meters = None if config.meters is None else map_meters(channel.obtain(OpenMeters()))
            engine = build_engine(config, material, time.monotonic(), os.urandom, _key_log(config, channel), meters)
            loop = _assemble(config, engine, pages, channel, stack)
        except LocalError as error:
            return complain(error, CANNOT_START)
        print("ready", flush=True)
        try:
            loop.run()
        except LocalError as error:
            return complain(error, FAILED)
    return ENDED


def confine(identity: Identity, channel: Channel, kept: tuple[int, ...], *, seccomp: bool) -> None:
    """Give up all that a worker needs no more: descriptors but the channel's and those `kept`, privileges, system calls.

    Raises PrivilegeError, SeccompError, AgentGone.
    """
    prepared = prepare_filter() if seccomp else None  # while it may still load the library
    _close_all_but({*kept, channel.fileno()})
    drop_privileges(identity)
    die_with_parent()
    _require_agent(channel)
    if prepared is not None:
        restrict_system_calls(prepared)


def _close_all_but(kept: set[int]) -> None:
    """Standard input, output and error are kept anyway."""
    bounds = [STANDARD_ERROR, *sorted(kept), os.sysconf("SC_OPEN_MAX")]
    for before, after in pairwise(bounds):
        if before + 1 < after:  # Python takes an empty range for an endless one
            os.closerange(before + 1, after)


def _require_agent(channel: Channel) -> None:
    """If it ended before `die_with_parent`, no signal will come, but its end of the channel is closed."""
    poll = select.poll()
    poll.register(channel, select.POLLHUP)
    if poll.poll(0):
        raise AgentGone("the agent is gone")


def _read(descriptor: int) -> bytes:
    """A file from its start, wherever its writer left off; it is closed."""
    try:
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    except OSError as error:
        raise LocalError(f"the keys cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _key_log(config: Config, channel: Channel) -> KeyLog | None:
    """Raises Refused when its files cannot be had."""
    if config.keylog is None:
        return None
    return KeyLog(KeyFiles({table: channel.obtain(OpenKeyLog(table)) for table in Table}).write)


def _assemble(config: Config, engine: Engine, pages: LargePages, channel: Channel, stack: ExitStack) -> Loop:
    """Have opened what the loop runs over; `stack` closes it. Raises LocalError for the first thing that cannot be had."""
    tun = stack.enter_context(closing(Tun(config.tun.name, channel.obtain(OpenTun(config.tun.mtu, vnet_header=True)))))
    port, speaks_ike = config.underlay.port, config.underlay.ike
    underlay = _open_underlay(config, port, channel, stack, shared=speaks_ike)
    is_apart = speaks_ike and underlay.leave_ike_to_next()
    shared_ike = _open_underlay(config, port, channel, stack, shared=True) if is_apart else None
    ike = _open_underlay(config, IKE_PORT, channel, stack) if speaks_ike else None
    _tune(config.interfaces, channel)
    poller = stack.enter_context(Poller())
    loop = Loop(engine, tun, underlay, poller, ike, shared_ike, config.offloads, chore=pages.follow)
    stack.enter_context(closing(_control(config, engine, channel, poller)))
    stack.enter_context(caught(loop.stop, poller))
    return loop


def _control(config: Config, engine: Engine, channel: Channel, poller: Poller) -> ControlServer:
    listener = socket.socket(fileno=channel.obtain(OpenControl()))
    return ControlServer(listener, lambda line: answer(config.name, engine, line, time.monotonic()), poller)


def _tune(interfaces: Sequence[str], channel: Channel) -> None:
    """Have the kernel gather what comes in at the gateway's interfaces. It works without, at another speed."""
    for interface in interfaces:
        tune = Tune(
            interface,
            gro=True,
            udp_gro_forwarding=True,
            gro_flush_timeout=GATHERING_TIME,
            napi_defer_hard_irqs=DEFERRED_INTERRUPTS,
        )
        try:
            channel.order(tune)
        except Refused as error:
            print(f"dataplane: {error}; it stays as it is", file=sys.stderr)


def _open_underlay(config: Config, port: int, channel: Channel, stack: ExitStack, *, shared: bool = False) -> UnderlaySocket:
    descriptor = channel.obtain(OpenUnderlay(config.underlay.address, port, shared))
    return stack.enter_context(closing(UnderlaySocket(socket.socket(fileno=descriptor))))
