"""What time brings to a conversation: requests sent again, keys renewed, silent peers asked. RFC 7296 §2.1, §2.4, §2.8."""

from __future__ import annotations

from functools import partial

from dataplane.ike.association import IkeSa
from dataplane.ike.conversation import LINGER_SECONDS
from dataplane.ike.events import (
    ChildDeleted,
    Failed,
    Output,
    Reason,
)
from dataplane.ike.jobs import Probe
from dataplane.ike.lifetimes import WORN, WORN_OUT
from dataplane.ike.numbers import Exchange
from dataplane.ike.renewal import Renewal
from dataplane.ike.states import Phase, State

PATIENCE = LINGER_SECONDS
"""Seconds for which a request is repeated to a peer that is heard but does not answer. Our choice: so long it keeps answers."""


class Life(Renewal):
    """A conversation that knows what is due."""

    def heard(self, now: float) -> None:
        """The peer sent something authentic by ESP, so it is alive."""
        self.heard_at = now

    def use(self, spi: int, wear: float, now: float) -> list[Output]:
        """Say what part of the life of a child's keys is over; it is replaced in good time, or deleted when they are worn out."""
        sa = self.children.get(spi)
        if sa is None:
            return []
        if wear >= WORN_OUT:
            sa.expires_at = now
        elif wear >= WORN and sa.rekey_at is not None:
            sa.rekey_at = now
        return self.tick(now)

    def tick(self, now: float) -> list[Output]:
        """Carry out what is due."""
        for sa in list(self._sas.values()):
            if sa.outbox.pending is not None and sa.outbox.pending.due <= now:
                self._repeat(sa, now)
            if sa.gone_at is not None and sa.gone_at <= now and sa is not self._current:
                self._forget_sa(sa)
        if self._ends_at is not None and self._ends_at <= now:
            self._time_out(now)
        if self.state is State.ESTABLISHED:
            self._renew(now)
        self._grant_wishes(now)
        return self._flush()

    def ask(self, now: float) -> list[Output]:
        """Ask whether the peer is alive, because somebody waits for it. Nothing is asked while a request is under way anyway."""
        if self.state is State.ESTABLISHED and self._current.outbox.pending is None:
            self._probe(now)
        return self._flush()

    def _repeat(self, sa: IkeSa, now: float) -> None:
        pending = sa.outbox.pending
        if pending is not None and not pending.attempts_left and self._is_alive(pending.since, now):
            pending.attempts_left = 1
        data = sa.outbox.repeat(now)
        if data is not None:
            self._transmit(data, self.path)
        elif sa is not self._current:
            self._forget_sa(sa)
        elif self.state is State.CLOSING:
            self._end(None, now)
        else:
            self._end(self._objection or Failed(Reason.NO_ANSWER, by_peer=False), now)

    def _is_alive(self, since: float, now: float) -> bool:
        """Whether a peer that does not answer was heard since it was asked. Its ESP may outlive its IKE, but not for long."""
        return self.heard_at is not None and self.heard_at > since and now < since + PATIENCE

    def _time_out(self, now: float) -> None:
        if self.state is not State.ENDED:
            self._end(Failed(Reason.NO_ANSWER, by_peer=False), now)  # left half open: there is no answer to repeat
        self._ends_at = None
        for sa in list(self._sas.values()):
            self._forget_sa(sa)

    def _renew(self, now: float) -> None:
        """Replace what is old, give up what is too old, and ask a silent peer whether it is there."""
        sa = self._current
        if self._ike_expires_at <= now:
            self._fail(Failed(Reason.EXPIRED, by_peer=False), now)
            return
        if sa.rekey_at is not None and sa.rekey_at <= now:
            sa.rekey_at = None
            self._wish(partial(self._rekey_ike, None))
        for child in list(self.children.values()):
            if child.expires_at <= now and child.phase is not Phase.DELETING:
                child.told, child.expires_at = False, float("inf")
                self._emit(ChildDeleted(child.child.spi))
                self._wish(partial(self._delete_child, child))
            elif child.rekey_at is not None and child.rekey_at <= now:
                child.rekey_at = None
                self._wish(partial(self._rekey_child, child, None))
        if self._probe_at() <= now and not self._wishes and sa.outbox.pending is None:
            self._probe(now)

    def _probe(self, now: float) -> None:
        self._request(self._current, Exchange.INFORMATIONAL, [], Probe(), now)

    def _probe_at(self) -> float:
        return float("inf") if self.heard_at is None else self.heard_at + self.settings.probe_after

    def deadline(self) -> float | None:
        """When `tick` is to be called next, None for never."""
        return min((due for due in self._dues() if due is not None and due != float("inf")), default=None)

    def _dues(self) -> list[float | None]:
        dues: list[float | None] = [self._ends_at]
        for sa in self._sas.values():
            dues += [sa.gone_at, sa.outbox.pending.due if sa.outbox.pending is not None else None]
        if self.state is State.ESTABLISHED:
            dues += [self._current.rekey_at, self._ike_expires_at]
            if self._current.outbox.pending is None:
                dues.append(self._probe_at())
            for child in self.children.values():
                dues += [child.rekey_at, child.expires_at]
        return dues
