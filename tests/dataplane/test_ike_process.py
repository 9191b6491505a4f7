"""Two real processes in network namespaces of their own, keyed by IKE over a wire between them.

    10.0.1.10 ── vcpe 10.99.0.1 ──── veth ──── pop 10.99.0.2 ── 192.168.1.10
                 tun0, begins                  tun0, waits
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from dataplane.control import request
from dataplane.doubles import PEER
from tests.dataplane.test_process import Process, in_namespace_of, must_in_namespace_of, running, udp_socket_in, wait_until
from tests.steady_ping import SteadyPing

pytestmark = [
    pytest.mark.emulation,
    pytest.mark.skipif(os.geteuid() != 0, reason="a TUN device and a network namespace need root"),
]

SERIAL = {"type": "key_id", "value": "sage6m2ph5sit0000001"}
POINT = {"type": "fqdn", "value": "pop.example"}
PSK = b"a key that is worth nothing".hex()
LATE = {"IKE_REPEATED", "IKE_OUT_OF_WINDOW"}
SOAK_BURSTS, SOAK_BURST = 100, 50
APP, ECS = "10.0.1.10", "192.168.1.10"


class Site(Process):
    """A dataplane that lives in the namespace that `holder` holds, where its underlay's address is before it starts."""

    def __init__(self, directory: Path, name: str, holder: subprocess.Popen[str], peer: dict[str, Any]) -> None:
        super().__init__(directory, name)
        self.holder = holder
        self.config["peers"] = [{"name": PEER, **peer}]
        self.keys = {PEER: {"psk": PSK}}

    @property
    def enter(self) -> tuple[str, ...]:
        return "nsenter", "--net", "--target", str(self.holder.pid)

    def vpn(self) -> str:
        return str(self.peer()["vpn_status"])

    def failure(self) -> object:
        return self.peer()["ike"]["failure"]

    @contextmanager
    def alive(self) -> Iterator[subprocess.Popen[str]]:
        """The process, ready, with an address of its own and a route to what lies behind its peer."""
        self.config["keys_fd"] = 0
        own, far = (APP, "192.168.0.0/16") if self.config["name"] == "vcpe" else (ECS, "10.0.0.0/16")
        with running(self, *self.enter) as handle:
            must_in_namespace_of(handle, "ip", "address", "replace", f"{own}/32", "dev", "lo")
            must_in_namespace_of(handle, "ip", "route", "add", far, "dev", "tun0", "src", own)
            yield handle


def place(holder: subprocess.Popen[str], site: Site, link: str, address: str) -> None:
    site.config["underlay"]["address"] = address
    must_in_namespace_of(holder, "ip", "address", "add", f"{address}/24", "dev", link)
    must_in_namespace_of(holder, "ip", "link", "set", link, "up")
    must_in_namespace_of(holder, "ip", "link", "set", "lo", "up")


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    """Both ends of a wire, with nothing running at them yet."""
    with ExitStack() as stack:
        holders = [stack.enter_context(holding()) for _ in range(2)]
        begins = {
            "prefixes": ["192.168.0.0/16"],
            "endpoint": ["10.99.0.2", 500],
            "speaks_first": True,
            "ike": {"identity": SERIAL, "remote_identity": POINT},
        }
        waits = {"prefixes": ["10.0.0.0/16"], "ike": {"identity": POINT, "remote_identity": SERIAL}}
        vcpe, pop = Site(tmp_path, "vcpe", holders[0], begins), Site(tmp_path, "pop", holders[1], waits)
        wire = ("ip", "link", "add", "left", "type", "veth", "peer", "name", "right", "netns", str(holders[1].pid))
        must_in_namespace_of(holders[0], *wire)
        place(holders[0], vcpe, "left", "10.99.0.1")
        place(holders[1], pop, "right", "10.99.0.2")
        yield vcpe, pop


@contextmanager
def holding() -> Iterator[subprocess.Popen[str]]:
    """A process that does nothing but hold a network namespace."""
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo held && exec sleep 600"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.kill()
        holder.communicate()


def wait_for_vpn(*ends: Site) -> None:
    for site in ends:
        wait_until(lambda site=site: site.vpn() == "Normal", f"VPN Status Normal at {site.config['name']}", 20.0)


def answered(output: str) -> tuple[int, int]:
    """Echo requests sent and replies received, as ping has it."""
    found = re.search(r"(\d+) packets transmitted, (\d+) received", output)
    assert found is not None, output
    return int(found[1]), int(found[2])


def ping(handle: subprocess.Popen[str], destination: str) -> tuple[int, int]:
    """Four echoes, each by a ping of its own: one that had an answer waits for the next no longer than two round trips."""
    counts = [answered(in_namespace_of(handle, "ping", "-c", "1", "-W", "10", destination).stdout) for _ in range(4)]
    return sum(sent for sent, _ in counts), sum(received for _, received in counts)


def test_ping_through_a_tunnel_that_ike_keyed(sites: tuple[Site, Site]) -> None:
    vcpe, pop = sites
    with pop.alive() as right, vcpe.alive() as left:
        wait_for_vpn(vcpe, pop)
        assert (ping(left, ECS), ping(right, APP)) == ((4, 4), (4, 4))
        ours, theirs = vcpe.peer(), pop.peer()
        assert (ours["endpoint"], theirs["endpoint"]) == (["10.99.0.2", 4500], ["10.99.0.1", 4500])
        assert (ours["spi_in"], ours["spi_out"]) == (theirs["spi_out"], theirs["spi_in"])
        assert (ours["ike"]["state"], ours["ike"]["spi_i"]) == ("ESTABLISHED", theirs["ike"]["spi_i"])
        assert ours["drops"] == theirs["drops"] == {}
        assert {*vcpe.status()["drops"], *pop.status()["drops"]} <= LATE, "a busy machine may have made IKE ask again"
        seen = b"".join(Path(f"/proc/{left.pid}/{file}").read_bytes() for file in ("cmdline", "environ"))
        assert PSK.encode() not in seen


def test_rekeys_under_a_running_ping_lose_nothing(sites: tuple[Site, Site], tmp_path: Path) -> None:
    vcpe, pop = sites
    with pop.alive(), vcpe.alive() as left:
        wait_for_vpn(vcpe, pop)
        pinging = SteadyPing(tmp_path / "ping.log", ECS, vcpe.enter, interval=0.005)
        for what in ("child", "ike") * 3:
            for site in sites:
                rekey_and_wait(site, what)
        assert pinging.end() == "0 lost, 0 twice"
        assert left.poll() is None
        assert (pop.peer()["ike"]["rekeys"], pop.peer()["ike"]["child_rekeys"]) == (6, 6)
        assert vcpe.peer()["drops"] == pop.peer()["drops"] == {}


def test_soak_delivers_every_packet_once(sites: tuple[Site, Site]) -> None:
    """The short form of bench/soak.py. No more is under way at a time than every queue holds, however slow the machine is."""
    vcpe, pop = sites
    with pop.alive() as right, vcpe.alive() as left:
        wait_for_vpn(vcpe, pop)
        with udp_socket_in(left) as sender, udp_socket_in(right) as receiver:
            receiver.bind((ECS, 5001))
            sender.connect((ECS, 5001))
            for number in range(SOAK_BURSTS):
                burst = range(number * SOAK_BURST, (number + 1) * SOAK_BURST)
                for each in burst:
                    sender.send(each.to_bytes(4, "big"))
                if number % 5 == 0:
                    request(sites[number % 2].control, op="rekey", peer=PEER, what="ike" if number % 25 == 0 else "child")
                assert sorted(int.from_bytes(receiver.recv(64), "big") for _ in burst) == list(burst)
            receiver.setblocking(False)
            with pytest.raises(BlockingIOError):
                receiver.recv(64)
        for site in sites:
            wait_until(lambda site=site: site.peer()["ike"]["rekeys"] >= SOAK_BURSTS // 25, "rekeys of IKE")
            assert site.peer()["ike"]["child_rekeys"] >= SOAK_BURSTS // 10
            assert site.peer()["drops"] == {}


def rekey_and_wait(site: Site, what: str) -> None:
    count = "child_rekeys" if what == "child" else "rekeys"
    before = site.peer()["ike"][count]
    request(site.control, op="rekey", peer=PEER, what=what)
    wait_until(lambda: site.peer()["ike"][count] > before, f"rekey of {what} at {site.config['name']}")


def test_wrong_key_is_known_at_both_ends(sites: tuple[Site, Site]) -> None:
    vcpe, pop = sites
    vcpe.keys[PEER]["psk"] = "00"
    with pop.alive(), vcpe.alive() as left:
        for site in sites:
            wait_until(lambda site=site: site.failure() == "AUTHENTICATION_FAILED", f"a reason at {site.config['name']}")
            assert site.vpn() == "Abnormal"
        assert ping(left, ECS) == (4, 0)


def kill(handle: subprocess.Popen[str]) -> None:
    handle.kill()


def terminate(handle: subprocess.Popen[str]) -> None:
    handle.send_signal(signal.SIGTERM)


@pytest.mark.parametrize(
    ("restarted", "end"),
    [
        pytest.param("vcpe", kill, id="killed-initiator"),
        pytest.param("vcpe", terminate, id="ended-initiator"),
        pytest.param("pop", terminate, id="ended-responder"),
    ],
)
def test_restarted_process_is_connected_again(
    sites: tuple[Site, Site], restarted: str, end: Callable[[subprocess.Popen[str]], None]
) -> None:
    again = next(site for site in sites if site.config["name"] == restarted)
    (other,) = (site for site in sites if site is not again)
    with other.alive():
        with again.alive() as handle:
            wait_for_vpn(*sites)
            end(handle)
            handle.wait(10)
        with again.alive() as handle:
            wait_for_vpn(again)
            assert ping(handle, ECS if restarted == "vcpe" else APP) == (4, 4)
            assert other.vpn() == "Normal"


def test_port_of_ike_that_is_taken(sites: tuple[Site, Site]) -> None:
    vcpe, _ = sites
    with vcpe.alive():
        second = Site(vcpe.directory, "second", vcpe.holder, vcpe.config["peers"][0])
        second.config |= {"tun": {"name": "tun1"}, "underlay": {"address": "10.99.0.1", "port": 4502}}
        out, err = second.start(vcpe.enter).communicate(timeout=60)
        assert out == ""
        assert err == "dataplane: underlay 10.99.0.1 port 500: another process uses this port; end it or choose another port\n"
