"""What is secret of the SAG app is seen nowhere: not on the internet, not in a process list, a log or what is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from scapy.utils import PcapNgReader

from lab import CloudError, connect
from lab.errors import LabError
from lab.supervisor.client import Client
from scenarios import app_accounts, app_get_started
from tests.supervisor.command import saglab, saglab_process

pytestmark = pytest.mark.emulation

NAME = f"secrets-{os.getpid()}"
GIVEN = "typed-unseen.1"
INSIDE = {"alibaba", "company", "ecs", "staff-ccn"}  # machines behind the tunnel's end


@pytest.mark.requirement("S2-008")
def test_the_internet_sees_neither_the_private_network_nor_the_password(tmp_path: Path) -> None:
    capture = tmp_path / "all.pcapng"
    saglab_process("run", "app-get-started", "--pcap", str(capture))
    seen: dict[str, bytes] = {}
    for packet in PcapNgReader(str(capture)):
        where = packet.sniffed_on
        seen[where] = seen.get(where, b"") + bytes(packet)
    private = IPv4Address("172.16.1.10").packed
    assert private in seen["laptop:tun0"]
    outside = {where for where in seen if where.split(":")[0] not in INSIDE and not where.endswith(":tun0")}
    assert {"laptop:eth0", "home:wan"} <= outside
    words = (private, app_get_started.PASSWORD.encode(), app_get_started.USER.encode())
    assert [(where, word) for where in sorted(outside) for word in words if word in seen[where]] == []


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app") / "state"


@pytest.fixture(scope="module")
def client(state: Path) -> Iterator[Client]:
    """The lab of app-accounts, up."""
    saglab_process("up", "app-accounts", "--name", NAME, "--state", str(state))
    yield Client(NAME)
    Client(NAME).down()


def readable(*files: Iterator[Path]) -> bytes:
    """What is in all these files, as far as they are still there."""
    found = b""
    for path in (path for several in files for path in several):
        with suppress(OSError):
            found += path.read_bytes()
    return found


@pytest.mark.requirement("S2-069", "S2-086", "S2-198")
def test_passwords_are_in_the_mail_and_nowhere_else(client: Client, state: Path) -> None:
    staff = connect(NAME).alibaba.describe_smart_access_gateway_softwares("cn-shanghai")[0].id
    create = ["create_smart_access_gateway_client_user", "--smart-ag-id", staff, "--user-mail", "zhao@example.com"]
    saglab_process("call", "alibaba", *create, "--password", "-", "--lab", NAME, stdin=f"{GIVEN}\n")
    assert GIVEN in saglab("mail", "zhao@example.com", "--lab", NAME)
    saglab("mail", "nobody@example.com", "--lab", NAME, status=1)
    generated = [line.split()[1] for mail in client.mails() for line in mail.text.splitlines() if line.startswith("Password: ")]
    assert {GIVEN, app_accounts.PASSWORD, app_accounts.NEW} < set(generated)
    processes = readable(Path("/proc").glob("[0-9]*/cmdline"), Path("/proc").glob("[0-9]*/environ"))
    kept = readable(path for path in state.rglob("*") if path.is_file())
    logged = (client.log() + "".join(map(repr, client.events()))).encode()
    assert [word for word in generated if word.encode() in processes + kept + logged] == []


@pytest.mark.requirement("S2-125", "S2-193", "S2-198")
def test_an_end_user_may_log_on_and_nothing_else(client: Client) -> None:
    as_user = connect(NAME, identity="han.mm").alibaba
    with pytest.raises(CloudError, match="Forbidden"):
        as_user.describe_smart_access_gateway_softwares("cn-shanghai")
    with pytest.raises(CloudError, match=r"App\.NotLoggedOn"):
        as_user.connect_app("as-0")
    with pytest.raises(CloudError, match="Forbidden"):
        connect(NAME, identity="han.mm").traffic()
    for command in (("call", "alibaba", "list_enterprise_code"), ("monitor", "staff")):
        assert "Forbidden" in saglab(*command, "--as", "han.mm", "--lab", NAME, status=1)


def test_accounts_come_back_with_the_lab(tmp_path: Path) -> None:
    name = f"again-{os.getpid()}"
    up = ["up", "--name", name, "--state", str(tmp_path / "state")]
    saglab_process(*up, "app-accounts")
    try:
        alibaba = connect(name).alibaba
        staff = alibaba.describe_smart_access_gateway_softwares("cn-shanghai")[0].id
        before = alibaba.describe_smart_access_gateway_client_users(staff)
        Client(name).down(keep=True)
        saglab_process(*up)
        lab = connect(name)
        assert lab.alibaba.describe_smart_access_gateway_client_users(staff) == before
        assert lab.mails() == []
    finally:
        with suppress(LabError):  # it is down
            Client(name).down()
