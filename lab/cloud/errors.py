"""The refusal of a call, with the code the provider gives for it."""

from __future__ import annotations


class CloudError(Exception):
    """A provider refused a call; nothing changed.

    `code` is the provider's own ("InvalidId.CCN"), `message` names the thing, the value, the rule and the way out.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
