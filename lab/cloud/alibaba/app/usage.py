"""What each account has sent and received in which month (document, 2 step 1.3, 3.9; decision 0034)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from lab.cloud.alibaba.app.price import overage_price
from lab.cloud.alibaba.app.resources import ClientUser, SagApp
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation
from lab.cloud.record import Record
from lab.cloud.store import Store


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What a meter shows of an account: inner IP bytes since the account was made, from the client (`rx`) and to it (`tx`)."""

    client_user_id: str
    rx_bytes: int
    tx_bytes: int


@dataclass(frozen=True, kw_only=True)
class ClientUsage(Record):
    """The traffic of an account in a month ("202601", of the lab's clock, UTC). Its id is "ACCOUNT/MONTH".

    `rx_bytes` came from the client, `tx_bytes` went to it.
    """

    NOUN: ClassVar[str] = "usage"
    NOT_FOUND: ClassVar[str] = "ClientUser.NotExist"
    INDEXED: ClassVar[tuple[str, ...]] = ("smart_ag_id", "client_user_id")

    client_user_id: str
    smart_ag_id: str
    user_name: str
    month: str
    rx_bytes: int = 0
    tx_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        return self.rx_bytes + self.tx_bytes


@dataclass(frozen=True, kw_only=True)
class ClientMeter(Record):
    """What the meter of an account showed when it was last read. Its id is the account's."""

    NOUN: ClassVar[str] = "meter"
    NOT_FOUND: ClassVar[str] = "ClientUser.NotExist"

    rx_bytes: int = 0
    tx_bytes: int = 0


@dataclass(frozen=True, slots=True)
class UserFlow:
    """An account's traffic in a month, in bytes: both directions count. `over_bytes` is what the data plan did not cover."""

    user_name: str
    month: str
    rx_bytes: int
    tx_bytes: int
    total_bytes: int
    data_plan: int
    over_bytes: int


@dataclass(frozen=True, slots=True)
class BillLine:
    """A line of an instance's bill: `quantity` bytes at `cents` altogether; the data plan itself is free (3.1)."""

    user_name: str
    what: str
    quantity: int
    cents: int


class ClientUsageOperations(AlibabaBase):
    @operation
    def report_client_usage(self, readings: tuple[MeterReading, ...]) -> None:
        """Say what the meters of accounts show: what the points of presence count, so an extension of ours.

        The traffic since the last reading is that of the month that it is now, so read before the clock moves. A reading that was
        reported before changes nothing. A meter that shows less than before has begun anew, and counts from 0.
        Raises ClientUser.NotExist, InvalidParameter for less than 0.
        """
        for reading in readings:
            self._count(reading)

    def describe_user_flow_statistics(self, smart_ag_id: str, statistics_date: str | None = None) -> tuple[UserFlow, ...]:
        """What the accounts of an instance have used in a month, "yyyyMM", or in this one (document, 2 step 1.3).

        Raises InvalidId.SMARTAG.
        """
        instance = self._get(SagApp, smart_ag_id)
        month = statistics_date or month_of(self._now)
        used = {usage.client_user_id: usage for usage in self._usages(smart_ag_id, month)}
        flows = [_flow(usage, instance) for usage in used.values()]
        idle = [user for user in self._store.by(ClientUser, "smart_ag_id", smart_ag_id) if user.id not in used]
        return (*flows, *(UserFlow(user.user_name, month, 0, 0, 0, instance.data_plan, 0) for user in idle))

    def describe_data_bill(self, smart_ag_id: str, statistics_date: str | None = None) -> tuple[BillLine, ...]:
        """The lines of an instance's bill for the data of a month: the data plan for nothing, and above it by volume.

        An extension of ours. Raises InvalidId.SMARTAG.
        """
        lines = []
        for flow in self.describe_user_flow_statistics(smart_ag_id, statistics_date):
            lines.append(BillLine(flow.user_name, "Data Plan Per Account", flow.total_bytes - flow.over_bytes, 0))
            if flow.over_bytes:
                lines.append(BillLine(flow.user_name, "Pay-As-You-Go", flow.over_bytes, overage_price(flow.over_bytes)))
        return tuple(lines)

    def _usages(self, smart_ag_id: str, month: str) -> list[ClientUsage]:
        return [usage for usage in self._store.by(ClientUsage, "smart_ag_id", smart_ag_id) if usage.month == month]

    def _count(self, reading: MeterReading) -> None:
        user = self._store.find(ClientUser, reading.client_user_id)
        if user is None:
            raise CloudError(ClientUser.NOT_FOUND, f"there is no client account '{reading.client_user_id}'")
        if min(reading.rx_bytes, reading.tx_bytes) < 0:
            raise CloudError("InvalidParameter", f"a meter shows no less than 0 bytes, so not {reading}")
        before = self._store.find(ClientMeter, user.id)
        rx_bytes = _since(reading.rx_bytes, 0 if before is None else before.rx_bytes)
        tx_bytes = _since(reading.tx_bytes, 0 if before is None else before.tx_bytes)
        if not (rx_bytes or tx_bytes):
            return
        origin = self._origin(user.id)
        self._store.put(ClientMeter(id=user.id, origin=origin, rx_bytes=reading.rx_bytes, tx_bytes=reading.tx_bytes))
        usage = self._usage(user)
        self._store.put(replace(usage, rx_bytes=usage.rx_bytes + rx_bytes, tx_bytes=usage.tx_bytes + tx_bytes))

    def _usage(self, user: ClientUser) -> ClientUsage:
        month = month_of(self._now)
        usage_id = f"{user.id}/{month}"
        return self._store.find(ClientUsage, usage_id) or ClientUsage(
            id=usage_id,
            origin=self._origin(usage_id),
            client_user_id=user.id,
            smart_ag_id=user.smart_ag_id,
            user_name=user.user_name,
            month=month,
        )


def month_of(moment: datetime) -> str:
    """The billing cycle of a moment: the calendar month, "202601"."""
    return f"{moment:%Y%m}"


def bytes_this_month(store: Store, client_user_id: str, now: datetime) -> int:
    usage = store.find(ClientUsage, f"{client_user_id}/{month_of(now)}")
    return 0 if usage is None else usage.total_bytes


def _since(now: int, before: int) -> int:
    return now - before if now >= before else now


def _flow(usage: ClientUsage, instance: SagApp) -> UserFlow:
    over = max(0, usage.total_bytes - instance.data_plan)
    return UserFlow(
        usage.user_name, usage.month, usage.rx_bytes, usage.tx_bytes, usage.total_bytes, instance.data_plan, over
    )
