"""A full instance of the SAG app at one point of presence: 1,000 accounts connected at once, each held to its bandwidth.

    a ── v ══ w ══ p ── b          p is the point of presence; its clients are one process on w, which speaks IKE and ESP for all

    sudo .venv/bin/python bench/app_clients.py [--accounts 1000] [--loads 1000:200 100:2000] [--seconds 10] [--json FILE]

The accounts are those of an instance: they log on in the lab's cloud, which gives each an address and a secret, and p is told of
them as a lab tells it. A load is so many clients with so many Kbit/s each, of which a twentieth more is offered, to the host b
and from it. The kernel notes when each packet arrives; over every window of 100 packets of a client its rate is held against its
limit. Log-ons are made with passwords that cost next to nothing, but for the first, which cost what they do in a lab.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path as File
from typing import Any

from rich.console import Console
from rich.table import Table

from dataplane.meters import Reading, read_meters
from lab.cloud import Cloud, password
from lab.cloud.alibaba import AppSession
from lab.compiler.app import client_peers
from lab.compiler.names import presence_name
from lab.emulation.gateway import key_json, peer_json
from lab.emulation.sandbox import run_in_sandbox
from lab.topology import TunnelPeer
from testbed import saglab
from testbed.calling import Callers
from testbed.path import WAN_P, B, Path
from testbed.programs import Program, ask
from testbed.tuning import Tuning
from testbed.usage import exact_seconds, memory

WAN_W = "198.51.100.2"
BLOCK = "192.168.8.0/21"
REGION = "cn-shanghai"
PASSWORD = "off-site@2022"  # noqa: S105 - of nobody
CHEAP = password.Cost(memory=8, passes=1, lanes=1)
PORT = 5002
SIZE = 1400  # bytes of an inner packet
OVER = 1.05  # times what may pass is offered
TOLERANCE = 0.05
SETTLED = 1.0  # seconds after which buckets that were full are empty
QUIET = 0.5  # seconds without a packet, after which none waits: at 200 Kbit/s one goes each 56 ms
AT_ONCE = 32  # handshakes under way
REAL_LOG_ONS = 20
CIPHER = "aes-256-gcm"


@dataclass
class Load:
    """`ways` holds what arrivals.py says of each direction, `busy` the share of a processor that p used meanwhile.

    `late` are packets that p did not take in time: its queues were full. What its shapers drop is not among them.
    """

    clients: int
    kilobits: int
    ways: dict[str, dict[str, Any]] = field(default_factory=dict)
    busy: dict[str, float] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return all(way["clients"] == self.clients and way["fair"] == way["windows"] > 0 for way in self.ways.values())


@dataclass
class Cost:
    """Seconds, and bytes of p for each client that is connected. `given` are different addresses."""

    accounts: int
    log_on: float = 0.0
    connected: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    memory: float = 0.0
    given: int = 0
    metered: bool = False
    loads: list[Load] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.connected == self.given == self.accounts and self.metered and all(load.passed for load in self.loads)


def logged_on(accounts: int) -> tuple[Cloud, str, list[AppSession], float]:
    """An instance with so many accounts, the CCN, all sessions, and how long one log-on took that costs what it does in a lab."""
    cloud = Cloud(b"a full instance")
    alibaba = cloud.alibaba
    app = alibaba.create_smart_access_gateway_software(REGION, name="staff", user_count=accounts).smart_ag_id
    network = alibaba.quick_configure_smart_access_gateway_software(app, cidr_blocks=[BLOCK], ccn_name="staff-ccn")
    sessions, took = [], 0.0
    for number in range(accounts):
        password.COST = password.COST if number < REAL_LOG_ONS else CHEAP
        name = f"user.{number:04}"
        alibaba.create_smart_access_gateway_client_user(app, user_mail="a@example.com", user_name=name, password=PASSWORD)
        started = time.monotonic()
        terminal = cloud.terminals.create_terminal(name).id
        session = alibaba.log_on_app(terminal, user_name=name, password=PASSWORD, smart_ag_id=app)
        took += time.monotonic() - started if number < REAL_LOG_ONS else 0.0
        sessions.append(alibaba.connect_app(session.id))
    return cloud, network.ccn_id or "", sessions, took / min(accounts, REAL_LOG_ONS)


def measure(accounts: int, loads: list[Load], seconds: float) -> Cost:
    cloud, ccn, sessions, took = logged_on(accounts)
    peers = {peer.name: peer for peer in client_peers(cloud, ccn)}
    with Path(cores=1, tuning=Tuning.UNTUNED) as path:
        meters = path.directory(path.p) / "meters"
        saglab.start(path, CIPHER, of_p={"meters": str(meters)})
        path.wait_until_it_carries()
        path.b.run("ethtool", "-K", "eth0", "tx", "off")  # as from any card that is real, checksums are there when packets come
        path.p.netlink.route("add", dst=BLOCK, oif=path.p.interface_index("tun0"))
        cost = Cost(accounts, took, loads=loads)
        _connect(path, cost, ccn, sessions, peers)
        clients = Clients(path, ccn, sessions, meters)
        _call(path, clients.callers, cost, sessions)
        for load in loads:
            _limit(path, [peers[session.id] for session in sessions[: load.clients]], load.kilobits)
            for way in ("from clients", "to clients"):
                used, began, late = exact_seconds(path.dataplane(path.p)), time.monotonic(), _late(path)
                load.ways[way] = clients.carry(way, load, seconds)
                load.late[way] = _late(path) - late
                load.busy[way] = (exact_seconds(path.dataplane(path.p)) - used) / (time.monotonic() - began)
        cost.metered = _is_metered(read_meters(memoryview(meters.read_bytes())), cost)
    return cost


def _connect(path: Path, cost: Cost, ccn: str, sessions: list[AppSession], peers: dict[str, TunnelPeer]) -> None:
    """Tell p of its clients, as a lab does."""
    for session in sessions:
        peer = peers[session.id]
        ask(path, path.p, op="add_peer", peer=peer_json(peer, CIPHER), keys=key_json(peer))


def _limit(path: Path, peers: list[TunnelPeer], kilobits: int) -> None:
    for peer in peers:
        limits = dict.fromkeys(("bandwidth", "inbound_bandwidth"), 1000 * kilobits)
        ask(path, path.p, op="set_bandwidth", peer=peer.name, **limits)


def _late(path: Path) -> int:
    """What the queues before p had no room for since it started: that of its TUN device, and that of its underlay's socket."""
    (tun,) = json.loads(path.p.run("ip", "-json", "-statistics", "link", "show", "dev", "tun0"))
    drops: dict[str, int] = ask(path, path.p, op="status")["drops"]
    return int(tun["stats64"]["tx"]["dropped"]) + drops.get("UNDERLAY_OVERFLOWED", 0)


def _call(path: Path, callers: Callers, cost: Cost, sessions: list[AppSession]) -> None:
    before, used = memory(path.dataplane(path.p)), exact_seconds(path.dataplane(path.p))
    answer = callers.ask("connect", first=0, count=len(sessions), at_once=AT_ONCE)
    cost.connected, cost.seconds = answer["connected"], answer["seconds"]
    cost.processor = exact_seconds(path.dataplane(path.p)) - used
    cost.memory = (memory(path.dataplane(path.p)) - before) / len(sessions)
    given = callers.ask("addresses")["addresses"]
    cost.given = len(set(given) & {str(session.address) for session in sessions})


class Clients:
    """The load, on both of its ends."""

    def __init__(self, path: Path, ccn: str, sessions: list[AppSession], meters: File) -> None:
        self._path = path
        self._meters = meters
        self._sessions = sessions
        self.callers = Callers(path.w, WAN_W, WAN_P, 4500, program="app_load")
        people = [{"session": one.id, "secret": (one.secret or b"").hex()} for one in sessions]
        self.callers.ask("people", people=people, presence=presence_name(ccn))

    def carry(self, way: str, load: Load, seconds: float) -> dict[str, Any]:
        rate = OVER * load.clients * load.kilobits * 1000 / (8 * SIZE)
        limits = {"limit": 1000 * load.kilobits, "tolerance": TOLERANCE, "settled": SETTLED}
        if way == "from clients":
            host = Program(self._path.b, "app_host", "receive", B, PORT, SIZE, *limits.values())
            host.line()
            said = self.callers.ask("flow", clients=load.clients, rate=rate, size=SIZE, target=B, port=PORT, seconds=seconds)
            self._let_all_arrive()
            return host.end() | said
        self.callers.ask("listen", size=SIZE)
        host = Program(self._path.b, "app_host", "send", B, PORT, SIZE, rate, seconds)
        host.line()
        host.tell([str(session.address) for session in self._sessions[: load.clients]])
        said = host.end()
        self._let_all_arrive()
        return self.callers.ask("heard", **limits) | said

    def _let_all_arrive(self) -> None:
        """Return once nothing has waited at p for a while."""
        before, counted = None, self._meters.read_bytes()
        while counted != before:
            time.sleep(QUIET)
            before, counted = counted, self._meters.read_bytes()


def _is_metered(counted: dict[str, Reading], cost: Cost) -> bool:
    """Whether the meters say what arrived, to the byte."""
    arrived = {way: sum(load.ways[way]["packets"] for load in cost.loads) * SIZE for way in ("from clients", "to clients")}
    received, sent = (sum(getattr(one, f"{way}_bytes") for one in counted.values()) for way in ("received", "sent"))
    return (received, sent) == (arrived["from clients"], arrived["to clients"])


def show(cost: Cost) -> None:
    console = Console()
    console.print(f"a log-on in the cloud takes {1000 * cost.log_on:.0f} ms, nearly all of them for the password's hash")
    console.print(f"{cost.connected} of {cost.accounts} connected: {cost.connected / cost.seconds:.0f} a second, "
                  f"{cost.connected / cost.processor:.0f} a second of p's processor time")
    console.print(f"{cost.given} different addresses, those that the cloud gave; memory: {cost.memory / 1024:.1f} KiB a client")
    console.print(f"meters and arrivals agree: {'yes' if cost.metered else 'no'}")
    table = Table("load", "way", "windows", f"within {TOLERANCE:.0%}", "slowest", "fastest", "late", "p is busy")
    for load in cost.loads:
        for way, seen in load.ways.items():
            limit, windows = 1000 * load.kilobits, seen["windows"]
            share = f"{seen['fair'] / windows:.2%}" if windows else "-"
            ends = (f"{seen[end] / limit:.1%}" for end in ("slowest", "fastest"))
            name = f"{load.clients} at {load.kilobits} Kbit/s"
            table.add_row(name, way, f"{windows:,}", share, *ends, f"{load.late[way]:,}", f"{load.busy[way]:.0%}")
    console.print(table)


def _load(text: str) -> Load:
    clients, kilobits = map(int, text.split(":"))
    return Load(clients, kilobits)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1000, help="a multiple of 5")
    parser.add_argument("--loads", type=_load, nargs="+", default=[Load(1000, 200), Load(100, 2000)], metavar="CLIENTS:KBIT")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each direction of each load")
    parser.add_argument("--json", type=File)
    options = parser.parse_args()
    return run_in_sandbox(lambda: _main(options))


def _main(options: argparse.Namespace) -> int:
    loads = [replace(load, clients=min(load.clients, options.accounts)) for load in options.loads]
    cost = measure(options.accounts, loads, options.seconds)
    show(cost)
    if options.json:
        options.json.write_text(json.dumps({**asdict(cost), "passed": cost.passed}, indent=1) + "\n")
    return 0 if cost.passed else 1


if __name__ == "__main__":
    sys.exit(main())
