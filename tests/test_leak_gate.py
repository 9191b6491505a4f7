"""The leak gate sees what a lab could leave, and nothing that others do."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pyroute2 import IPRoute

from tests.emulation.host import on_host
from tests.leak_gate import MARK, look

pytestmark = pytest.mark.emulation


def a_process() -> None:
    subprocess.Popen(["sleep", "60"])


def a_link() -> None:
    with IPRoute() as netlink:
        netlink.link("add", kind="veth", ifname="eni-0123", peer={"ifname": "eni-4567"})


def a_rule() -> None:
    with IPRoute() as netlink:
        netlink.rule("add", iifname="eni-0123", table=1000, priority=100)


def a_table() -> None:
    subprocess.run(["nft", "add", "table", "inet", "saglab"], check=True)


def a_parameter() -> None:
    subprocess.run(["mount", "-o", "remount,rw", "/proc"], check=False)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def a_mount() -> None:
    place = Path("/dev/shm/x")  # noqa: S108
    place.mkdir()
    subprocess.run(["mount", "-n", "-t", "tmpfs", "tmpfs", str(place)], check=True)


def a_file() -> None:
    Path("/dev/shm/n0.json").touch()  # noqa: S108


PLANTED: dict[str, tuple[Callable[[], None], set[str]]] = {
    "process": (a_process, {"processes"}),
    "link": (a_link, {"links"}),
    "rule": (a_rule, {"rules"}),
    "table": (a_table, {"tables"}),
    "parameter": (a_parameter, {"parameters"}),
    "mount": (a_mount, {"mounts", "files"}),
    "file": (a_file, {"files"}),
}


@pytest.mark.parametrize(("plant", "kinds"), PLANTED.values(), ids=PLANTED.keys())
def test_what_is_left_is_seen(plant: Callable[[], None], kinds: set[str]) -> None:
    def planted() -> set[str]:
        before = look()
        plant()
        return set(look().left_since(before))

    assert on_host(planted).result() == kinds


def test_what_others_start_is_not_seen() -> None:
    before = look()
    other = subprocess.Popen(["sleep", "60"], env={key: value for key, value in os.environ.items() if key != MARK})
    try:
        assert look().left_since(before) == {}
    finally:
        other.kill()
        other.wait()


def test_a_look_costs_little() -> None:
    """Two of them for each test of a network; processor time, because the machine may be busy."""
    look()
    started = time.process_time()
    for _ in range(10):
        look()
    assert (time.process_time() - started) / 10 < 0.025
