"""Names in a running network against the simulation: what each machine learns of each, before the app connects and after.

    laptop ── home ── internet ── CCN ── CEN ── VPC ── 100.100.2.136, .138
                         └ resolver
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.compiler import compile_topology
from lab.compiler.resolver import PUBLIC_NAME, RESOLVER_ADDRESS
from lab.emulation.emulation import Emulation
from lab.emulation.ping import ping
from lab.simulation import Simulation
from lab.simulation.names import look_up
from tests.compiler.app_cloud import REGION, AppCloud, app_cloud
from tests.emulation.lab_process import in_lab

pytestmark = pytest.mark.emulation

DB, DB_ADDRESSES = "db.corp.example", ["192.168.1.10", "192.168.1.11"]
NAMES = (DB, "DB.corp.example", "corp.example", "other.corp.example", "a.web.corp.example", "b.a.web.corp.example")
ASKED = (*NAMES, PUBLIC_NAME, "nowhere.invalid")
BY_ADDRESS = "by address"
SERVERS = ["100.100.2.136", "100.100.2.138"]
Learned = dict[str, list[str]]


def prepare(w: AppCloud) -> None:
    alibaba = w.cloud.alibaba
    (vpc,) = alibaba.describe_vpcs(REGION)
    (cen,) = alibaba.describe_cens()
    zone = alibaba.add_zone("corp.example")
    for value in DB_ADDRESSES:
        alibaba.add_zone_record(zone.id, rr="db", value=value)
    alibaba.add_zone_record(alibaba.add_zone("web.corp.example").id, rr="*", value="192.168.1.20")
    for each in alibaba.describe_zones():
        alibaba.bind_zone_vpc(each.id, (vpc.id,))
    alibaba.route_private_zone_in_cen_to_vpc(cen.id, host_vpc_id=vpc.id, host_region_id=REGION, access_region_id=REGION)
    alibaba.modify_client_user_dns(w.app.id, app_dns=SERVERS)


def stages() -> Iterator[tuple[str, AppCloud]]:
    w = app_cloud()
    prepare(w)
    yield "logged on", w
    w.connect()
    yield "connected", w
    w.cloud.alibaba.disconnect_app(w.session.id)
    yield "disconnected", w


def simulated() -> dict[str, Learned]:
    return {
        stage: {name: sorted(map(str, look_up(Simulation(compile_topology(w.cloud)), w.laptop.id, name))) for name in ASKED}
        for stage, w in stages()
    }


def reached(emulation: Emulation, w: AppCloud) -> list[str]:
    """The public site, asked by its address."""
    seen = ping(emulation.machines[w.laptop.id], w.laptop.address, RESOLVER_ADDRESS, count=1)
    return [str(RESOLVER_ADDRESS)] * seen.received


def emulated() -> dict[str, Learned]:
    found: dict[str, Learned] = {}
    emulation = None
    for stage, w in stages():
        topology = compile_topology(w.cloud)
        if emulation is None:
            emulation = Emulation(topology)
        else:
            emulation.apply(topology)
        found[stage] = {name: sorted(map(str, emulation.look_up(w.laptop.id, name))) for name in ASKED}
        found[stage][BY_ADDRESS] = reached(emulation, w)
    return found


@pytest.fixture(scope="module")
def running() -> dict[str, Learned]:
    return in_lab(emulated)


def test_network_and_simulation_say_the_same(running: dict[str, Learned]) -> None:
    names = {stage: {name: learned[name] for name in ASKED} for stage, learned in running.items()}
    assert names == simulated()


@pytest.mark.requirement("S2-097")
@pytest.mark.parametrize("stage", ["logged on", "connected", "disconnected"])
def test_public_site_is_reached_by_its_address_whoever_answers_for_names(running: dict[str, Learned], stage: str) -> None:
    assert running[stage][BY_ADDRESS] == [str(RESOLVER_ADDRESS)]


@pytest.mark.requirement("S2-035", "S2-192")
@pytest.mark.parametrize("stage", ["logged on", "disconnected"])
def test_who_is_not_connected_asks_the_public_resolver(running: dict[str, Learned], stage: str) -> None:
    assert {name: running[stage][name] for name in ASKED if running[stage][name]} == {PUBLIC_NAME: [str(RESOLVER_ADDRESS)]}


@pytest.mark.requirement("S2-038", "S2-096", "S2-097")
def test_who_is_connected_asks_private_zone_alone(running: dict[str, Learned]) -> None:
    learned = running["connected"]
    assert learned[DB] == learned["DB.corp.example"] == DB_ADDRESSES
    assert learned["a.web.corp.example"] == ["192.168.1.20"]
    assert learned[PUBLIC_NAME] == learned["other.corp.example"] == []


def standby() -> list[str]:
    """The active server does not exist, the standby one does."""
    w = app_cloud()
    prepare(w)
    w.cloud.alibaba.modify_client_user_dns(w.app.id, app_dns=["192.168.1.99", SERVERS[1]])
    w.connect()
    emulation = Emulation(compile_topology(w.cloud))
    return sorted(map(str, emulation.look_up(w.laptop.id, DB)))


@pytest.mark.requirement("S2-036")
def test_standby_is_asked_when_the_active_one_is_dead() -> None:
    assert in_lab(standby) == DB_ADDRESSES


def killed() -> tuple[list[str], str]:
    w = app_cloud()
    prepare(w)
    w.connect()
    emulation = Emulation(compile_topology(w.cloud))
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and "dnsmasq" in _command(process):
            os.kill(int(process.name), signal.SIGKILL)
    while emulation.is_whole:
        os.sched_yield()
    emulation.heal()
    return sorted(map(str, emulation.look_up(w.laptop.id, DB))), Path("/etc/resolv.conf").read_text()


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode()
    except FileNotFoundError:
        return ""


def test_dead_servers_are_started_anew_and_the_host_is_not_touched() -> None:
    before = Path("/etc/resolv.conf").read_text()
    assert in_lab(killed) == (DB_ADDRESSES, before)
