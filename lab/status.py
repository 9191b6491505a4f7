"""The two statuses of a gateway's device, in the document's words (document 000…, step 3.2.4).

VPN Status: whether the two ends of its tunnel have proved to each other who they are. Control Status: whether the device reports
to the controller, and the controller has a configuration for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.reasons import Reason

NORMAL = "Normal"
ABNORMAL = "Abnormal"

# Why an end of a tunnel is Abnormal, beside what IKE says: there is none, its peer does not answer it, or has not spoken to it.
NO_TUNNEL = "NO_TUNNEL"
NO_ANSWER = "NO_ANSWER"
PEER_NOT_HEARD = "PEER_NOT_HEARD"
LEASE_MISMATCH = "LEASE_MISMATCH"  # of a client

# Why the Control Status is Abnormal, beside why there is no configuration for the device, which is a code of lab.reasons.
NOT_REPORTING = "NOT_REPORTING"
CONTROLLER_UNREACHABLE = "CONTROLLER_UNREACHABLE"
CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
CERTIFICATE_NOT_YET_VALID = "CERTIFICATE_NOT_YET_VALID"
CERTIFICATE_NOT_TRUSTED = "CERTIFICATE_NOT_TRUSTED"
UNKNOWN_SERIAL_NUMBER = "UNKNOWN_SERIAL_NUMBER"
WRONG_KEY = "WRONG_KEY"
SERIAL_NUMBER_IN_USE = "SERIAL_NUMBER_IN_USE"

TEXT = {
    NO_TUNNEL: "the gateway is attached to no CCN, or no machine runs as its device",
    NO_ANSWER: "the other end does not answer",
    PEER_NOT_HEARD: "the other end has not been heard",
    LEASE_MISMATCH: "the client was not given the address and the DNS servers that are its own",
    "AUTHENTICATION_FAILED": "the two ends do not agree on identity and key: the device's serial number or key is wrong",
    "NO_PROPOSAL_CHOSEN": "the two ends have no cipher in common",
    NOT_REPORTING: "no machine reports to the controller as the gateway's device",
    CONTROLLER_UNREACHABLE: "the device gets no answer from the controller",
    CERTIFICATE_EXPIRED: "the controller's certificate has expired, so the device does not trust it",
    CERTIFICATE_NOT_YET_VALID: "the controller's certificate is not valid yet, so the device does not trust it",
    CERTIFICATE_NOT_TRUSTED: "the controller's certificate is not one that the device trusts",
    UNKNOWN_SERIAL_NUMBER: "the serial number that the machine was given is none that was bought",
    WRONG_KEY: "the key that the machine was given is not that of its serial number",
    SERIAL_NUMBER_IN_USE: "another machine runs with the same serial number, and came first",
}


class StatusKind(StrEnum):
    VPN = "VPN Status"
    CONTROL = "Control Status"


@dataclass(frozen=True, slots=True)
class StatusEnd:
    """One side of a status, as its node sees it. `reason` is why it is Abnormal, empty when it is Normal."""

    node: str
    reason: str = ""

    @property
    def status(self) -> str:
        return ABNORMAL if self.reason else NORMAL


def text_of(reason: str) -> str:
    """What a reason says, in one sentence that ends without a full stop; the reason itself where that is a rare one."""
    if reason in TEXT:
        return TEXT[reason]
    return Reason(reason).text if reason in set(Reason) else reason


def unspoken(*, speaks_first: bool) -> str:
    """Why an end of a tunnel is not connected that was told nothing."""
    return NO_ANSWER if speaks_first else PEER_NOT_HEARD
