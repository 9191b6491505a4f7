"""Accounts: the customers of Alibaba Cloud. A lab begins with one, "main"."""

from __future__ import annotations

import re

from lab.cloud.alibaba.app.code import open_default_code
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.resources import Account
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation
from lab.cloud.store import Store
from lab.cloud.supply import Supply
from lab.origin import Origin


class AccountOperations(AlibabaBase):
    @operation
    def create_account(self, name: str) -> Account:
        """Let another customer come to the provider; who calls as "NAME/" is its administrator. An extension of ours.

        Raises InvalidAccountName, InvalidAccount.Exists.
        """
        if not re.fullmatch(r"[a-z][a-z0-9-]{1,31}", name):
            raise CloudError("InvalidAccountName", f"'{name}' is not 2 to 32 lower-case letters, digits and -, a letter first")
        if self._store.find(Account, name) is not None:
            raise CloudError("InvalidAccount.Exists", f"there is an account '{name}' already")
        return open_account(self._store, self._supply, name, self._origin(name))

    def describe_accounts(self) -> tuple[Account, ...]:
        return self._store.all(Account)


def open_account(store: Store, supply: Supply, name: str, origin: Origin | None = None) -> Account:
    """An account with its default enterprise code (4.1). That of a new cloud is of no operation."""
    account = Account(id=name, origin=origin or Origin(name, ""))
    store.put(account)
    open_default_code(store, supply, name, account.origin)
    return account
