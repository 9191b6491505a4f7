"""What the clouds of a lab have mailed to people."""

from __future__ import annotations

from dataclasses import dataclass

from lab.cloud import Mail


@dataclass(frozen=True, slots=True)
class Undelivered:
    mail: Mail
    why: str


class Mailbox:
    """All mail that has arrived, whoever it is for, in memory only. This one needs no server: what is posted arrives."""

    def __init__(self) -> None:
        self.arrived: list[Mail] = []
        self.undelivered: list[Undelivered] = []

    def post(self, mail: Mail) -> None:
        self.arrived.append(mail)

    def to(self, address: str = "") -> list[Mail]:
        """What has arrived for an address, or for all, the oldest first."""
        return [mail for mail in self.arrived if address in ("", mail.to)]
