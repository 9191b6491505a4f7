"""What the tests of the app's accounts have in common."""

from __future__ import annotations

from lab.cloud import Mail
from lab.cloud.password import Cost

CHEAP = Cost(memory=8, passes=1, lanes=1)
PASSWORD = "pass-word.1"
USER = "li.lei.1"


def password_in(mail: Mail) -> str:
    return mail.text.split("Password: ")[1].split()[0]
