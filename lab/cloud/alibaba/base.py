"""What all Alibaba Cloud operations share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, TypeVar

from lab.cloud.alibaba.region import check_region
from lab.cloud.alibaba.resources import Account
from lab.cloud.errors import CloudError
from lab.cloud.identity import MAIN
from lab.cloud.operation import Provider
from lab.cloud.record import Record

R = TypeVar("R", bound=Record)

# The document's example buys, and deploys the Alibaba side, in Singapore (step 1.3).
DEFAULT_REGION = "ap-southeast-1"


class AlibabaBase(Provider):
    PROVIDER: ClassVar[str] = "alibaba"
    END_USERS_MAY: ClassVar[frozenset[str]] = frozenset({"log_on_app", "connect_app", "disconnect_app", "log_off_app"})

    def _region(self, region_id: str) -> str:
        """Raises InvalidRegionId.NotFound."""
        return check_region(region_id)

    def _check_caller(self, name: str) -> None:
        """Raises Forbidden, InvalidAccount.NotFound."""
        super()._check_caller(name)
        if self._store.find(Account, self._account) is None:
            raise CloudError(Account.NOT_FOUND, f"there is no account '{self._account}'; create_account opens one")

    @property
    def _account(self) -> str:
        """The account that calls."""
        return self._state.caller.account

    def _get(self, kind: type[R], id: str) -> R:
        """As Provider has it; and what is another account's does not exist either."""
        record = super()._get(kind, id)
        if not self._is_own(record):
            raise CloudError(kind.NOT_FOUND, f"the {kind.NOUN} '{id}' does not exist; create it, or correct the id")
        return record

    def _own(self, records: Iterable[R]) -> tuple[R, ...]:
        """Those of the account that calls."""
        return tuple(record for record in records if self._is_own(record))

    def _is_own(self, record: Record) -> bool:
        """Whoever created something owns it; what the call under way has made is not in the journal yet."""
        made = self._state.journal.find(record.origin.number)
        owner = made.caller.account if made is not None else self._account if record.origin.number else MAIN
        return owner == self._account
