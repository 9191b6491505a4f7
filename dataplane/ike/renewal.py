"""CREATE_CHILD_SA and DELETE: how children and IKE SAs are replaced, by either end or by both at once. RFC 7296 §1.3, §1.4, §2.8.

Which of two replacements yields, and what is refused while something else is under way, is told in `states`.
"""

from __future__ import annotations

from functools import partial

from dataplane.ike import children, rekeying
from dataplane.ike.algorithms import Group
from dataplane.ike.association import IkeSa
from dataplane.ike.children import ChildSa
from dataplane.ike.conversation import Conversation, present
from dataplane.ike.errors import MalformedIke, Refusal
from dataplane.ike.events import (
    ChildEstablished,
    ChildRekeyed,
    Closed,
    Failed,
    Reason,
)
from dataplane.ike.handshake import NONCE_LENGTH, wanted_group
from dataplane.ike.jobs import DeleteChild, RekeyChild, RekeyIke
from dataplane.ike.message import Payloads
from dataplane.ike.numbers import Exchange, Notice, Protocol
from dataplane.ike.payloads import Delete, Notify, Payload, SecurityAssociation
from dataplane.ike.states import REKEY_REFUSALS, Phase, State

MOST_CHILDREN = 16
"""Children of one conversation. Our choice: one for each worker of a large gateway (RFC 9611), twice while they are replaced."""


class Renewal(Conversation):
    """A conversation that can be renewed."""

    # Children

    def _answer_create(self, sa: IkeSa, request: Payloads, now: float) -> list[Payload]:
        if self.state is State.CLOSING or sa is not self._current:
            raise Refusal(Notice.TEMPORARY_FAILURE, "the IKE SA is about to go")
        proposals = request.one(SecurityAssociation).proposals
        if any(proposal.protocol == Protocol.IKE for proposal in proposals):
            return self._answer_rekey_ike(sa, request, now)
        if sa.phase is not Phase.OPEN:
            raise Refusal(Notice.TEMPORARY_FAILURE, "the IKE SA is being replaced")
        rekeyed = request.notices(Notice.REKEY_SA)
        return self._answer_rekey_child(sa, rekeyed[0], request, now) if rekeyed else self._answer_child(sa, request, now)

    def _answer_child(self, sa: IkeSa, request: Payloads, now: float) -> list[Payload]:
        granted = self._grant_child(sa, children.terms_of(present(self.policy)), request)
        self._install(granted.child, now).unsure_by = sa.local_spi
        self._emit(ChildEstablished(granted.child))
        return granted.payloads

    def _answer_rekey_child(self, sa: IkeSa, notify: Notify, request: Payloads, now: float) -> list[Payload]:
        old = self._child_of_peer(notify.protocol, notify.spi)
        if old is None:
            raise Refusal(Notice.CHILD_SA_NOT_FOUND, "there is no such child")
        if old.phase in REKEY_REFUSALS:
            raise Refusal(REKEY_REFUSALS[old.phase], "the child is about to go")
        granted = self._grant_child(sa, old.terms(present(self.policy).esp), request)
        new = self._install(granted.child, now)
        new.unsure_by = sa.local_spi
        self._emit(ChildRekeyed(old.child.spi, granted.child, initiated=False))
        job = sa.outbox.pending.purpose if sa.outbox.pending else None
        if isinstance(job, RekeyChild) and job.old is old:
            job.rival = (new, granted.lowest)
        else:
            old.phase, old.rekey_at = Phase.REPLACED, None
        return granted.payloads

    def _grant_child(self, sa: IkeSa, terms: children.Terms, request: Payloads) -> rekeying.GrantedChild:
        if len(self.children) >= MOST_CHILDREN:
            raise Refusal(Notice.NO_ADDITIONAL_SAS, f"there are {len(self.children)} children already")
        spi = self._new_child_spi()
        try:
            return rekeying.grant_child(sa, terms, request, spi, self._entropy)
        except (MalformedIke, Refusal):
            self._release_child_spi(spi)
            raise

    def _rekey_child(self, old: ChildSa, group: Group | None, now: float) -> None:
        """Ask for a child in place of `old`, with a key exchange in `group`; None stands for our first choice."""
        if old.phase is not Phase.OPEN or old.child.spi not in self.children:
            return
        if old.unsure_by is not None:
            old.rekey_at = now + self._retry_wait()
            return
        old.phase, old.rekey_at = Phase.REKEYING, None
        offer = present(self.policy).esp
        if group is None and offer.groups:
            group = offer.groups[0]
        secret = None if group is None else group.generate(self._entropy)
        job = RekeyChild(old, self._new_child_spi(), self._entropy(NONCE_LENGTH), group, secret)
        self._request(self._current, Exchange.CREATE_CHILD_SA, rekeying.ask_child(job, old.terms(offer)), job, now)

    def _conclude_rekey_child(self, sa: IkeSa, job: RekeyChild, response: Payloads, now: float) -> None:
        try:
            child, lowest = rekeying.accept_child(sa, job.old.terms(present(self.policy).esp), response, job)
        except Refusal as refusal:
            self._release_child_spi(job.spi)
            self._child_not_rekeyed(job, refusal, response, now)
            return
        new = self._install(child, now)
        if job.rival is not None and lowest < job.rival[1]:
            new.phase, new.rekey_at, new.told = Phase.REPLACED, None, False
            job.old.phase = Phase.REPLACED
            self._wish(partial(self._delete_child, new))
            return
        if job.rival is not None:
            rival = job.rival[0]
            rival.phase, rival.rekey_at = Phase.REPLACED, None
        self._emit(ChildRekeyed(job.old.child.spi, child, initiated=True))
        self._wish(partial(self._delete_child, job.old))

    def _child_not_rekeyed(self, job: RekeyChild, refusal: Refusal, response: Payloads, now: float) -> None:
        old = job.old
        if old.child.spi not in self.children:
            return
        if job.rival is not None:
            old.phase = Phase.REPLACED
            return
        old.phase = Phase.OPEN
        if refusal.notice == Notice.INVALID_KE_PAYLOAD and response.notices(refusal.notice):
            try:
                group = wanted_group(response.notices(refusal.notice)[0], present(self.policy).esp.groups, job.group)
            except Refusal:
                group = None
            if group is not None:
                self._wish(partial(self._rekey_child, old, group))
                return
        if refusal.notice == Notice.CHILD_SA_NOT_FOUND:
            self._lose_child(old)
            return
        old.rekey_at = now + self._retry_wait()

    # IKE SAs

    def _answer_rekey_ike(self, sa: IkeSa, request: Payloads, now: float) -> list[Payload]:
        job = sa.outbox.pending.purpose if sa.outbox.pending else None
        if sa.phase in REKEY_REFUSALS or isinstance(job, RekeyChild | DeleteChild):
            raise Refusal(Notice.TEMPORARY_FAILURE, "a child is being replaced or deleted, or the IKE SA is about to go")
        if isinstance(job, RekeyIke) and job.rival is not None:
            raise Refusal(Notice.TEMPORARY_FAILURE, "the peer replaces the IKE SA already")
        spi = self._registry.new_ike_spi(self)
        try:
            granted = rekeying.grant_ike(
                sa, self.settings.ike, self.settings.retransmission, request, spi, self._entropy
            )
        except (MalformedIke, Refusal):
            self._registry.release_ike_spi(spi)
            raise
        self._adopt(granted.sa, now)
        if isinstance(job, RekeyIke):
            job.rival = (granted.sa, granted.lowest)
        else:
            self._succeed(sa, granted.sa, now)
        return granted.payloads

    def _rekey_ike(self, group: Group | None, now: float) -> None:
        sa = self._current
        if sa.phase is not Phase.OPEN:
            return
        sa.phase, sa.rekey_at = Phase.REKEYING, None
        group = group or self.settings.ike.groups[0]
        job = RekeyIke(self._registry.new_ike_spi(self), self._entropy(NONCE_LENGTH), group, group.generate(self._entropy))
        self._request(sa, Exchange.CREATE_CHILD_SA, rekeying.ask_ike(job, self.settings.ike), job, now)

    def _conclude_rekey_ike(self, sa: IkeSa, job: RekeyIke, response: Payloads, now: float) -> None:
        settings = self.settings
        try:
            new, lowest = rekeying.accept_ike(sa, settings.ike, settings.retransmission, response, job)
        except Refusal as refusal:
            self._registry.release_ike_spi(job.spi)
            self._ike_not_rekeyed(sa, job, refusal, response, now)
            return
        self._adopt(new, now)
        if job.rival is not None and lowest < job.rival[1]:
            self._succeed(sa, job.rival[0], now)
            self._delete_sa(new, now)
            return
        if job.rival is not None:
            self._retire(job.rival[0], now)
        self._succeed(sa, new, now)
        self._delete_sa(sa, now)

    def _ike_not_rekeyed(self, sa: IkeSa, job: RekeyIke, refusal: Refusal, response: Payloads, now: float) -> None:
        if job.rival is not None:
            self._succeed(sa, job.rival[0], now)
            return
        sa.phase = Phase.OPEN
        notices = response.notices(Notice.INVALID_KE_PAYLOAD)
        if refusal.notice == Notice.INVALID_KE_PAYLOAD and notices:
            try:
                group = wanted_group(notices[0], self.settings.ike.groups, job.group)
            except Refusal:
                group = None
            if group is not None:
                self._wish(partial(self._rekey_ike, group))
                return
        sa.rekey_at = now + self._retry_wait()

    def _succeed(self, old: IkeSa, new: IkeSa, now: float) -> None:
        """`new` takes the place of `old`, and all children with it (§2.18)."""
        self._retire(old, now)
        old.outbox.settle()  # a probe may be under way; nothing depends on its answer
        self._current = new

    # Deleting

    def _answer_informational(self, sa: IkeSa, request: Payloads, now: float) -> list[Payload]:
        if request.notices(Notice.AUTHENTICATION_FAILED):
            self._end(Failed(Reason.AUTHENTICATION_FAILED, by_peer=True), now)
            return []
        deletes = request.all(Delete)
        if any(delete.protocol == Protocol.IKE for delete in deletes):
            self._deleted_by_peer(sa, now)
            return []
        spis = [spi for delete in deletes for spi in delete.spis if delete.protocol == Protocol.ESP]
        ours = [children.pack_spi(spi) for spi in map(self._child_deleted_by_peer, spis) if spi is not None]
        return [Delete(Protocol.ESP, tuple(ours))] if ours else []

    def _child_deleted_by_peer(self, spi: bytes) -> int | None:
        """The inbound SPI of the child, None when there is none or we are deleting it ourselves (§1.4.1)."""
        old = self._child_of_peer(Protocol.ESP, spi)
        if old is None:
            return None
        ours = None if old.phase is Phase.DELETING else old.child.spi
        self._lose_child(old)
        return ours

    def _deleted_by_peer(self, sa: IkeSa, now: float) -> None:
        job = sa.outbox.pending.purpose if sa.outbox.pending else None
        if sa is not self._current:
            sa.outbox.settle()
            self._retire(sa, now)
        elif isinstance(job, RekeyIke) and job.rival is not None:
            self._succeed(sa, job.rival[0], now)
        elif self.state is State.CLOSING:
            self._end(None, now)
        else:
            self._end(Closed(by_peer=True), now)

    def _delete_child(self, old: ChildSa, now: float) -> None:
        if old.phase is Phase.DELETING or old.child.spi not in self.children:
            return
        old.phase, old.rekey_at = Phase.DELETING, None
        delete = Delete(Protocol.ESP, (children.pack_spi(old.child.spi),))
        self._request(self._current, Exchange.INFORMATIONAL, [delete], DeleteChild(old), now)

    def _conclude_delete(self, sa: IkeSa, now: float) -> None:
        if sa is self._current:
            self._end(None, now)
        else:
            self._forget_sa(sa)
