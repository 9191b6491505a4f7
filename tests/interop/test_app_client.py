"""strongSwan as a client of the SAG app's service, with the secret that a log-on returned."""

from __future__ import annotations

import pytest

from tests.supervisor.command import saglab_process

pytestmark = [pytest.mark.emulation, pytest.mark.judge("strongSwan")]


def test_it_gets_address_and_dns_by_configuration_payload_and_reaches_the_host() -> None:
    """The app's message says so: the address and the servers are compared with those of the session."""
    said = saglab_process("run", "app-strongswan")
    assert said.count("shows  Connected to Intranet") == 2
    assert said.count("4 of 4 echoes") == 2
