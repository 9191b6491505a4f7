"""The certificate that the controller of Smart Access Gateway shows to the devices that phone home."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.errors import CloudError
from lab.cloud.lab_time import START
from lab.cloud.operation import operation
from lab.cloud.record import Record
from lab.cloud.store import Store
from lab.origin import Origin

_ID = "controller"
_NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # RFC 5280 §4.1.2.5: what has no expiration date
LONGEST = 3650  # days; our choice


@dataclass(frozen=True, kw_only=True)
class ControllerCertificate(Record):
    """From when to when it is good, both included, by the lab's clock. Until one is issued, the provider sees to it by itself."""

    NOUN: ClassVar[str] = "controller's certificate"
    NOT_FOUND: ClassVar[str] = "InvalidCertificate.NotFound"

    id: str = _ID
    not_before: datetime
    not_after: datetime


class ControllerCertificateOperations(AlibabaBase):
    @operation
    def issue_controller_certificate(self, days: int) -> ControllerCertificate:
        """Give the controller a certificate for so many days: what the provider's staff does, so an extension of ours.

        It is not renewed by itself: once the clock has passed its end, devices refuse the controller. Raises InvalidParameter.
        """
        if not 1 <= days <= LONGEST:
            raise CloudError("InvalidParameter", f"a certificate is good for 1 to {LONGEST} days, not {days}")
        end = self._now + timedelta(days=days, seconds=-1)
        certificate = ControllerCertificate(origin=self._origin(_ID), not_before=self._now, not_after=end)
        self._store.put(certificate)
        return certificate


def certificate_in(store: Store) -> ControllerCertificate:
    """The certificate that the controller has."""
    found = store.find(ControllerCertificate, _ID)
    return found or ControllerCertificate(origin=Origin(_ID, ""), not_before=START, not_after=_NEVER)
