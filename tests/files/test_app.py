"""The SAG app in a lab file: instances, accounts, devices, and who is logged on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.files import InvalidFile, LabFile
from lab.files.source import Source
from tests.supervisor.command import saglab, saglab_process

OFFICE = """\
aws:
  vpcs:
    office:
      cidr_block: 10.1.0.0/16
      route_tables: {main: {0.0.0.0/0: internet_gateway, 192.168.10.0/24: vcpe}}
      security_groups: {default: {ingress: [all from default, all from 192.168.10.0/24]}}
      instances: {app: , vcpe: }
alibaba:
  smart_access_gateways: {sag: {runs_on: vcpe}}
  sag_apps:
    staff:
      cidr_blocks: [192.168.10.0/24]
      accounts: {anna.lee: {client_ip: 192.168.10.20}, bert.kaempfert: , carl.stone: {bandwidth: 500}}
terminals:
  home_routers: {home: }
  terminals:
    laptop: {platform: macOS, log_on: {sag_app: staff, account: anna.lee}}
    tablet: {home_router: home, log_on: {sag_app: staff, account: bert.kaempfert}}
    phone: {platform: Android, log_on: {sag_app: staff, account: carl.stone, connected: false}}
expect:
  - laptop reaches app through sag
  - app reaches laptop on tcp 443
  - tablet reaches app
  - {from: phone, to: app, reaches: false}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "office.yaml"
    path.write_text(OFFICE, encoding="utf-8")
    return path


def test_clients_reach_the_office(file: Path) -> None:
    assert "4 expectations met" in saglab("check", str(file))


@pytest.mark.emulation
def test_clients_reach_the_office_through_real_tunnels(file: Path, tmp_path: Path) -> None:
    saglab_process("run", str(file), "--json", str(tmp_path / "run.json"))
    contacts = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["contacts"]
    assert [contact["differences"] for contact in contacts] == [[]] * 4


def test_the_password_is_nowhere_to_be_read() -> None:
    cloud = LabFile.of(
        Source("office.yaml", OFFICE.replace("anna.lee: {client_ip", "anna.lee: {password: my-own@2026, client_ip"))
    ).cloud()
    assert "my-own@2026" not in repr(list(cloud.journal))


WRONG = {
    "no such instance": (
        "sag_app: staff, account: anna.lee",
        "sag_app: stuff, account: anna.lee",
        "there is no SAG app instance 'stuff'",
    ),
    "no such account": (
        "account: anna.lee",
        "account: anna.leo",
        "there is no account 'anna.leo' in staff; did you mean anna.lee?",
    ),
    "no such router": ("home_router: home", "home_router: hom", "there is no home router 'hom'; did you mean home?"),
    "a name too short": ("bert.kaempfert: ,", "bert: ,", "ClientUser.NameInvalid"),
    "a gateway on a laptop": ("runs_on: vcpe", "runs_on: laptop", "'laptop' is a terminal, and a gateway runs on an instance"),
    "an account that is disabled": ("anna.lee: {", "anna.lee: {enabled: false, ", "App.AccountDisabled"),
}


@pytest.mark.parametrize(("what", "instead", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong(what: str, instead: str, told: str) -> None:
    with pytest.raises(InvalidFile) as raised:
        LabFile.of(Source("office.yaml", OFFICE.replace(what, instead, 1)))
    assert any(error.message.startswith(told) for error in raised.value.errors), raised.value
