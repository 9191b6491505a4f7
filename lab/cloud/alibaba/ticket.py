"""Tickets to the provider's staff: how the image of SAG vCPE is asked for (document 000…, step 2.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.aws.resources import Image
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation
from lab.cloud.record import Record

# The product that the document's link to the ticket form names.
SAG_PRODUCT = 1308


@dataclass(frozen=True, kw_only=True)
class Ticket(Record):
    NOUN: ClassVar[str] = "ticket"
    NOT_FOUND: ClassVar[str] = "InvalidTicketId.NotFound"

    product_id: int
    content: str
    created_at: datetime


class TicketOperations(AlibabaBase):
    @operation
    def create_ticket(self, product_id: int = SAG_PRODUCT, *, content: str = "") -> Ticket:
        """Ask for the SAG vCPE image to be shared with the account at AWS. The lab's staff answers at once.

        Raises InvalidParameter for another product. Asking again does nothing more.
        """
        if product_id != SAG_PRODUCT:
            raise CloudError("InvalidParameter", f"product_id {product_id} is not {SAG_PRODUCT}, Smart Access Gateway")
        ticket_id = self._supply.alibaba_id("ticket")
        ticket = Ticket(
            id=ticket_id, origin=self._origin(ticket_id), product_id=product_id, content=content, created_at=self._now
        )
        self._store.put(ticket)
        for image in self._store.all(Image):
            if image.sag_vcpe and not image.shared:
                self._store.put(replace(image, shared=True))
        return ticket

    def describe_tickets(self) -> tuple[Ticket, ...]:
        return self._store.all(Ticket)
