"""`python -m lab.emulation.line LEFT RIGHT IMPAIRMENTS SEED`: carries frames between two interfaces, as a bad wire would.

Writes "ready" and a newline once it does; then a line of JSON for each command on standard input, and ends with that.
"""

from __future__ import annotations

import sys

from lab.emulation.line.port import Port
from lab.emulation.line.wire import Wire
from lab.errors import LabError
from lab.impairments import parse_impairments


def main(left: str, right: str, impairments: str, seed: str) -> int:
    try:
        wire = Wire(Port(left), Port(right), parse_impairments(impairments), seed)
        print("ready", flush=True)
        wire.run(sys.stdin.fileno(), lambda text: print(text, flush=True))
    except LabError as error:
        print(f"line: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
