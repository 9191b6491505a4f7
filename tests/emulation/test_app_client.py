"""A client of the SAG app under attack: what is read on its way, a false address, a stolen secret."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lab.emulation.gateway import GatewayProcess, Options
from lab.emulation.sandbox import RUNTIME
from lab.emulation.tunnels import DEFAULT_CIPHER
from lab.topology import Tunnel, TunnelPeer
from scenarios import app_get_started
from tests.emulation.lab_process import in_lab
from tests.emulation.scenario_lab import ScenarioLab, scenario_lab

pytestmark = pytest.mark.emulation

ECS, SPOOFED = "172.16.1.10", "192.168.10.77"
PATTERN = b"\xca\xfe\xba\xbe" * 4  # what ping fills its echoes with
WITHIN = 60.0  # seconds; a busy machine takes its time


@dataclass(frozen=True)
class Observed:
    """`outside` and `inside` say whether the echoes could be read before and behind the point of presence."""

    inside: bool
    outside: bool
    spoofed: str
    spoofed_drops: list[tuple[str, str]]
    thief: str | None
    thief_drops: list[tuple[str, str]]
    afterwards: str


def _captured(lab: ScenarioLab, interface: str) -> bool:
    """Whether the pattern is read at an interface of the point of presence while the laptop pings."""
    directory = os.open(RUNTIME, os.O_RDONLY | os.O_DIRECTORY)
    path = Path("echoes.pcap")
    with lab.emulation.capture(lab.node("staff-ccn"), interface, path, directory):
        lab.ping("laptop", ECS, "-p", PATTERN[:4].hex())
    os.close(directory)
    return PATTERN in (RUNTIME / path).read_bytes()


def _spoof(lab: ScenarioLab) -> str:
    """Ping from an address of the block that is not the client's own."""
    lab.machine("laptop").run("ip", "address", "add", f"{SPOOFED}/32", "dev", "tun0")
    counts = lab.ping("laptop", ECS, "-I", SPOOFED).counts
    lab.machine("laptop").run("ip", "address", "del", f"{SPOOFED}/32", "dev", "tun0")
    return counts


def _stolen(lab: ScenarioLab) -> tuple[TunnelPeer, Tunnel]:
    """The tunnel of the laptop, to be opened by somebody else on the internet."""
    laptop, home = lab.emulation.topology.by_name[lab.node("laptop")], lab.emulation.topology.by_name[lab.node("controller")]
    (service,) = laptop.services
    (peer,) = service.peers
    return peer, replace(service, address=home.own_address, peers=())


def _steal(lab: ScenarioLab) -> str | None:
    """Begin a tunnel with the secret that the laptop's own was opened with. Returns why it does not open."""
    peer, tunnel = _stolen(lab)
    parent = lab.emulation._tunnels._warm_parent
    thief = GatewayProcess(lab.machine("controller"), tunnel, (), mtu=1438, options=Options(DEFAULT_CIPHER), parent=parent)
    thief.wait_until_ready()
    thief.add_peer(peer)
    deadline = time.monotonic() + WITHIN
    while (state := thief.status()["peers"][peer.name])["ike"]["failure"] is None and time.monotonic() < deadline:
        time.sleep(0.01)  # a poll of the condition, with the deadline above
    thief.stop()
    assert state["vpn_status"] == "Abnormal"
    failure: str | None = state["ike"]["failure"]
    return failure


def _new_drops(lab: ScenarioLab) -> list[tuple[str, str]]:
    return [(label, reason) for label, reason, _ in lab.drops()]


def _observe() -> Observed:
    with scenario_lab(scenario=app_get_started) as lab:
        inside, outside = _captured(lab, "cen"), _captured(lab, "wan")
        lab.drops()
        spoofed = _spoof(lab)
        spoofed_drops = _new_drops(lab)
        thief = _steal(lab)
        thief_drops = _new_drops(lab)
        return Observed(inside, outside, spoofed, spoofed_drops, thief, thief_drops, lab.ping("laptop", ECS).counts)


@pytest.fixture(scope="module")
def observed() -> Observed:
    return in_lab(_observe)


@pytest.mark.requirement("S2-008")
def test_nothing_of_it_is_readable_on_the_internet(observed: Observed) -> None:
    assert (observed.inside, observed.outside) == (True, False)


def test_a_false_address_leaves_the_client_not_at_all(observed: Observed) -> None:
    """What a client does that sends it all the same, tests/dataplane/test_remote_access.py tells."""
    assert observed.spoofed == "0 of 2"
    assert set(observed.spoofed_drops) == {("laptop", "OUTSIDE_SELECTOR")}


def test_a_stolen_secret_opens_no_second_tunnel_and_disturbs_not_the_first(observed: Observed) -> None:
    assert observed.thief == "AUTHENTICATION_FAILED"
    assert set(observed.thief_drops) == {("staff-ccn", "IKE_SPENT_KEY")}
    assert observed.afterwards == "2 of 2"
