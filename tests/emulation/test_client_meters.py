"""What is counted of a client against what two captures saw, while points of presence and whole labs are killed.

    laptop ── home ── internet ── CCN, which counts ── CEN ── ecs
      └ capture: what came                                     └ capture: what was sent
"""

from __future__ import annotations

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from scapy.layers.inet import IP
from scapy.utils import rdpcap

from lab.compiler import compile_topology
from lab.emulation.emulation import Emulation
from lab.meters import grown
from tests.compiler.app_cloud import USER, AppCloud, app_cloud
from tests.emulation.lab_process import in_lab

pytestmark = pytest.mark.emulation

ECS = "192.168.1.10"
WITHIN = 60.0  # seconds; a busy machine may take its time
ECHOES = 20
SIZES = (0, 700, 3000)  # bytes of an echo; the last goes in three fragments


@dataclass(frozen=True)
class Seen:
    """Bytes from the client as ecs got them, and to the client as it got them; and what the cloud was told in the end."""

    received: int
    sent: int
    told: tuple[int, int]


def carry(w: AppCloud, emulation: Emulation, place: int, name: str) -> None:
    """Connect anew, and send echoes of all sizes while both ends are captured."""
    w.connect()
    emulation.apply(compile_topology(w.cloud))
    with (
        emulation.capture(w.ecs.id, "eth0", Path(f"ecs-{name}.pcap"), place),
        emulation.capture(w.laptop.id, "tun0", Path(f"laptop-{name}.pcap"), place),
    ):
        for size in SIZES:
            at_once = ("-c", str(ECHOES), "-l", str(ECHOES), "-s", str(size))
            emulation.machines[w.laptop.id].run("ping", "-n", "-W", "5", *at_once, ECS)


def kill_point_of_presence(w: AppCloud, emulation: Emulation) -> None:
    victim = emulation.tunnel_pids()[w.app.ccn_id or ""]
    dying = os.pidfd_open(victim)
    os.kill(victim, signal.SIGKILL)
    assert select.select([dying], [], [], WITHIN)[0]
    assert emulation.heal()


def life(w: AppCloud, directory: Path, place: int, name: str) -> tuple[int, int]:
    """A lab that ends with all its processes killed. Returns what the cloud knows then of the account."""
    emulation = Emulation(compile_topology(w.cloud), meters=directory)
    carry(w, emulation, place, f"{name}-1")
    kill_point_of_presence(w, emulation)
    carry(w, emulation, place, f"{name}-2")
    w.cloud.alibaba.report_client_usage(grown(w.cloud, emulation.meters()))
    (flow,) = w.cloud.alibaba.describe_user_flow_statistics(w.app.id)
    return flow.rx_bytes, flow.tx_bytes


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    directory, pcaps = tmp_path_factory.mktemp("meters"), tmp_path_factory.mktemp("pcaps")
    place = os.open(pcaps, os.O_RDONLY | os.O_DIRECTORY)
    w = app_cloud()
    w.cloud.alibaba.modify_smart_access_gateway_client_user(w.app.id, USER, bandwidth=20_000)  # nothing is to be dropped
    in_lab(lambda: life(w, directory, place, "a"))  # the cloud here learns nothing of it: its supervisor is dead
    told = in_lab(lambda: life(w, directory, place, "b"))
    address = lengths(pcaps, "laptop", lambda packet: packet.src == ECS)
    return Seen(lengths(pcaps, "ecs", lambda packet: packet.dst == ECS), address, told)


def lengths(pcaps: Path, end: str, wanted) -> int:
    packets = (packet[IP] for path in pcaps.glob(f"{end}-*.pcap") for packet in rdpcap(str(path)) if IP in packet)
    return sum(packet.len for packet in packets if wanted(packet))


def test_every_byte_is_counted_once(seen: Seen) -> None:
    lives = 4  # two labs, and in each a point of presence before and after its death
    fragments = 3 * 20 + 8 + 3000
    assert seen.received == lives * ECHOES * (28 + 728 + fragments)
    assert seen.told == (seen.received, seen.sent)
    assert seen.sent == seen.received
