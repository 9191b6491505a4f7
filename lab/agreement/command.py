"""`saglab agree`: the search for disagreement, on several labs side by side, and what it came to."""

from __future__ import annotations

from functools import partial

from lab.agreement.landmarks import LANDMARKS, NOT_BY_A_MACHINE
from lab.agreement.search import Findings, search
from lab.agreement.worker import Worker
from lab.reasons import Reason
from lab.simulation import Drop

WORKERS = 2  # labs at once


def agree(states: int, probes: int, seed: int, *, workers: int = WORKERS) -> Findings:
    """Try so many states with so many packets each, shared among labs. Call it with one thread only."""
    shares = [states // workers + (number < states % workers) for number in range(workers)]
    running = [
        Worker(partial(search, share, probes, seed * workers + number, landmarks=LANDMARKS[number::workers]))
        for number, share in enumerate(shares)
    ]
    findings = Findings()
    for worker in running:
        findings.add(worker.result())
    return findings


def missing(findings: Findings) -> list[str]:
    """The codes of the clouds that can occur and did not."""
    return [str(code) for code in Reason if code not in NOT_BY_A_MACHINE and not findings.tally.dropped[str(code)]]


def told(findings: Findings) -> str:
    """The findings for a person."""
    tally = findings.tally
    lines = [
        f"{findings.states} states, {findings.probes} packets in {findings.seconds:.0f} s",
        f"{tally.delivered:6} delivered, {tally.answered} of them answered",
        *(f"{tally.dropped[str(code)]:6} {code}" for code in (*Reason, *Drop) if tally.dropped[str(code)]),
    ]
    if absent := missing(findings):
        lines.append(f"never: {', '.join(absent)}")
    lines += [f"once, and never again: {difference}" for difference in findings.unrepeated]
    lines.append(findings.failure or "simulation and emulation agree")
    return "\n".join(lines)
