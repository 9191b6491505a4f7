"""Whom a controller takes for whose device, and what a device thinks of the controller's certificate. Pure."""

from __future__ import annotations

from datetime import datetime

from lab.phoning import Entry, Validity
from lab.status import CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID, SERIAL_NUMBER_IN_USE, UNKNOWN_SERIAL_NUMBER, WRONG_KEY


class Refusal(Exception):
    """A device, or its controller, is refused for `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_admission(entry: Entry | None, *, proves_key: bool, machine: str) -> Entry:
    """The entry of a device that calls from a machine. Raises Refusal.

    A machine with the right pair is refused as long as another one, which came before, holds the serial number.
    """
    if entry is None:
        raise Refusal(UNKNOWN_SERIAL_NUMBER)
    if not proves_key:
        raise Refusal(WRONG_KEY)
    if entry.holder != machine:
        raise Refusal(SERIAL_NUMBER_IN_USE)
    return entry


def check_validity(certificate: Validity, clock: datetime) -> None:
    """Raises Refusal for a certificate that is not valid by a machine's clock."""
    if clock < certificate.not_before:
        raise Refusal(CERTIFICATE_NOT_YET_VALID)
    if clock > certificate.not_after:
        raise Refusal(CERTIFICATE_EXPIRED)
