"""What the path to a peer carries, found out by asking. RFC 8899, RFC 1191, RFC 4301 §8.2.

A probe is an ESP dummy packet of the size in question. Any receiver discards a dummy whatever it holds (RFC 4303 §2.6), so a
probe harms nobody; a dataplane of this kind finds the question in it, which is authentic, and answers with another dummy. A
request of IKE would do for every kind of peer, but it must be repeated until it is answered: one too big would be the last.

What ICMP says is nobody's word. It is believed at once only if it quotes what an outsider cannot know, the SPI and the sequence
number of a packet of ours, and even then a probe of the size that is said not to fit may prove it wrong. Otherwise it is no more
than a reason to ask. Without any ICMP a search finds what silently swallows large packets.

      search                  round 0       1 s     rounds 1 to 3          conclusion
    ──────────► target only ────────────────────► every size of the ladder ──────────► the largest that was answered
                    │ answered: done
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from dataplane.esp import datagram_length, overlay_mtu
from dataplane.packets import Buffer

FLOOR = 576
"""Bytes below which no path is believed to be: what every host must take (RFC 791 §3.1), and nearly all that routers ask for."""

LADDER = (576, 768, 1024, 1200, 1280, 1320, 1360, 1380, 1400, 1420, 1440, 1452, 1460, 1472, 1476, 1480, 1492, 1500, 4000, 9000)
"""Bytes of a datagram that are worth a probe: the MTUs of common links and of tunnels over them. Our choice."""

ROUNDS = 4
ROUND_SECONDS = 1.0  # RFC 8899 §5.1.1: no less
"""A size is asked for in three rounds at least. Our choice: at a loss of 10 % each way, 1 in 150 is missed until the next one."""

SEARCH_GAP = 10.0
"""Seconds between two searches, whatever ICMP says. Our choice."""

CHECK_INTERVAL = 60.0
"""Seconds between two probes of the size in use with a peer that answers them. Our choice."""

RAISE_INTERVAL = 600.0
"""Seconds after which more is tried. RFC 1191 §6.3, RFC 8899 §5.1.1."""

_CONTENT = struct.Struct("!4sHH")
_MAGIC = b"pmtu"
_QUESTION, _ANSWER = 1, 2


class Probe(NamedTuple):
    """What a dummy packet asks or answers. `size` is that of the whole datagram, in bytes."""

    size: int
    is_answer: bool

    def pack(self) -> bytes:
        """The content of the dummy packet: a question is as long as it says, an answer short."""
        content = _CONTENT.pack(_MAGIC, _ANSWER if self.is_answer else _QUESTION, self.size)
        return content if self.is_answer else content.ljust(overlay_mtu(self.size), b"\0")


def parse_probe(content: Buffer) -> Probe | None:
    """None for a dummy packet that is no probe."""
    if len(content) < _CONTENT.size:
        return None
    magic, kind, size = _CONTENT.unpack_from(content)
    if magic != _MAGIC or kind not in (_QUESTION, _ANSWER):
        return None
    return Probe(size, kind == _ANSWER)


class PathMtu:
    """The path to one peer. Sizes are those of whole IPv4 datagrams in bytes; times are seconds of a monotonic clock.

    `mtu` is the largest inner packet for now, and at first that of the overlay: a path is taken to be good until it proves bad.
    Without `discover` it stays so.
    """

    __slots__ = (
        "_began_at",
        "_claimed",
        "_confirmed",
        "_discover",
        "_overlay_mtu",
        "_raise_at",
        "_round",
        "_size",
        "_target",
        "answers",
        "ceiling",
        "due_at",
        "mtu",
    )

    def __init__(self, mtu: int, *, discover: bool = True) -> None:
        self.mtu = self._overlay_mtu = mtu
        self.answers = False
        """Whether the peer ever answered a probe."""
        self._discover = discover
        self.forget()

    @property
    def size(self) -> int:
        return self._size

    def forget(self) -> None:
        """The peer is somewhere else, or new: begin with a search."""
        self.ceiling = datagram_length(self._overlay_mtu)
        self._use(self.ceiling)
        self._round: int | None = None
        self._target = self.ceiling
        self._confirmed = 0
        self._claimed = 0
        self._began_at = self._raise_at = float("-inf")
        self.due_at: float | None = float("-inf") if self._discover else None
        """When `questions` has some to ask, None for never."""

    def _use(self, size: int) -> None:
        self._size = size
        self.mtu = min(self._overlay_mtu, overlay_mtu(size))

    # What others say

    def claim(self, size: int, now: float, *, proven: bool) -> None:
        """ICMP says that no more than `size` gets through; `proven` if it quoted a packet of ours."""
        if not self._discover or size >= self._size:
            return
        disputed, self._claimed = self._size, max(size, FLOOR)
        if proven and self._claimed < self._size:
            self._use(self._claimed)
            self._raise_at = now + RAISE_INTERVAL
        if self._round is None:
            self._target = disputed
            self.due_at = max(now, self._began_at + SEARCH_GAP)

    def limit(self, size: int, now: float) -> None:
        """Our own kernel says so, which needs no proof."""
        if self._discover and size < self._size:
            self._use(max(size, FLOOR))
            self._raise_at = now + RAISE_INTERVAL

    def confirm(self, size: int, now: float) -> None:
        """The peer answered a probe."""
        if size > self.ceiling:
            return
        self.answers = True
        self._confirmed = max(self._confirmed, size)
        if size > self._size:
            self._use(size)
        if self._round is not None and self._confirmed >= self._target:
            self._conclude(now)

    # What to ask

    def questions(self, now: float) -> list[Probe]:
        """The probes that are due."""
        if self.due_at is None or now < self.due_at:
            return []
        if self._round is None:
            self._begin(now)
        if self._round == ROUNDS:
            self._conclude(now)
            return []
        sizes = [self._target] if not self._round else self._candidates()
        self._round = (self._round or 0) + 1
        self.due_at = now + ROUND_SECONDS
        return [Probe(size, is_answer=False) for size in sizes]

    def _begin(self, now: float) -> None:
        if now >= self._raise_at:
            self._target = self.ceiling
            if not self.answers:
                self._use(self.ceiling)  # nothing but a packet can show whether more gets through by now
        self._round, self._confirmed, self._began_at = 0, 0, now

    def _candidates(self) -> list[int]:
        sizes = {size for size in LADDER if size < self._target} | {self._claimed, self._target}
        return sorted(size for size in sizes if self._confirmed < size)

    def _conclude(self, now: float) -> None:
        """Nothing answered says nothing: the path is down, or the peer does not answer probes."""
        if self._confirmed:
            self._use(self._confirmed)
        if self._target == self.ceiling:
            self._raise_at = now + RAISE_INTERVAL
        self._round, self._target = None, self._size
        self.due_at = now + (CHECK_INTERVAL if self.answers else RAISE_INTERVAL)
