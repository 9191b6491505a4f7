"""The loop between the kernel and the engine: wait, drain a batch, pass it through, write out what came of it."""

from __future__ import annotations

import errno
import selectors
import time
from collections.abc import Callable, Iterable

from dataplane.engine import Engine
from dataplane.errors import DropReason
from dataplane.linux.tun import Tun
from dataplane.linux.udp import UnderlaySocket
from dataplane.packets import Datagram, Effect, Send, SendFromIkePort

BATCH = 64
"""Packets taken from one side before the other side, and the control socket, get their turn. Our choice."""

SLOT = 65536
"""Bytes of a slot of the batch: the largest IP packet fits. The kernel gives memory only to the part that is used."""


REFUSALS = {errno.EMSGSIZE: DropReason.PATH_TOO_SMALL, errno.ENOBUFS: DropReason.UNDERLAY_BUSY}


class Loop:
    """Drives an engine over a TUN device and an underlay socket until `stop` is called. `ike` is the socket on UDP/500."""

    def __init__(
        self,
        engine: Engine,
        tun: Tun,
        underlay: UnderlaySocket,
        selector: selectors.BaseSelector,
        ike: UnderlaySocket | None = None,
    ) -> None:
        self._engine = engine
        self._tun = tun
        self._underlay = underlay
        self._ike = ike
        self._selector = selector
        self._slots = _slots()
        self._running = True
        selector.register(tun, selectors.EVENT_READ, self._from_tun)
        selector.register(underlay, selectors.EVENT_READ, self._from_underlay)
        if ike is not None:
            selector.register(ike, selectors.EVENT_READ, lambda: self._from_ike(ike))

    def run(self) -> None:
        """Return once stopped. Raises TunError when the TUN device is taken away."""
        while self._running:
            self._carry_out(self._engine.tick(time.monotonic()))
            for key, _ in self._selector.select(self._timeout()):
                handle: Callable[[], None] = key.data
                handle()
            self._engine.reported(self._underlay.take_reports(), time.monotonic())
        self._carry_out(self._engine.close(time.monotonic()))

    def stop(self) -> None:
        """Let `run` return after the batch at hand. Safe in a signal handler, if that also wakes the selector."""
        self._running = False

    def _timeout(self) -> float | None:
        deadline = self._engine.deadline()
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def _from_tun(self) -> None:
        packets: list[memoryview] = []
        for slot in self._slots:
            try:
                packets.append(slot[: self._tun.read_into(slot)])
            except BlockingIOError:
                break
        self._carry_out(self._engine.outbound(packets, time.monotonic()))

    def _from_underlay(self) -> None:
        self._carry_out(self._engine.inbound(self._drain(self._underlay), time.monotonic()))

    def _from_ike(self, ike: UnderlaySocket) -> None:
        self._carry_out(self._engine.inbound_ike(self._drain(ike), time.monotonic()))

    def _drain(self, underlay: UnderlaySocket) -> list[Datagram]:
        """A batch of datagrams. A socket that has none to give woke us for what it heard of the paths."""
        datagrams: list[Datagram] = []
        for slot in self._slots:
            try:
                length, endpoint, tos = underlay.receive_into(slot)
            except BlockingIOError:
                break
            datagrams.append(Datagram(slot[:length], endpoint, tos))
        if not datagrams:
            underlay.drain_errors()
        return datagrams

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._send(self._underlay, effect, effect.tos)
            elif isinstance(effect, SendFromIkePort):
                self._send(self._ike or self._underlay, effect)
            else:
                try:
                    self._tun.write(effect.packet)
                except OSError:
                    self._engine.refused(effect, DropReason.OVERLAY_REFUSED)

    def _send(self, underlay: UnderlaySocket, effect: Send | SendFromIkePort, tos: int = 0) -> None:
        try:
            underlay.send(effect.payload, effect.endpoint, tos)
        except BlockingIOError:
            self._engine.refused(effect, DropReason.UNDERLAY_BUSY)
        except OSError as error:
            self._engine.refused(effect, REFUSALS.get(error.errno or 0, DropReason.UNDERLAY_REFUSED))


def _slots() -> list[memoryview]:
    memory = memoryview(bytearray(BATCH * SLOT))
    return [memory[start : start + SLOT] for start in range(0, len(memory), SLOT)]
