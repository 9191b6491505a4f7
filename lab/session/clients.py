"""Expectations of people: what their app shows, what they are mailed and refused, what their accounts have used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.app import CONNECTED, App
from lab.backend import Backend
from lab.cloud import CloudError, Mail
from lab.cloud.password import Password, hashed_ahead
from lab.results import AppRecord, FactRecord
from lab.session.ground import Ground, Instance, label_of

if TYPE_CHECKING:
    pass


class ClientExpectations(Ground):
    """What the SAG app's users see, and what the clouds say."""

    def app(self, terminal: Instance) -> App:
        """The SAG app of a terminal, for its user."""
        return self.apps.of(terminal.id)

    def passwords(self, clears: Sequence[str]) -> Iterator[Password]:
        """Passwords for the accounts of a whole staff, to be given to the calls that create them, in this order.

        To hash one takes a twentieth of a second, on purpose, and one call waits for it after the other. These are hashed on all
        processors, while the calls are made.
        """
        return hashed_ahead(clears, self.clouds.salts(len(clears)))

    def expect_message(self, terminal: Instance, text: str = CONNECTED) -> None:
        """Expect the SAG app of a terminal to show this (document 002…, 5.2 step 2)."""
        self._expect_app(terminal, text)

    def expect_refused(self, terminal: Instance, code: str) -> None:
        """Expect that what the SAG app of a terminal asked for last was refused with the provider's code."""
        self._expect_app(terminal, code)

    def _expect_app(self, terminal: Instance, expected: str) -> None:
        if self.clouds.leaving_out:
            return
        node = self.compile().by_name.get(terminal.id)
        record = AppRecord(self._number, node.label if node is not None else terminal.id, expected)
        if self._backend is not None:
            shown, message = self.app(terminal).shows()
            record = replace(record, asked=True, shown=shown, message=message)
        self.result.apps.append(record)
        self._listener.app_finished(record)

    def expect(self, what: str, expected: object, found: object) -> None:
        """Expect something that was looked up to be so: said in words, and told with the run."""
        self._expect(what, str(expected), lambda _backend: str(found))

    @contextmanager
    def expect_refusal(self, code: str, what: str) -> Iterator[None]:
        """Expect the one call that is made inside, `what` in words, to be refused with the provider's code."""
        noted, found = len(self.clouds.refusals), "no refusal"
        try:
            yield
        except CloudError as error:
            found = error.code
        found = next((refusal.code for refusal in self.clouds.refusals[noted:]), found)
        del self.clouds.refusals[noted:]
        self.expect(what, code, found)

    def expect_mail(self, address: str, *holding: str) -> Mail:
        """Expect one mail to an address that nobody has expected yet, and words in it, which may be secret: they are not told.

        Returns the mail, or an empty one.
        """
        new = [mail for mail in self.mailbox.to(address) if mail not in self._read]
        self._read += new
        lacking = sum(not any(word in mail.text for mail in new) for word in holding)
        found = f"{len(new)}, without {lacking} of {len(holding)} words" if new and lacking else str(len(new))
        self.expect(f"mail to {address}", "1", found)
        return new[-1] if new else Mail(address, "", "")

    def expect_name(self, machine: Instance, name: str, *addresses: str) -> None:
        """Expect that a machine's programs learn these addresses of a name, in any order, or none."""
        label = label_of(self.compile(), machine.id)
        self._expect(f"{name} on {label}", _listed(addresses), lambda backend: _listed(backend.look_up(machine.id, name)))

    def expect_usage(self, smart_ag_id: str, user_name: str, *, used: int, over: int = 0) -> None:
        """Expect the account of a SAG app instance to have used so many bytes this month, and so many more than its data plan."""
        self._expect(
            f"traffic of {user_name} this month",
            _told_usage(used, over),
            lambda backend: self._usage(smart_ag_id, user_name) if backend.meters() else None,
        )

    def _usage(self, smart_ag_id: str, user_name: str) -> str:
        flows = self.alibaba.describe_user_flow_statistics(smart_ag_id)
        return next(_told_usage(flow.total_bytes, flow.over_bytes) for flow in flows if flow.user_name == user_name)

    def _expect(self, what: str, expected: str, look: Callable[[Backend], str | None]) -> None:
        if self.clouds.leaving_out:
            return
        record = FactRecord(self._number, what, expected)
        if self._backend is not None:
            self._follow(self._backend)
            record = replace(record, found=look(self._backend))
        self.result.facts.append(record)
        self._listener.fact_finished(record)


def _listed(addresses: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, addresses))) or "nothing"


def _told_usage(used: int, over: int) -> str:
    return f"{used:,} bytes, {over:,} beyond the data plan"
