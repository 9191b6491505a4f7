"""The loop between the kernel and the engine: wait, read, pass it through, write what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Any

from dataplane import ipv4
from dataplane.config import Offloads
from dataplane.engine import Engine
from dataplane.errors import DropReason
from dataplane.fastpath import FastPath
from dataplane.gathering import Gatherer, Read
from dataplane.linux.outbox import REFUSALS, Outbox
from dataplane.linux.poller import READ, Poller
from dataplane.linux.selftest import sends_batches, takes_superpackets
from dataplane.linux.tun import Tun
from dataplane.linux.udp import UnderlaySocket
from dataplane.memory import zeros
from dataplane.packets import BatchEffect, Datagram, Deliver, DeliverSuperPacket, Effect, Send, SendBatch, SendFromIkePort
from dataplane.shaping import Shaping
from dataplane.virtio import GSO_NONE, Offload

IKE_READS = 8
"""Messages of IKE that are taken before packets get their turn again. Our choice: some 0.3 ms of a flood."""

READS = 64
BYTES = 512 * 1024
"""What is read from one side before the other side, and the control socket, get their turn. Our choice: some 1 ms."""

PAUSE = 300e-6
"""Seconds to let packets gather that come quickly. Our choice: a few times what it takes to carry those of one such pause."""

REST = 30e-6
"""Seconds without anything to do, after which a packet is taken for a lone one: it goes its way at once, and nobody asks first
whether another one came behind it. Our choice: more than it takes to find out that there is something to do.
"""

SLOT = 65536
"""Bytes of the largest IP packet."""

EVERY_OFFLOAD = Offloads()


class Loop:
    """Drives an engine over a TUN device and an underlay socket until `stop` is called.

    `ike` is the socket on UDP/500, `shared_ike` the one that gets the IKE of the underlay's own port, where the kernel keeps it
    apart. `chore` is called now and then, when there was something to do anyway.
    """

    def __init__(
        self,
        engine: Engine,
        tun: Tun,
        underlay: UnderlaySocket,
        poller: Poller,
        ike: UnderlaySocket | None = None,
        shared_ike: UnderlaySocket | None = None,
        offloads: Offloads = EVERY_OFFLOAD,
        chore: Callable[[float], None] = lambda _now: None,
    ) -> None:
        self._engine = engine
        self._tun = tun
        self._underlay = underlay
        self._ike = ike
        self._sockets = [each for each in (underlay, ike, shared_ike) if each is not None]
        self._poller = poller
        self._gatherer = Gatherer()
        self._shaping = Shaping(engine)
        self._fast = FastPath(engine, _superpackets(tun, offloads))
        self._outbox = Outbox(underlay, engine.refused, batches=offloads.underlay_send and sends_batches(underlay))
        _gather(underlay, offloads)
        self._slot = zeros(SLOT)
        self._resting_since = -inf
        self._carriers: Mapping[type, Callable[[Any], None]] = {
            Send: self._outbox.put,
            SendBatch: self._outbox.put_batch,
            SendFromIkePort: self._send_from_ike_port,
            Deliver: self._deliver,
            DeliverSuperPacket: self._deliver_superpacket,
        }
        self._chore = chore
        self._running = True
        poller.register(tun, READ, self._from_tun)
        poller.register(underlay, READ, self._from_underlay)
        if ike is not None:
            poller.register(ike, READ, lambda: self._from_ike(ike, engine.inbound_ike))
        if shared_ike is not None:
            poller.register(shared_ike, READ, lambda: self._from_ike(shared_ike, engine.inbound))

    def run(self) -> None:
        """Return once stopped. Raises TunError when the TUN device is taken away."""
        while self._running:
            self._turn()
        self._carry_out(self._engine.close(time.monotonic()))
        self._outbox.flush()

    def stop(self) -> None:
        """Let `run` return after what is at hand. Safe in a signal handler, if that also wakes the poller."""
        self._running = False

    def _turn(self) -> None:
        """Do what is due, wait for something to happen, and see to it."""
        for handle in self._poller.ready(self._until_due()):
            handle()
        for each in self._sockets:
            if each.reports:
                self._engine.reported(each.take_reports(), time.monotonic())

    def _until_due(self) -> float | None:
        """Do what is due by now, and return after how many seconds something will be, None for never."""
        due, now = self._due(), time.monotonic()
        if due <= now:
            self._carry_out(self._engine.tick(now))
            self._release(now)
            self._outbox.flush()
            self._chore(now)
            due, now = self._due(), time.monotonic()
        self._resting_since = now
        return max(0.0, due - now) if due < inf else None

    def _due(self) -> float:
        return min(self._engine.deadline(), self._shaping.deadline())

    def _release(self, now: float) -> None:
        """Send what has waited for its peer's bandwidth until now."""
        for held in self._shaping.release(now):
            self._carry_out(self._fast.outbound(memoryview(held.packet), held.offload, now))

    def _from_tun(self) -> None:
        now = time.monotonic()
        is_lone = now - self._resting_since > REST
        room = BYTES
        for _ in range(READS):
            try:
                length, offload = self._tun.read_into(self._gatherer.room)
            except BlockingIOError:
                break
            if is_lone and offload.gso_type == GSO_NONE:
                self._send_alone(self._gatherer.room[:length], offload, now)
                return
            is_lone = False
            self._send(self._gatherer.take(length, offload))
            room -= length
            if room < 0:
                break
        self._send(self._gatherer.finish())
        self._outbox.flush()
        if self._gatherer.could_gather_more():
            time.sleep(PAUSE)

    def _send_alone(self, packet: memoryview, offload: Offload, now: float) -> None:
        if not self._shaping.take(packet, offload, now):
            self._carry_out(self._fast.outbound_packet(packet, offload, now))
            self._outbox.flush()

    def _send(self, reads: Iterable[Read]) -> None:
        for packet, offload in reads:
            now = time.monotonic()
            if not self._shaping.take(packet, offload, now):
                self._carry_out(self._fast.outbound(packet, offload, now))

    def _from_underlay(self) -> None:
        now = time.monotonic()
        is_lone = now - self._resting_since > REST
        room = BYTES
        for reads in range(READS):
            try:
                length, stride, endpoint, tos = self._underlay.receive_into(self._fast.room)
            except BlockingIOError:
                if not reads:
                    self._underlay.drain_errors()  # it woke us for what it heard of the paths
                break
            if is_lone and length == stride:
                self._carry_out(self._fast.inbound_datagram(length, endpoint, tos, now))
                break
            is_lone = False
            self._carry_out(self._fast.inbound(length, stride, endpoint, tos, time.monotonic()))
            room -= length
            if room < 0:
                break
        if not is_lone:
            self._carry_out(self._fast.settle(time.monotonic()))
        self._note_overflows()
        self._outbox.flush()

    def _note_overflows(self) -> None:
        total = 0
        for each in self._sockets:
            total += each.overflows
        self._engine.overflowed(total)

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
            self._carriers[type(effect)](effect)

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
