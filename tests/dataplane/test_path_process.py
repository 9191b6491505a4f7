"""Two real processes, keyed by IKE, with a narrow link between them.

    10.0.1.10 ── vcpe 10.99.1.1 ──── router ──── 10.99.2.1 pop ── 192.168.1.10
                              1500      narrow, 1500 for the pop where it is a black hole
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.packet import raw

from dataplane.doubles import MTU
from dataplane.esp import overlay_mtu
from tests.dataplane.test_ike_process import ECS, POINT, SERIAL, Site, holding, wait_for_vpn
from tests.dataplane.test_process import in_namespace_of, must_in_namespace_of, wait_until

pytestmark = [
    pytest.mark.emulation,
    pytest.mark.skipif(os.geteuid() != 0, reason="a TUN device and a network namespace need root"),
]

FOUND_WITHIN = 30.0  # seconds; a search takes 4
AMOUNT = 500_000  # bytes

SERVE = "import socket; s = socket.create_server(('', 5001)); print('ready', flush=True); c, _ = s.accept(); n = 0\nwhile d := c.recv(65536): n += len(d)\nprint(n)"  # noqa: E501
SEND = f"import socket; c = socket.create_connection(('{ECS}', 5001), 10); c.sendall(bytes({AMOUNT})); c.close()"


class Narrow:
    """The three namespaces, and both gateways where they are to be started."""

    def __init__(self, directory: Path, stack: ExitStack, mtu: int, *, black_hole: bool) -> None:
        left, self.router, right = (stack.enter_context(holding()) for _ in range(3))
        begins = {
            "prefixes": ["192.168.0.0/16"],
            "endpoint": ["10.99.2.1", 4500],
            "speaks_first": True,
            "ike": {"identity": SERIAL, "remote_identity": POINT},
        }
        waits = {"prefixes": ["10.0.0.0/16"], "ike": {"identity": POINT, "remote_identity": SERIAL}}
        self.vcpe = self._place(Site(directory, "vcpe", left, begins), "10.99.1", 1500, 1500)
        self.pop = self._place(Site(directory, "pop", right, waits), "10.99.2", mtu, 1500 if black_hole else mtu)
        must_in_namespace_of(self.router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        if black_hole:
            must_in_namespace_of(self.router, "nft", "add", "table", "ip", "mute")
            hook = "{ type filter hook output priority 0; }"
            must_in_namespace_of(self.router, "nft", "add", "chain", "ip", "mute", "output", hook)
            must_in_namespace_of(self.router, "nft", "add", "rule", "ip", "mute", "output", "ip", "protocol", "icmp", "drop")

    def _place(self, site: Site, net: str, routers_mtu: int, own_mtu: int) -> Site:
        name = str(site.config["name"])
        site.config["underlay"]["address"] = f"{net}.1"
        site.config["headers"] = {}
        link = ("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(site.holder.pid))
        must_in_namespace_of(self.router, *link)
        must_in_namespace_of(self.router, "ip", "address", "add", f"{net}.254/24", "dev", name)
        must_in_namespace_of(self.router, "ip", "link", "set", name, "mtu", str(routers_mtu), "up")
        must_in_namespace_of(site.holder, "ip", "link", "set", "lo", "up")
        must_in_namespace_of(site.holder, "ip", "address", "add", f"{net}.1/24", "dev", "eth0")
        must_in_namespace_of(site.holder, "ip", "link", "set", "eth0", "mtu", str(own_mtu), "up")
        must_in_namespace_of(site.holder, "ip", "route", "add", "default", "via", f"{net}.254")
        return site


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def ping(handle: subprocess.Popen[str], size: int) -> str:
    """Send one echo request of `size` bytes in all that must not be fragmented."""
    return in_namespace_of(handle, "ping", "-c", "1", "-W", "5", "-M", "do", "-s", str(size - 28), ECS).stdout


def transfer(site: Site, far: Site) -> int:
    """The bytes that a TCP connection carried."""
    with subprocess.Popen([*far.enter, sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        subprocess.run([*site.enter, sys.executable, "-c", SEND], check=True, timeout=30)
        return int(server.communicate(timeout=30)[0])


@pytest.mark.parametrize(
    ("mtu", "black_hole"),
    [
        pytest.param(1400, False, id="1400"),
        pytest.param(1280, False, id="1280"),
        pytest.param(1400, True, id="1400-without-icmp"),
    ],
)
def test_narrow_link_is_found_and_nothing_is_lost_silently(stack: ExitStack, tmp_path: Path, mtu: int, black_hole: bool) -> None:
    net = Narrow(tmp_path, stack, mtu, black_hole=black_hole)
    stack.enter_context(net.pop.alive())
    left = stack.enter_context(net.vcpe.alive())
    wait_for_vpn(net.vcpe, net.pop)
    fits = overlay_mtu(mtu)
    for site in (net.vcpe, net.pop):
        wait_until(lambda site=site: site.peer()["mtu"] == fits, f"MTU {fits} at {site.config['name']}", FOUND_WITHIN)
    assert re.search(r"\b1 received", ping(left, fits))
    # The TUN device takes 1438 bytes, so it is the gateway that says what fits.
    assert f"mtu = {fits}" in ping(left, fits + 1)
    assert transfer(net.vcpe, net.pop) == AMOUNT
    for site in (net.vcpe, net.pop):
        assert set(site.peer()["drops"]) <= {"PACKET_TOO_BIG"}


def test_forged_icmp_does_not_shrink_the_path(stack: ExitStack, tmp_path: Path) -> None:
    net = Narrow(tmp_path, stack, 1500, black_hole=False)
    stack.enter_context(net.pop.alive())
    left = stack.enter_context(net.vcpe.alive())
    wait_for_vpn(net.vcpe, net.pop)
    wait_until(lambda: net.vcpe.peer()["received_dummies"] > 0, "an answer to a probe")
    datagram = IP(src="10.99.1.1", dst="10.99.2.1", flags="DF") / UDP(sport=4500, dport=4500) / (b"\1\2\3\4" * 300)
    forged = IP(src="10.99.1.254", dst="10.99.1.1") / ICMP(type=3, code=4, nexthopmtu=600) / raw(datagram)[:548]
    script = f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)\nfor _ in range(500): s.sendto({raw(forged)!r}, ('10.99.1.1', 0))"  # noqa: E501
    subprocess.run(
        ["nsenter", "--net", "--target", str(net.router.pid), sys.executable, "-c", script], check=True, timeout=20
    )
    route = in_namespace_of(left, "ip", "route", "get", "10.99.2.1").stdout
    assert "mtu 600" in route, f"the kernel did not take the forgery for good, so this shows nothing: {route}"
    for _ in range(5):
        assert re.search(r"\b1 received", ping(left, MTU))
    assert net.vcpe.peer()["mtu"] == MTU
    assert net.vcpe.peer()["drops"] == {}
    assert left.poll() is None
    assert net.vcpe.peer()["endpoint"] == ["10.99.2.1", 4500]
