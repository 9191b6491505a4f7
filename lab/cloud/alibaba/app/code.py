"""What an enterprise code is: five letters and digits, of one account, and of no other (document, 4.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from lab.cloud.errors import CloudError
from lab.cloud.record import Record
from lab.cloud.store import Store
from lab.cloud.supply import Supply
from lab.origin import Origin


@dataclass(frozen=True, kw_only=True)
class EnterpriseCode(Record):
    """Its id is the code, in upper case. Exactly one of an account is the default. `default_origin` made it so, or not so."""

    NOUN: ClassVar[str] = "enterprise code"
    NOT_FOUND: ClassVar[str] = "EnterpriseCode.NotExist"
    INDEXED: ClassVar[tuple[str, ...]] = ("account",)

    account: str
    is_default: bool
    default_origin: Origin


def parse_code(text: str) -> str:
    """A code as it is kept. Letters alone and digits alone will do, and case does not count (decision 0034).

    Raises EnterpriseCode.Invalid.
    """
    if not re.fullmatch("[0-9A-Za-z]{5}", text):
        raise CloudError("EnterpriseCode.Invalid", f"'{text}' is not five characters, each of them a letter (a to z) or a digit")
    return text.upper()


def open_default_code(store: Store, supply: Supply, account: str, origin: Origin) -> None:
    """Give a new account a code that nobody has."""
    code = supply.enterprise_code()
    while store.find(EnterpriseCode, code) is not None:
        code = supply.enterprise_code()
    store.put(EnterpriseCode(id=code, origin=origin, account=account, is_default=True, default_origin=origin))


def default_code(store: Store, account: str) -> EnterpriseCode:
    return next(code for code in store.by(EnterpriseCode, "account", account) if code.is_default)
