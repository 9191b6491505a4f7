"""The states of a conversation, of its IKE SAs and of its children, and every way from one to another.

A conversation begins with IKE_SA_INIT and IKE_AUTH, which its initiator drives: each of its requests waits for a response. It is
established once each end has verified the other's proof. It ends by a request of either end to delete it, or because one end
refuses the other, or because nobody answers. An end that has ended still repeats its last response for a while, or the peer would
ask for it in vain.

     NEW ── CONNECT ──► INIT_SENT ── SETTLED ──► AUTH_SENT ── AUTHENTICATED ─┐
      │                  ▲    │ RETRY               │ REFUSE ──► CLOSING     ├─► ESTABLISHED ── CLOSE ──► CLOSING
      │                  └────┘                                              │                              │ ANSWERED
      └─── ASKED ──► INIT_ANSWERED ──────────────────────── AUTHENTICATED ───┘        … ── END ──►  ENDED ◄─┘

An association, be it an IKE SA or a child, is OPEN until one end replaces or deletes it. The end that asks for a replacement is
REKEYING. Whoever asked deletes the old one, so the other end finds it REPLACED and waits. What happens when both ask at once is
RFC 7296 §2.8.1 and §2.25: both requests are granted, and of the two replacements the one whose exchange has the lowest of all
four nonces is deleted by the end that asked for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from dataplane.errors import LocalError
from dataplane.ike.numbers import Exchange, Notice


class State(Enum):
    """Of a conversation."""

    NEW = auto()
    INIT_SENT = auto()
    AUTH_SENT = auto()
    INIT_ANSWERED = auto()
    ESTABLISHED = auto()
    CLOSING = auto()
    ENDED = auto()


class Step(Enum):
    CONNECT = auto()  # we sent IKE_SA_INIT
    RETRY = auto()  # the peer wants a cookie, or another group
    SETTLED = auto()  # the peer chose from our offer
    ASKED = auto()  # we answered IKE_SA_INIT
    AUTHENTICATED = auto()  # the peer's proof is right
    REFUSE = auto()  # the responder's proof is wrong, and we tell it so
    CLOSE = auto()  # we asked the peer to delete the IKE SA
    END = auto()


TRANSITIONS: Mapping[tuple[State, Step], State] = {
    (State.NEW, Step.CONNECT): State.INIT_SENT,
    (State.NEW, Step.ASKED): State.INIT_ANSWERED,
    (State.NEW, Step.END): State.ENDED,
    (State.INIT_SENT, Step.RETRY): State.INIT_SENT,
    (State.INIT_SENT, Step.SETTLED): State.AUTH_SENT,
    (State.INIT_SENT, Step.END): State.ENDED,
    (State.AUTH_SENT, Step.AUTHENTICATED): State.ESTABLISHED,
    (State.AUTH_SENT, Step.REFUSE): State.CLOSING,
    (State.AUTH_SENT, Step.END): State.ENDED,
    (State.INIT_ANSWERED, Step.AUTHENTICATED): State.ESTABLISHED,
    (State.INIT_ANSWERED, Step.END): State.ENDED,
    (State.ESTABLISHED, Step.CLOSE): State.CLOSING,
    (State.ESTABLISHED, Step.END): State.ENDED,
    (State.CLOSING, Step.END): State.ENDED,
}

REQUESTS: Mapping[State, frozenset[int]] = {
    State.INIT_ANSWERED: frozenset({Exchange.IKE_AUTH}),
    State.ESTABLISHED: frozenset({Exchange.CREATE_CHILD_SA, Exchange.INFORMATIONAL}),
    State.CLOSING: frozenset({Exchange.CREATE_CHILD_SA, Exchange.INFORMATIONAL}),
}
"""Which requests of the peer are carried out. In other states none are; a repeated one is answered again in any state."""


def advance(state: State, step: Step) -> State:
    """Raises LocalError for a step that the state does not know."""
    following = TRANSITIONS.get((state, step))
    if following is None:
        raise LocalError(f"no step {step.name} leads out of {state.name}")
    return following


class Phase(Enum):
    """Of an IKE SA or a child."""

    OPEN = auto()
    REKEYING = auto()  # we asked the peer to replace it
    REPLACED = auto()  # the peer asked us, and is to delete it
    DELETING = auto()  # we asked the peer to delete it


REKEY_REFUSALS: Mapping[Phase, Notice] = {
    Phase.REPLACED: Notice.TEMPORARY_FAILURE,
    Phase.DELETING: Notice.TEMPORARY_FAILURE,
}
"""With what a request to replace something is refused (§2.25). In other phases it is granted, REKEYING among them."""
