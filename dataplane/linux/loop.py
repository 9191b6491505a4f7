"""The loop between the kernel and the engine: wait, read, pass it through, write what came of it."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterable, Sequence

from dataplane import ipv4
from dataplane.config import Offloads
from dataplane.engine import Engine
from dataplane.errors import DropReason
from dataplane.fastpath import FastPath
from dataplane.gathering import Gatherer, Read
from dataplane.linux.outbox import REFUSALS, Outbox
from dataplane.linux.selftest import sends_batches, takes_superpackets
from dataplane.linux.tun import Tun
from dataplane.linux.udp import UnderlaySocket
from dataplane.packets import BatchEffect, Datagram, Deliver, DeliverSuperPacket, Effect, Send, SendBatch, SendFromIkePort
from dataplane.shaping import Shaping

IKE_READS = 8
"""Messages of IKE that are taken before packets get their turn again. Our choice: some 0.3 ms of a flood."""

READS = 64
BYTES = 512 * 1024
"""What is read from one side before the other side, and the control socket, get their turn. Our choice: some 1 ms."""

PAUSE = 300e-6
"""Seconds to let packets gather that come quickly. Our choice: a few times what it takes to carry those of one such pause."""

SLOT = 65536
"""Bytes of the largest IP packet."""

EVERY_OFFLOAD = Offloads()


class Loop:
    """Drives an engine over a TUN device and an underlay socket until `stop` is called.

    `ike` is the socket on UDP/500, `shared_ike` the one that gets the IKE of the underlay's own port, where the kernel keeps it
    apart.
    """

    def __init__(
        self,
        engine: Engine,
        tun: Tun,
        underlay: UnderlaySocket,
        selector: selectors.BaseSelector,
        ike: UnderlaySocket | None = None,
        shared_ike: UnderlaySocket | None = None,
        offloads: Offloads = EVERY_OFFLOAD,
    ) -> None:
        self._engine = engine
        self._tun = tun
        self._underlay = underlay
        self._ike = ike
        self._sockets = [each for each in (underlay, ike, shared_ike) if each is not None]
        self._selector = selector
        self._gatherer = Gatherer()
        self._shaping = Shaping(engine)
        self._fast = FastPath(engine, _superpackets(tun, offloads))
        self._outbox = Outbox(underlay, engine.refused, batches=offloads.underlay_send and sends_batches(underlay))
        _gather(underlay, offloads)
        self._slot = memoryview(bytearray(SLOT))
        self._running = True
        selector.register(tun, selectors.EVENT_READ, self._from_tun)
        selector.register(underlay, selectors.EVENT_READ, self._from_underlay)
        if ike is not None:
            selector.register(ike, selectors.EVENT_READ, lambda: self._from_ike(ike, engine.inbound_ike))
        if shared_ike is not None:
            selector.register(shared_ike, selectors.EVENT_READ, lambda: self._from_ike(shared_ike, engine.inbound))

    def run(self) -> None:
        """Return once stopped. Raises TunError when the TUN device is taken away."""
        while self._running:
            for key, _ in self._selector.select(self._until_due()):
                handle: Callable[[], None] = key.data
                handle()
            if reports := [report for each in self._sockets for report in each.take_reports()]:
                self._engine.reported(reports, time.monotonic())
        self._carry_out(self._engine.close(time.monotonic()))
        self._outbox.flush()

    def stop(self) -> None:
        """Let `run` return after what is at hand. Safe in a signal handler, if that also wakes the selector."""
        self._running = False

    def _until_due(self) -> float | None:
        """Do what is due by now, and return after how many seconds something will be, None for never."""
        deadline = self._engine.deadline()
        if deadline is not None and deadline <= time.monotonic():
            self._carry_out(self._engine.tick(time.monotonic()))
            self._outbox.flush()
        self._release()
        dues = [due for due in (self._engine.deadline(), self._shaping.deadline()) if due is not None]
        return max(0.0, min(dues) - time.monotonic()) if dues else None

    def _release(self) -> None:
        """Send what has waited for its peer's bandwidth until now."""
        due = self._shaping.deadline()
        if due is None or due > (now := time.monotonic()):
            return
        for held in self._shaping.release(now):
            self._carry_out(self._fast.outbound(memoryview(held.packet), held.offload, now))
        self._outbox.flush()

    def _from_tun(self) -> None:
        room = BYTES
        for _ in range(READS):
            try:
                length, offload = self._tun.read_into(self._gatherer.room)
            except BlockingIOError:
                break
            self._send(self._gatherer.take(length, offload))
            room -= length
            if room < 0:
                break
        self._send(self._gatherer.finish())
        self._outbox.flush()
        if self._gatherer.could_gather_more():
            time.sleep(PAUSE)

    def _send(self, reads: Iterable[Read]) -> None:
        for packet, offload in reads:
            now = time.monotonic()
            if not self._shaping.take(packet, offload, now):
                self._carry_out(self._fast.outbound(packet, offload, now))

    def _from_underlay(self) -> None:
        room = BYTES
        for reads in range(READS):
            try:
                length, stride, endpoint, tos = self._underlay.receive_into(self._fast.room)
            except BlockingIOError:
                if not reads:
                    self._underlay.drain_errors()  # it woke us for what it heard of the paths
                break
            self._carry_out(self._fast.inbound(length, stride, endpoint, tos, time.monotonic()))
            room -= length
            if room < 0:
                break
        self._carry_out(self._fast.settle(time.monotonic()))
        self._engine.overflowed(sum(each.overflows for each in self._sockets))
        self._outbox.flush()

    def _from_ike(self, ike: UnderlaySocket, take: Callable[[Sequence[Datagram], float], list[Effect]]) -> None:
        for reads in range(IKE_READS):
            try:
                length, _, endpoint, tos = ike.receive_into(self._slot)
            except BlockingIOError:
                if not reads:
                    ike.drain_errors()
                break
            self._carry_out(take([Datagram(self._slot[:length], endpoint, tos)], time.monotonic()))
        self._outbox.flush()

    def _carry_out(self, effects: Iterable[Effect | BatchEffect]) -> None:
        for effect in effects:
            if isinstance(effect, SendBatch):
                self._outbox.put_batch(effect)
            elif isinstance(effect, DeliverSuperPacket):
                self._deliver_superpacket(effect)
            elif isinstance(effect, Send):
                self._outbox.put(effect)
            elif isinstance(effect, SendFromIkePort):
                self._send_from_ike_port(effect)
            else:
                self._deliver(effect)

    def _deliver_superpacket(self, effect: DeliverSuperPacket) -> None:
        try:
            self._tun.write_superpacket(effect.offload, effect.parts)
        except OSError:
            for packet in effect.packets:
                self._deliver(Deliver(packet))

    def _deliver(self, deliver: Deliver) -> None:
        packet, entry = deliver
        if entry is not None:
            entry.put_down()
        try:
            self._tun.write(packet)
        except OSError:
            if entry is not None:
                entry.strike()
            self._engine.drops[DropReason.OVERLAY_REFUSED] += 1

    def _send_from_ike_port(self, effect: SendFromIkePort) -> None:
        try:
            (self._ike or self._underlay).send(effect.payload, effect.endpoint)
        except BlockingIOError:
            self._engine.refused(effect, DropReason.UNDERLAY_BUSY)
        except OSError as error:
            self._engine.refused(effect, REFUSALS.get(error.errno or 0, DropReason.UNDERLAY_REFUSED))


def _superpackets(tun: Tun, offloads: Offloads) -> set[int]:
    """The protocols of which the TUN device gives super-packets. Returns those of which it takes them, too."""
    switches = {ipv4.PROTOCOL_TCP: offloads.tun_tcp, ipv4.PROTOCOL_UDP: offloads.tun_udp}
    given = tun.offload({protocol for protocol, is_on in switches.items() if is_on})
    return {protocol for protocol in given if takes_superpackets(tun, protocol)}


def _gather(underlay: UnderlaySocket, offloads: Offloads) -> None:
    """Read many datagrams at once, if the kernel keeps them apart well."""
    underlay.gather(wanted=offloads.underlay_receive)
    if offloads.underlay_receive and offloads.underlay_send and not sends_batches(underlay):
        underlay.gather(wanted=False)
