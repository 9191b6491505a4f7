"""What is measured of a dataplane, and in which units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from testbed import iperf
from testbed.latency import percentile, round_trips
from testbed.path import Path
from testbed.udp import IMIX, highest_rate, offer
from testbed.usage import Usage, memory, usage
from testbed.watch import Watch

Values = dict[str, float]
Progress = Callable[[str], None]

UDP_LENGTHS: Mapping[str, tuple[int, ...]] = {
    "udp_1024": (1024,),
    "udp_64": (64,),
    "udp_512": (512,),
    "udp_1400": (1400,),
    "udp_imix": IMIX,
}
PROMISED = {1: 210e6, 2: 300e6}
"""Bit/s of 1024-byte packets that "Connect AWS to Alibaba Cloud through SAG vCPE", step 2.4, promises of so many processor cores.

It says 300 Mbit/s and higher for two, and at least 30 % less for one.
"""

_SPARSE, _STEADY = 0.04, 0.01  # seconds between two pings: idle, and at 100 packets a second
_HEADROOM = 0.8  # share of the highest rate at which processor time is taken, so that nothing is lost meanwhile
_FIXED = 50e6  # bit/s offered over a bad line, on which there is no rate without loss


@dataclass(frozen=True, slots=True)
class Quantity:
    """One line of the table."""

    key: str
    title: str
    digits: int
    more_is_better: bool = False


QUANTITIES = (
    Quantity("tcp", "TCP, 1 stream, Gbit/s", 2, True),
    Quantity("tcp_4", "TCP, 4 streams, Gbit/s", 2, True),
    Quantity("tcp_reverse", "TCP, reverse, Gbit/s", 2, True),
    Quantity("tcp_both", "TCP, both ways together, Gbit/s", 2, True),
    Quantity("udp_1024", "UDP, 1024 bytes, Mbit/s", 0, True),
    Quantity("promise", "of that, times the document's promise", 2, True),
    Quantity("udp_64", "UDP, 64 bytes, Mbit/s", 1, True),
    Quantity("udp_512", "UDP, 512 bytes, Mbit/s", 0, True),
    Quantity("udp_1400", "UDP, 1400 bytes, Mbit/s", 0, True),
    Quantity("udp_imix", "UDP, IMIX, Mbit/s", 0, True),
    Quantity("fixed_lost", "UDP at 50 Mbit/s, lost, %", 2),
    Quantity("fixed_twice", "UDP at 50 Mbit/s, delivered twice, packets", 0),
    Quantity("ping_idle_50", "ping, idle, p50, ms", 3),
    Quantity("ping_idle_99", "ping, idle, p99, ms", 3),
    Quantity("ping_steady_50", "ping, 100 a second, p50, ms", 3),
    Quantity("ping_steady_99", "ping, 100 a second, p99, ms", 3),
    Quantity("ping_loaded_50", "ping under TCP, p50, ms", 2),
    Quantity("ping_loaded_99", "ping under TCP, p99, ms", 2),
    Quantity("tcp_cpu", "both dataplanes' processor time, TCP, s/Gbit", 2),
    Quantity("tcp_cpu_machine", "whole machine's, TCP, s/Gbit", 2),
    Quantity("udp_cpu", "both dataplanes' processor time, UDP 1024, s/Gbit", 2),
    Quantity("udp_cpu_machine", "whole machine's, UDP 1024, s/Gbit", 2),
    Quantity("memory", "memory of a gateway's dataplane, MB", 1),
    Quantity("stolen", "taken by the machine's host meanwhile, at most, %", 1),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured of each dataplane in a round, and for how long."""

    tcp: tuple[str, ...] = tuple(iperf.STREAMS)
    udp: tuple[str, ...] = tuple(UDP_LENGTHS)
    fixed: bool = False
    ping: bool = True
    seconds: int = 4  # of a TCP measurement, and of pings under load
    trial: float = 1.0  # seconds of each rate of UDP
    echoes: int = 200


EVERYTHING = Plan()
QUICK = Plan(tcp=("tcp",), udp=("udp_1024",), seconds=3, trial=0.7, echoes=100)
BAD_LINE = Plan(tcp=("tcp", "tcp_reverse"), udp=(), fixed=True, ping=False, seconds=8)


def measure(path: Path, plan: Plan, progress: Progress) -> Values:
    """Everything of the plan, on a path that carries packets. Raises MachineError."""
    values: Values = {}
    watch = Watch()
    if plan.ping:
        progress("ping")
        values |= _pings(path, plan, watch)
    for kind in plan.tcp:
        progress(kind)
        values |= watch.take(partial(_tcp, path, kind, plan.seconds))
    for kind in plan.udp:
        progress(kind)
        values |= _udp(path, kind, plan, watch)
    if plan.fixed:
        progress("UDP at a fixed rate")
        values |= watch.take(lambda: _fixed(path, plan))
    gateways = [path.dataplane(gateway) for gateway in (path.v, path.p)]
    if all(gateways):
        values["memory"] = sum(map(memory, gateways)) / len(gateways) / 1e6
    values["stolen"] = watch.worst * 100
    return values


def _pings(path: Path, plan: Plan, watch: Watch) -> Values:
    samples = {
        "idle": watch.take(lambda: round_trips(path, count=plan.echoes, interval=_SPARSE)),
        "steady": watch.take(lambda: round_trips(path, count=plan.echoes, interval=_STEADY)),
        "loaded": watch.take(lambda: _loaded_pings(path, plan)),
    }
    return {f"ping_{name}_{share}": percentile(of, share / 100) for name, of in samples.items() for share in (50, 99)}


def _loaded_pings(path: Path, plan: Plan) -> Sequence[float]:
    with iperf.Server(path):
        client = iperf.client(path, "tcp", plan.seconds)
        loaded = round_trips(path, count=round((plan.seconds - 0.5) / _STEADY), interval=_STEADY)
        client.communicate()
    return loaded


def _tcp(path: Path, kind: str, seconds: int) -> Values:
    before = _usage(path)
    rate = iperf.throughput(path, kind, seconds)
    values = {kind: rate}
    if kind == "tcp":
        values |= _cost("tcp", _usage(path) - before, rate * seconds)
    return values


def _udp(path: Path, kind: str, plan: Plan, watch: Watch) -> Values:
    lengths = UDP_LENGTHS[kind]
    best = highest_rate(path, lengths, plan.trial, watch)
    values = {kind: best.offered / 1e6 if best else 0.0}
    if best and kind == "udp_1024":
        values["promise"] = best.offered / PROMISED[path.cores]
        values |= watch.take(lambda: _udp_cost(path, lengths, best.offered * _HEADROOM, plan.seconds))
    return values


def _udp_cost(path: Path, lengths: Sequence[int], rate: float, seconds: int) -> Values:
    before = _usage(path)
    trial = offer(path, lengths, rate, seconds)
    return _cost("udp", _usage(path) - before, trial.received * 8 * lengths[0] / 1e9)


def _fixed(path: Path, plan: Plan) -> Values:
    trial = offer(path, UDP_LENGTHS["udp_1024"], _FIXED, plan.seconds)
    return {"fixed_lost": trial.loss * 100, "fixed_twice": float(trial.duplicates)}


def _usage(path: Path) -> Usage:
    return usage([*path.dataplane(path.v), *path.dataplane(path.p)])


def _cost(kind: str, used: Usage, gigabits: float) -> Values:
    """What only the kernel did has no processor time of a dataplane."""
    whole = {f"{kind}_cpu_machine": used.machine / gigabits}
    return whole | {f"{kind}_cpu": used.dataplane / gigabits} if used.dataplane else whole
