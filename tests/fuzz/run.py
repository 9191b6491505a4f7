"""Coverage-guided fuzzing of every parser and of IKE's state machine.

    .venv/bin/python -m tests.fuzz.run [--executions 10000000] [--target NAME …] [--directory DIR] [--json FILE]

Needs atheris: `pip install -e .[fuzz]`. Each target runs in a process of its own until it had its share of the executions. What a
target found interesting is kept in DIR/NAME and tried first the next time; what broke it is left there as a file `crash-…`, and
the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MEMORY_MB = 1024
ONE_EXECUTION_SECONDS = 300  # of wall time, on a machine with much else to do
_FIGURES = {
    "executions": re.compile(rb"stat::number_of_executed_units:\s+(\d+)"),
    "coverage": re.compile(rb"cov: (\d+)"),
    "kept": re.compile(rb"corp: (\d+)/"),
}


def fuzz_one(name: str, arguments: list[str]) -> None:
    """In a process of its own: hand a target to the fuzzer, which never returns."""
    import atheris

    with atheris.instrument_imports(include=["dataplane"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name].run)
    atheris.Fuzz()


def run(name: str, executions: int, seconds: int, directory: Path) -> dict[str, Any]:
    """Fuzz one target and return its figures."""
    from tests.fuzz.targets import TARGETS

    target, corpus = TARGETS[name], directory / name
    corpus.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(target.seeds):
        (corpus / f"seed-{index}").write_bytes(seed)
    options = [
        f"-runs={executions}",
        f"-max_total_time={seconds}",
        f"-max_len={target.longest}",
        f"-timeout={ONE_EXECUTION_SECONDS}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-artifact_prefix={corpus}/",
        "-print_final_stats=1",
    ]
    started = time.monotonic()
    command = [sys.executable, "-m", "tests.fuzz.run", "--one", name, "--", *options, str(corpus)]
    process = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    figures = {key: int((pattern.findall(process.stderr) or [b"0"])[-1]) for key, pattern in _FIGURES.items()}
    (corpus.parent / f"{name}.log").write_bytes(process.stderr[-20000:])
    return {"target": name, **figures, "seconds": round(time.monotonic() - started, 1), "passed": process.returncode == 0}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=10_000_000, help="of all targets together")
    parser.add_argument("--seconds", type=int, default=0, help="at most, of each target; 0 for no limit")
    parser.add_argument("--target", action="append", help="this one alone; may be repeated")
    parser.add_argument("--directory", type=Path, default=Path("fuzz-corpus"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        fuzz_one(options.one, options.rest)
    from tests.fuzz.targets import TARGETS

    names = options.target or list(TARGETS)
    whole = sum(TARGETS[name].share for name in names)
    rows = []
    for name in names:
        row = run(name, int(options.executions * TARGETS[name].share / whole), options.seconds, options.directory)
        rows.append(row)
        verdict = "passed" if row["passed"] else "FAILED"
        print(f"{name:24} {row['executions']:>10,} executions  {row['seconds']:>8} s  {verdict}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"{'in all':24} {sum(row['executions'] for row in rows):>10,} executions")
    return 0 if all(row["passed"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
