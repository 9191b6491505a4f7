"""What may be entered for a client account (document, 2 step 4, 3.3, 6.1)."""

from __future__ import annotations

import re

from lab.cloud.errors import CloudError
from lab.cloud.password import Password

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_@.-]*")
_NAME_LENGTHS = range(7, 34)
# An at sign with something on both sides of it, and one only: decision 0034.
_MAIL = re.compile(r"[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+")
_MAIL_LENGTHS = range(2, 65)
# The widest of the document's three sets: that of 3.3 (decision 0034).
_PASSWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_@.-]*")
_PASSWORD_LENGTHS = range(8, 33)


def check_user_name(name: str) -> None:
    """Raises ClientUser.NameInvalid."""
    if len(name) not in _NAME_LENGTHS or not _NAME.fullmatch(name):
        raise CloudError(
            "ClientUser.NameInvalid",
            f"the user name '{name}' is not 7 to 33 letters, digits, _ @ . and -, a letter or a digit first",
        )


def check_mail(mail: str) -> None:
    """Raises ClientUser.EmailInvalid."""
    if len(mail) not in _MAIL_LENGTHS or not _MAIL.fullmatch(mail):
        raise CloudError(
            "ClientUser.EmailInvalid",
            f"the email address '{mail}' is not 2 to 64 letters, digits, _ . - and one @, with something on both sides of it",
        )


def check_password(password: Password) -> None:
    """One that was written down has been checked when it was in clear. Raises ClientUser.PasswordInvalid."""
    clear = password.clear
    if clear is not None and (len(clear) not in _PASSWORD_LENGTHS or not _PASSWORD.fullmatch(clear)):
        raise CloudError(
            "ClientUser.PasswordInvalid", "the password is not 8 to 32 letters, digits, _ @ . and -, a letter or a digit first"
        )


def check_bandwidth(bandwidth: int, quota: int) -> None:
    """Raises ClientUser.BandwidthInvalid."""
    if isinstance(bandwidth, int) and 1 <= bandwidth <= quota:
        return
    raise CloudError(
        "ClientUser.BandwidthInvalid",
        f"the maximum bandwidth {bandwidth} is not within 1 to {quota} Kbit/s, whole; for more, submit a ticket",
    )
