"""Who makes a call: a customer's administrator, or an end user."""

from __future__ import annotations

from dataclasses import dataclass

MAIN = "main"


@dataclass(frozen=True, slots=True)
class Identity:
    """`account` is a customer's account with the provider. Without a `user` it is that account's administrator.

    As text it is "main/" (the administrator of main) or "main/li.lei" (an end user); "li.lei" is an end user of main.
    """

    account: str = MAIN
    user: str = ""

    @classmethod
    def of(cls, text: str) -> Identity:
        account, slash, user = text.rpartition("/")
        return cls(account or MAIN, user) if slash or user else cls()

    def __str__(self) -> str:
        return f"{self.account}/{self.user}"


ADMINISTRATOR = Identity()
