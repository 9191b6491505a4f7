"""Mail over SMTP (RFC 5321): to a server inside the lab, or to any other.

The server inside is there for as long as a message takes, on a socket that has no address, so that the host has no port of it.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Thread
from typing import Any

from lab.cloud import Mail
from lab.errors import UsageError
from lab.mailbox import Mailbox, Undelivered

SENDER = "no-reply@sag-app.invalid"  # a name that no mail system ever has (RFC 6761)
WITHIN = 10.0  # seconds that a server has for an answer; our choice
_HOST = "sag-app.invalid"


@dataclass(frozen=True, slots=True)
class Relay:
    """A server that takes mail without asking who brings it."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Relay:
        """"mail.example.com:25". Raises UsageError."""
        host, colon, port = text.rpartition(":")
        if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
            raise UsageError(f"'{text}' is no SMTP server; say HOST:PORT, such as localhost:25")
        return cls(host.strip("[]"), int(port))


class SmtpMailbox(Mailbox):
    """Mail that goes over SMTP. Of what another server takes a copy stays here, as it is not read there."""

    def __init__(self, relay: Relay | None = None) -> None:
        super().__init__()
        self._relay = relay

    def post(self, mail: Mail) -> None:
        """Deliver a mail. One that cannot be is noted: the call that sent it has been made already."""
        try:
            if self._relay is None:
                self._post_inside(mail)
            else:
                self._post_to(self._relay, mail)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            self.undelivered.append(Undelivered(mail, str(error) or type(error).__name__))

    def _post_to(self, relay: Relay, mail: Mail) -> None:
        with smtplib.SMTP(relay.host, relay.port, local_hostname=_HOST, timeout=WITHIN) as client:
            client.send_message(_message(mail))
        self.arrived.append(mail)

    def _post_inside(self, mail: Mail) -> None:
        near, far = socket.socketpair()
        server = Thread(target=_serve, args=(far, self.arrived), name="smtp", daemon=True)
        server.start()
        try:
            with _Client(near) as client:
                client.send_message(_message(mail))
        finally:
            near.close()
            server.join(WITHIN)


class _Client(smtplib.SMTP):
    """Speaks over a socket that is connected already."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        super().__init__(_HOST, local_hostname=_HOST, timeout=WITHIN)

    def _get_socket(self, _host: str, _port: int, timeout: float) -> socket.socket:  # as smtplib's own subclass for TLS does
        self._connection.settimeout(timeout)
        return self._connection


def _message(mail: Mail) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, mail.to, mail.subject
    message.set_content(mail.text)
    return message


def _serve(connection: socket.socket, arrived: list[Mail]) -> None:
    """Be the server of one connection until it ends."""
    asyncio.run(_conversation(connection, arrived))


async def _conversation(connection: socket.socket, arrived: list[Mail]) -> None:
    from aiosmtpd.smtp import SMTP  # few labs have mail

    over = asyncio.Event()

    class Server(SMTP):
        def connection_lost(self, error: Exception | None) -> None:
            super().connection_lost(error)
            over.set()

    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(lambda: Server(_Intake(arrived), hostname=_HOST, loop=loop), connection)
    await over.wait()


class _Intake:
    """What becomes of a message that the server has taken (aiosmtpd's handler)."""

    def __init__(self, arrived: list[Mail]) -> None:
        self._arrived = arrived

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=policy.default)
        body = message.get_body()
        text = "" if body is None else body.get_content().replace("\r\n", "\n")
        self._arrived += [Mail(recipient, str(message["Subject"]), text) for recipient in envelope.rcpt_tos]
        return "250 OK"
