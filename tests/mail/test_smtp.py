"""Mail goes over SMTP, inside the lab or to another server, and what cannot be delivered is noted."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from lab.cloud import Mail
from lab.errors import UsageError
from lab.mailbox import Mailbox
from lab.smtp import Relay, SmtpMailbox, _conversation

MAIL = Mail("li.lei@example.com", "Your account", "Password: pass.word-1\n\n.a line that begins with a period\n")


@pytest.mark.requirement("S2-069")
def test_what_is_posted_arrives_as_it_was() -> None:
    mailbox = SmtpMailbox()
    mailbox.post(MAIL)
    assert (mailbox.arrived, mailbox.undelivered) == ([MAIL], [])


def test_mail_is_found_by_its_address() -> None:
    mailbox = Mailbox()
    other = Mail("han.mm@example.com", "x", "y")
    mailbox.post(MAIL)
    mailbox.post(other)
    assert (mailbox.to(), mailbox.to("han.mm@example.com"), mailbox.to("nobody@example.com")) == ([MAIL, other], [other], [])


@pytest.mark.requirement("S2-062", "S2-068")
@pytest.mark.parametrize("address", ["a@b", "a@b.co", "_a@b.co", "-a@b.co", "a" * 52 + "@example.com"])
def test_odd_addresses_are_mailed_to(address: str) -> None:
    mailbox = SmtpMailbox()
    mailbox.post(Mail(address, "s", "t\n"))
    assert [mail.to for mail in mailbox.arrived] == [address]


def test_nothing_of_the_server_is_left() -> None:
    before = threading.active_count()
    SmtpMailbox().post(MAIL)
    assert threading.active_count() == before


@pytest.fixture
def another_server() -> Iterator[tuple[int, list[Mail]]]:
    """A server on a port of the loopback, and what it is given; for one connection."""
    taken: list[Mail] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            connection, _ = door.accept()
            asyncio.run(_conversation(connection, taken))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield door.getsockname()[1], taken
        thread.join(10)
        assert not thread.is_alive()


def test_another_server_takes_the_mail_and_a_copy_stays(another_server: tuple[int, list[Mail]]) -> None:
    port, taken = another_server
    mailbox = SmtpMailbox(Relay("127.0.0.1", port))
    mailbox.post(MAIL)
    assert taken == mailbox.arrived == [MAIL]


def test_a_server_that_is_not_there_is_noted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    mailbox = SmtpMailbox(Relay("127.0.0.1", port))
    mailbox.post(MAIL)
    assert mailbox.arrived == []
    (undelivered,) = mailbox.undelivered
    assert (undelivered.mail, "refused" in undelivered.why) == (MAIL, True)
    assert "pass.word-1" not in repr(undelivered)


@pytest.mark.parametrize(
    ("text", "relay"), [("localhost:25", Relay("localhost", 25)), ("[::1]:2525", Relay("::1", 2525))], ids=["name", "IPv6"]
)
def test_a_server_as_it_is_said(text: str, relay: Relay) -> None:
    assert Relay.of(text) == relay


@pytest.mark.parametrize("text", ["", "localhost", ":25", "localhost:", "localhost:0", "localhost:65536", "localhost:smtp"])
def test_what_is_no_server(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        Relay.of(text)
