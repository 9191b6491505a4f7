"""What the run of a scenario with a step left out shows, to be held against what the step declares."""

from __future__ import annotations

from lab.results import Dies, Finds, Refused, RunResult, Shows


def effects(run: RunResult) -> set[object]:
    """What a run shows to be otherwise than it was to be."""
    dies = {
        Dies(ping.source, ping.destination, str(blame.drop.place.reason))
        for ping in run.pings
        if not ping.passed
        for blame in ping.drops
    }
    refused = {Refused(step.number, refusal.code) for step in run.steps for refusal in step.refusals}
    shows = {Shows(record.terminal, record.shown) for record in run.apps if not record.passed}
    return dies | refused | shows | {Finds(record.what, str(record.found)) for record in run.facts if not record.passed}
