"""What an IKE message can do wrong. What is merely refused, with an answer that says so, is no drop: that is a `Refusal`."""

from __future__ import annotations

from dataplane.errors import DataplaneError, DropReason, RemoteError
from dataplane.ike.numbers import Notice


class MalformedIke(RemoteError):
    reason = DropReason.MALFORMED_IKE


class TruncatedIke(MalformedIke):
    reason = DropReason.IKE_TRUNCATED


class IkeTooLong(MalformedIke):
    reason = DropReason.IKE_TOO_LONG


class UnsupportedCritical(MalformedIke):
    """A payload of a type that nobody here knows has its critical bit set. RFC 7296 §2.5."""

    def __init__(self, payload_type: int) -> None:
        super().__init__(f"payload type {payload_type} is unknown and critical")
        self.payload_type = payload_type


class InvalidSyntax(MalformedIke):
    """An authentic message is malformed: the peer itself is at fault, and is told so. RFC 7296 §2.21.3."""


class UnknownIkeSpi(RemoteError):
    reason = DropReason.UNKNOWN_IKE_SPI


class IkeForged(RemoteError):
    reason = DropReason.IKE_FORGED


class IkeOutOfWindow(RemoteError):
    reason = DropReason.IKE_OUT_OF_WINDOW


class IkeUnexpected(RemoteError):
    reason = DropReason.IKE_UNEXPECTED


class IkeOverloaded(RemoteError):
    reason = DropReason.IKE_OVERLOADED


class Refusal(DataplaneError):
    """One end refuses what the other asks. `notice` is an error type of RFC 7296 §3.10.1, known to us or not.

    What refuses a handshake of a peer is counted under `reason`.
    """

    def __init__(self, notice: int, why: str, data: bytes = b"", reason: DropReason = DropReason.IKE_REFUSED) -> None:
        super().__init__(f"{notice_name(notice)}: {why}")
        self.notice = notice
        self.data = data
        self.reason = reason


def notice_name(notice: int) -> str:
    """The name of a notification's type; its number where nobody here knows it."""
    try:
        return Notice(notice).name
    except ValueError:
        return f"NOTIFY_{notice}"
