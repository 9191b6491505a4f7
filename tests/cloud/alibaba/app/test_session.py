"""Log on, connect, disconnect, log off: what the app asks of the service."""

from __future__ import annotations

from ipaddress import IPv4Network


def test_a_log_on_is_no_connection(w) -> None:
    w.user()
    session = w.log_on()
    assert (session.connected, session.address, session.secret) == (False, None, None)


def test_who_connects_is_given_an_address_of_the_block_and_a_secret(w) -> None:
    w.user()
    session = w.connect()
    assert session.address in IPv4Network("192.168.10.0/24")
    assert len(session.secret) == 32
    assert session.secret.hex() not in repr(session)
