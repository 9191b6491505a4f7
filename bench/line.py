"""How exactly a line impairs packets, and how many it carries.

    a ── v ── w ── p ── b          w is the line, the other nodes forward

    sudo .venv/bin/python bench/line.py [--seed 1] [delays] [shares] [rates] [carries]
    sudo .venv/bin/python bench/line.py --kernel

With --kernel the kernel is the line (netem, tbf, nftables), and what it is never asked for is left out.

Each impairment is asked for in the direction from a to b. Delays are round trips less those while the same line does nothing.
Shares are counted from numbered packets; sigma is that of the binomial distribution.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from lab.emulation.line.direction import ETHERNET_HEADER, LONGEST_QUEUE
from lab.emulation.sandbox import run_in_sandbox
from lab.impairments import parse_impairments
from testbed import iperf
from testbed.latency import percentile, round_trips
from testbed.path import Path
from testbed.tuning import Tuning
from testbed.udp import highest_rate, offer
from testbed.watch import Watch

DELAYS = ("delay 1ms", "delay 5ms", "delay 20ms", "delay 220ms", "delay 20ms jitter 5ms")
SHARES = {"loss": (0.001, 0.01, 0.1), "duplicate": (0.01, 0.1), "reorder": (0.01, 0.1)}
RATES = ("rate 1mbit", "rate 10mbit", "rate 100mbit")
ECHOES, TURNS, INTERVAL = 200, 8, 0.02
SMALL, LARGE = (64,), (1024,)  # bytes of IP packets
PACKETS_A_SECOND, SECONDS = 5000, 4


@contextmanager
def line(text: str, seed: str | None) -> Iterator[Path]:
    with Path(cores=2, tuning=Tuning.UNTUNED, line=parse_impairments(f"{text} /"), seed=seed) as path:
        path.route_plainly()
        path.wait_until_it_carries()
        yield path


def delays(seed: str | None) -> Iterator[tuple[str, ...]]:
    """Of each delay that was asked for: the error of the median, and the 5th and 95th percentile.

    The line takes turns between that delay and none, so that what else happens on the machine is in both.
    """
    with line("", seed) as path:
        for text in DELAYS:
            if seed is None and "jitter" in text:
                continue
            wanted, base, times = parse_impairments(f"{text} /"), [], []
            for _ in range(TURNS):
                for impairments, found in ((parse_impairments(""), base), (wanted, times)):
                    path.impair(impairments)
                    found += round_trips(path, count=ECHOES // TURNS, interval=INTERVAL)
            times = [time - statistics.median(base) for time in times]
            median = statistics.median(times)
            spread = f"p5 {percentile(times, 0.05):.2f} ms, p95 {percentile(times, 0.95):.2f} ms"
            yield text, f"{median:.2f} ms", f"{median - wanted[0].delay * 1e3:+.2f} ms; {spread}"


def shares(seed: str | None) -> Iterator[tuple[str, ...]]:
    for what, wanted in SHARES.items():
        if seed is None and what == "reorder":
            continue
        for share in wanted:
            with line(f"{what} {share:.1%}", seed) as path:
                trial = offer(path, SMALL, PACKETS_A_SECOND * 8 * SMALL[0], SECONDS)
            count = {"loss": trial.sent - trial.received, "duplicate": trial.duplicates, "reorder": trial.reordered}[what]
            sigma = (trial.sent * share * (1 - share)) ** 0.5
            yield f"{what} {share:.1%}", f"{count / trial.sent:.2%}", f"{(count - trial.sent * share) / sigma:+.1f} sigma"


def rates(seed: str | None) -> Iterator[tuple[str, ...]]:
    """Each is offered twice as much, for some seconds and as long as it then takes to empty the queue."""
    for text in RATES:
        wanted = parse_impairments(text)[0].rate or 0.0
        with line(text, seed) as path:
            trial = offer(path, LARGE, 2 * wanted, SECONDS)
        seconds = trial.sent * 8 * LARGE[0] / trial.offered + LONGEST_QUEUE
        came = trial.received * 8 * (LARGE[0] + ETHERNET_HEADER) / seconds
        yield text, f"{came / 1e6:.2f} Mbit/s", f"{came / wanted - 1:+.1%}"


def carries(seed: str | None) -> Iterator[tuple[str, ...]]:
    with line("", seed) as path:
        best = highest_rate(path, LARGE, 1.0, Watch())
        tcp = iperf.throughput(path, "tcp", 4)
    yield "UDP, 1024 bytes", f"{best.offered / 1e6 if best else 0:.0f} Mbit/s", "with less than 0.1% lost"
    yield "TCP", f"{tcp * 1e3:.0f} Mbit/s", ""


PARTS = {"delays": delays, "shares": shares, "rates": rates, "carries": carries}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--kernel", action="store_true", help="measure the kernel, and not our own line")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"no part of it: {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
    return run_in_sandbox(lambda: _measure(options.parts or [*PARTS], None if options.kernel else options.seed))


def _measure(parts: Sequence[str], seed: str | None) -> int:
    table = Table("asked for", "measured", "difference")
    for part in parts:
        for row in PARTS[part](seed):
            table.add_row(*row)
        table.add_section()
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
