"""What leaves by the underlay's socket. Datagrams that may go together wait for each other, for a moment: UDP GSO."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence

from dataplane.errors import DropReason
from dataplane.linux.udp import UnderlaySocket
from dataplane.meters import Entry, summed
from dataplane.packets import Buffer, Send, SendBatch
from dataplane.segmentation import LARGEST_SEND, SEGMENTS

REFUSALS = {errno.EMSGSIZE: DropReason.PATH_TOO_SMALL, errno.ENOBUFS: DropReason.UNDERLAY_BUSY}
"""What an error of the kernel's is counted under, if not as UNDERLAY_REFUSED."""

Refused = Callable[[Send, DropReason], None]


class Outbox:
    """Sends in order. What the kernel refuses is told to `refused`, datagram by datagram.

    With `batches` false every datagram has a system call to itself. A send costs some 2.5 µs, and each that goes with it 0.1.
    """

    def __init__(self, underlay: UnderlaySocket, refused: Refused, *, batches: bool = True) -> None:
        self.batches = batches
        self._underlay = underlay
        self._refused = refused
        self._waiting: list[Send] = []
        self._length = 0

    def put(self, send: Send) -> None:
        """Send now or at the next `flush`."""
        if self._waiting and not self._goes_along(send):
            self.flush()
        self._waiting.append(send)
        self._length += len(send.payload)
        if not self.batches or len(send.payload) < len(self._waiting[0].payload):
            self.flush()

    def _goes_along(self, send: Send) -> bool:
        """Whether it may go with those that wait: to the same place, no longer than they, and there is room."""
        first = self._waiting[0]
        return (
            len(send.payload) <= len(first.payload)
            and (send.endpoint, send.tos, send.is_probe) == (first.endpoint, first.tos, first.is_probe)
            and len(self._waiting) < SEGMENTS
            and self._length + len(send.payload) <= LARGEST_SEND
        )

    def flush(self) -> None:
        """Send all that waits."""
        waiting = self._waiting
        if not waiting:
            return
        self._waiting, self._length = [], 0
        first = waiting[0]
        if len(waiting) > 1:
            entries = summed(send.entry for send in waiting if send.entry is not None)
            if self._send_together([send.payload for send in waiting], len(first.payload), first, entries):
                return
        for send in waiting:
            self._send(send)

    def put_batch(self, batch: SendBatch) -> None:
        """Send now, behind all that waits."""
        self.flush()
        if self.batches and self._send_together([batch.payload], batch.segment, batch):
            return
        for start in range(0, len(batch.payload), batch.segment):
            self._send(Send(batch.payload[start : start + batch.segment], batch.endpoint, batch.peer, batch.tos))

    def _send_together(
        self, parts: Sequence[Buffer], segment: int, like: Send | SendBatch, entries: Sequence[Entry] = ()
    ) -> bool:
        """Whether that is settled; if not, each is to be sent alone."""
        for entry in entries:
            entry.put_down()
        try:
            self._underlay.send_batch(parts, segment, like.endpoint, like.tos)
        except OSError as error:
            for entry in entries:
                entry.strike()
            if error.errno == errno.EIO:
                self.batches = False  # the interface cannot do the checksums that this takes: ip(7), UDP_SEGMENT
            return False
        return True

    def _send(self, send: Send) -> None:
        if send.entry is not None:
            send.entry.put_down()
        try:
            self._underlay.send(send.payload, send.endpoint, send.tos)
        except BlockingIOError:
            self._refuse(send, DropReason.UNDERLAY_BUSY)
        except OSError as error:
            self._refuse(send, REFUSALS.get(error.errno or 0, DropReason.UNDERLAY_REFUSED))

    def _refuse(self, send: Send, reason: DropReason) -> None:
        if send.entry is not None:
            send.entry.strike()
        self._refused(send, reason)
