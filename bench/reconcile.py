"""How long a running network takes to follow a change: the source/destination check of one interface, off and on.

    sudo .venv/bin/python bench/reconcile.py [TOGGLES]
"""

from __future__ import annotations

import statistics
import sys
import time

from lab.agreement.world import make_world
from lab.compiler import compile_topology
from lab.emulation.emulation import Emulation
from lab.emulation.sandbox import run_in_sandbox


def main(toggles: int) -> int:
    world = make_world()
    emulation = Emulation(compile_topology(world.cloud))
    seconds = []
    for number in range(toggles):
        started = time.perf_counter()
        world.cloud.aws.modify_network_interface_attribute(world.enis["nat"], source_dest_check=bool(number % 2))
        emulation.apply(compile_topology(world.cloud))
        seconds.append(time.perf_counter() - started)
    emulation.close()
    print(f"{len(emulation.topology.nodes)} nodes, {toggles} toggles, from the call to its effect:")
    print(f"median {1000 * statistics.median(seconds):.1f} ms, longest {1000 * max(seconds):.1f} ms")
    return 0


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    sys.exit(run_in_sandbox(lambda: main(count)))
