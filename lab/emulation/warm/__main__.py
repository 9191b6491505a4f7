"""`python -m lab.emulation.warm`: forks dataplanes, as asked on the socket that is its standard input, and is the agent of all.

It ends with the socket, and when it ends the kernel ends them.
"""

from __future__ import annotations

import gc
import sys
from socket import socket

from lab.emulation.warm.nursery import Nursery
from lab.emulation.warm.rehearsal import rehearse


def main() -> int:
    rehearse()
    gc.collect()
    Nursery(socket(fileno=sys.stdin.fileno())).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
