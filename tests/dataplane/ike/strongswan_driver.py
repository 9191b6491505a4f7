"""Our IKE against strongSwan, an independent implementation, in namespaces of their own. Run by test_strongswan.py.

    ours 10.99.0.1, behind it 10.7.0.1 ──── veth ──── charon 10.99.0.2, behind it 192.168.99.1

Usage: strongswan_driver.py SCENARIO IKE-PROPOSAL ESP-PROPOSAL DIRECTORY. It has to run in network, mount and PID namespaces that
were made for it. What it proved it prints, one line each; when something is not as it should be, it raises.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path as File

from scapy.layers.inet import ICMP, IP
from scapy.packet import raw

from dataplane.esp import InboundSa, OutboundSa
from dataplane.ike.events import (
    Authenticated,
    Child,
    ChildDeleted,
    ChildEstablished,
    ChildRekeyed,
    Closed,
    Event,
    Failed,
    Transmit,
)
from dataplane.ike.identity import fqdn, key_id
from dataplane.ike.numbers import IKE_PORT, NAT_PORT, NON_ESP_MARKER
from dataplane.ike.paths import Path
from dataplane.ike.policy import Policy, Retransmission, Settings
from dataplane.ike.selectors import of_prefix
from dataplane.ike.session import Session
from dataplane.ike.table import Outcome, Table

OURS, THEIRS = "10.99.0.1", "10.99.0.2"
HOST, FAR_HOST = "10.7.0.1", "192.168.99.1"
PSK = "not a secret"
PATIENCE = 60.0
PROGRAMS = "/usr/lib/ipsec/charon", "/usr/sbin/swanctl"
PLUGINS = "random nonce aesni openssl hmac kdf gcm chapoly curve25519 kernel-libipsec kernel-netlink socket-default vici"
POLICY = Policy(
    key_id("sage6m2p"),
    fqdn("pop.example"),
    PSK.encode(),
    ours=(of_prefix(IPv4Network("10.7.0.0/16")),),
    theirs=(of_prefix(IPv4Network("192.168.99.0/24")),),
)
SETTINGS = Settings(retransmission=Retransmission(first=0.3, attempts=3), probe_after=0.5)
WRONG = Policy(POLICY.local, POLICY.remote, b"wrong", ours=POLICY.ours, theirs=POLICY.theirs)

STRONGSWAN_CONF = """
charon {{
  load = {plugins}
  retransmit_timeout = {repeat_after}
  retransmit_tries = 3
  filelog {{ log {{ path = {directory}/charon.log
    default = 2
    flush_line = yes }} }}
}}
"""

SWANCTL_CONF = """
connections {{ lab {{
  version = 2
  local_addrs = {theirs}
  remote_addrs = {ours}
  proposals = {ike}
  encap = yes
  mobike = no
  dpd_delay = {dpd_delay}
  local {{ auth = psk
    id = pop.example }}
  remote {{ auth = psk
    id = keyid:sage6m2p }}
  children {{ net {{
    local_ts = 192.168.99.0/24
    remote_ts = 10.7.0.0/16
    esp_proposals = {esp} }} }}
}} }}
secrets {{ ike-lab {{ id = keyid:sage6m2p
  secret = "{psk}" }} }}
"""


class Charon:
    """strongSwan in a network namespace of its own, with a run-time directory of its own.

    Its programs are copies: Debian's AppArmor profiles are bound to their paths, and keep them from the files of a test.
    """

    def __init__(self, directory: File, ike: str, esp: str, plugins: str = PLUGINS, *, hasty: bool = False) -> None:
        """A `hasty` one asks after a second of silence, and gives its peer up within two more."""
        self.directory = directory
        repeat_after, dpd_delay = ("0.15", "1s") if hasty else ("4", "0s")
        conf = STRONGSWAN_CONF.format(plugins=plugins, directory=directory, repeat_after=repeat_after)
        (directory / "strongswan.conf").write_text(conf)
        fields = {"ours": OURS, "theirs": THEIRS, "ike": ike, "esp": esp, "psk": PSK, "dpd_delay": dpd_delay}
        (directory / "swanctl.conf").write_text(SWANCTL_CONF.format(**fields))
        charon, self._swanctl = (shutil.copy(program, directory) for program in PROGRAMS)
        self._environment = {**os.environ, "STRONGSWAN_CONF": str(directory / "strongswan.conf")}
        self._process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", f"read go && exec {charon}"],
            env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait("a namespace for charon", lambda: namespace(str(self._process.pid)) != namespace("self"))
        self._network()
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        self._process.stdin.close()
        wait("charon's socket", lambda: File("/run/charon.vici").exists())
        self.swanctl("--load-all", "--file", str(directory / "swanctl.conf"))

    def _network(self) -> None:
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "ours", "type", "veth", "peer", "name", "theirs", "netns", str(self._process.pid))
        run("ip", "address", "add", f"{OURS}/24", "dev", "ours")
        run("ip", "link", "set", "ours", "up")
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "address", "add", f"{FAR_HOST}/32", "dev", "lo")
        self.inside("ip", "address", "add", f"{THEIRS}/24", "dev", "theirs")
        self.inside("ip", "link", "set", "theirs", "up")

    def inside(self, *command: str) -> str:
        return run("nsenter", "--net", f"--target={self._process.pid}", *command)

    def swanctl(self, *arguments: str) -> str:
        return run(self._swanctl, *arguments, environment=self._environment)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Run swanctl while we answer what it causes."""
        log = (self.directory / "swanctl.log").open("ab")
        return subprocess.Popen([self._swanctl, *arguments], env=self._environment, stdout=log, stderr=log)

    def sas(self) -> str:
        return self.swanctl("--list-sas")

    def stop(self) -> None:
        """It answers nothing any more, but its end of the wire stays."""
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Driver:
    """Our end: two UDP sockets, a table, and ESP for the children that it announces."""

    def __init__(self, policy: Policy, settings: Settings) -> None:
        self.sockets = {port: bound(port) for port in (IKE_PORT, NAT_PORT)}
        self.table = Table(settings, {policy.remote: policy}.get, os.urandom, time.monotonic())
        self.events: list[Event] = []
        self.session: Session | None = None
        self.outbound: OutboundSa | None = None
        self.inbound: dict[int, InboundSa] = {}
        self.received: list[bytes] = []

    def carry_out(self, outcomes: list[Outcome]) -> None:
        for session, output in outcomes:
            if isinstance(output, Transmit):
                self.sockets[output.path.local[1]].sendto(output.payload, output.path.remote)
                continue
            self.events.append(output)
            self.session = session
            if isinstance(output, ChildEstablished | ChildRekeyed):
                self._open(output.child)

    def _open(self, child: Child) -> None:
        """Pings wait until a rekey is over, so the newest child is the one to send through."""
        keys = child.keys
        self.inbound[child.spi] = InboundSa(child.spi, child.cipher, keys.inbound.material)
        self.outbound = OutboundSa(keys.outbound.spi, child.cipher, keys.outbound.material)

    def until(self, what: str, condition: Callable[[], object]) -> None:
        """Serve the sockets and the clock until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited in vain for {what}; events {self.events[-4:]}, drops {self.table.drops}")
            self.serve()

    def serve(self) -> None:
        ready, _, _ = select.select(list(self.sockets.values()), [], [], 0.02)
        for each in ready:
            payload, sender = each.recvfrom(65535)
            self._take(payload, Path(each.getsockname(), sender))
        self.carry_out(self.table.tick(time.monotonic()))

    def _take(self, payload: bytes, path: Path) -> None:
        if path.local[1] == IKE_PORT or payload.startswith(NON_ESP_MARKER):
            self.carry_out(self.table.receive(payload.removeprefix(NON_ESP_MARKER), path, time.monotonic()))
        elif payload != b"\xff":
            opened = self.inbound[int.from_bytes(payload[:4], "big")].decapsulate(payload)
            self.received.append(bytes(opened.packet))

    def ping(self, count: int = 4) -> str:
        """Echo requests through the child, and their replies."""
        self.received.clear()
        for number in range(count):
            self._send_ping(number)
            self.until(f"echo reply {number + 1}", lambda number=number: len(self.received) > number)
        replies = [IP(packet) for packet in self.received]
        assert all((reply.src, reply[ICMP].type) == (FAR_HOST, 0) for reply in replies), replies
        return f"{len(replies)} of {count}"

    def _send_ping(self, number: int) -> None:
        assert self.outbound is not None
        packet = raw(IP(src=HOST, dst=FAR_HOST) / ICMP(id=7, seq=number) / b"through the tunnel")
        self.sockets[NAT_PORT].sendto(self.outbound.encapsulate(packet), (THEIRS, NAT_PORT))

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.events)

    def now(self, act: Callable[[float], list[object]]) -> None:
        assert self.session is not None
        self.carry_out(self.table.carry(self.session, act(time.monotonic()), time.monotonic()))


def namespace(process: str) -> File:
    return File(f"/proc/{process}/ns/net").readlink()


def bound(port: int) -> socket.socket:
    each = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    each.bind((OURS, port))
    return each


def run(*command: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def wait(what: str, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.02)


# Scenarios


def initiate(driver: Driver, charon: Charon) -> None:
    """We begin; everything is rekeyed by both; we close."""
    _, outcomes = driver.table.connect(POLICY, Path((OURS, IKE_PORT), (THEIRS, IKE_PORT)), time.monotonic())
    driver.carry_out(outcomes)
    driver.until("a child", lambda: driver.count(ChildEstablished))
    prove_life(driver, charon)
    driver.now(lambda now: driver.session.close(now))
    driver.until("the end", lambda: driver.table.sessions and all(s.state.name == "ENDED" for s in driver.table.sessions))
    assert "ESTABLISHED" not in charon.sas()
    print("closed by us")


def respond(driver: Driver, charon: Charon) -> None:
    """strongSwan begins; everything is rekeyed by both; strongSwan closes."""
    command = charon.start("--initiate", "--child", "net")
    driver.until("a child", lambda: driver.count(ChildEstablished))
    driver.until("swanctl", lambda: command.poll() is not None)
    assert command.returncode == 0, (charon.directory / "swanctl.log").read_text()
    prove_life(driver, charon)
    charon.start("--terminate", "--ike", "lab")
    driver.until("the end", lambda: driver.events[-1] == Closed(by_peer=True))
    print("closed by strongSwan")


def prove_life(driver: Driver, charon: Charon) -> None:
    assert driver.count(Authenticated) == 1
    assert "INSTALLED" in charon.sas()
    print("ping", driver.ping())
    spi = driver.inbound.keys()
    driver.now(lambda now: driver.session.rekey_child(next(iter(spi)), now))
    driver.until("our rekey of the child", lambda: driver.count(ChildDeleted) == 1)
    print("child rekeyed by us, ping", driver.ping())
    charon.start("--rekey", "--child", "net")
    driver.until("strongSwan's rekey of the child", lambda: driver.count(ChildDeleted) == 2)
    print("child rekeyed by strongSwan, ping", driver.ping())
    old = driver.session.current
    driver.now(lambda now: driver.session.rekey_ike(now))
    driver.until("our rekey of the IKE SA", lambda: driver.session.current is not old)
    driver.until("the old IKE SA's end", lambda: charon.sas().count("ESTABLISHED") == 1)
    print("IKE SA rekeyed by us, ping", driver.ping())
    old = driver.session.current
    charon.start("--rekey", "--ike", "lab")
    driver.until("strongSwan's rekey of the IKE SA", lambda: driver.session.current is not old)
    driver.until("the old IKE SA's end", lambda: charon.sas().count("ESTABLISHED") == 1)
    print("IKE SA rekeyed by strongSwan, ping", driver.ping())
    driver.now(lambda now: driver.session.rekey_child(list(driver.session.children)[-1], now))
    driver.until("another rekey of the child", lambda: driver.count(ChildDeleted) == 3)
    print("child rekeyed under the new IKE SA, ping", driver.ping())
    assert not driver.table.drops, driver.table.drops


def wrong_key_initiate(driver: Driver, charon: Charon) -> None:
    _, outcomes = driver.table.connect(WRONG, Path((OURS, NAT_PORT), (THEIRS, NAT_PORT)), time.monotonic())
    driver.carry_out(outcomes)
    driver.until("a refusal", lambda: driver.count(Failed))
    print(driver.events[-1])


def wrong_key_respond(driver: Driver, charon: Charon) -> None:
    command = charon.start("--initiate", "--child", "net")
    driver.until("a refusal", lambda: driver.count(Failed))
    driver.until("swanctl", lambda: command.poll() is not None)
    assert command.returncode != 0
    assert "received AUTHENTICATION_FAILED" in (charon.directory / "charon.log").read_text()
    print(driver.events[-1])


def dead_peer(driver: Driver, charon: Charon) -> None:
    _, outcomes = driver.table.connect(POLICY, Path((OURS, NAT_PORT), (THEIRS, NAT_PORT)), time.monotonic())
    driver.carry_out(outcomes)
    driver.until("a child", lambda: driver.count(ChildEstablished))
    charon.stop()
    driver.until("the peer's death to be noticed", lambda: driver.count(Failed))
    print(driver.events[-1])


SCENARIOS = {each.__name__: each for each in (initiate, respond, wrong_key_initiate, wrong_key_respond, dead_peer)}


def main(scenario: str, ike: str, esp: str, directory: str) -> None:
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    charon = Charon(File(directory), ike, esp)
    try:
        SCENARIOS[scenario](Driver(WRONG if scenario == "wrong_key_respond" else POLICY, SETTINGS), charon)
    finally:
        charon.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])
