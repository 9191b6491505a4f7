"""One run of a scenario on a network that exists for as long as the run does."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace
from functools import cache

from lab.backend import Backend
from lab.cloud import CloudError
from lab.listener import Listener
from lab.results import Blame, RunResult
from lab.scenario import Scenario
from lab.session import Lab
from lab.topology import Topology


def run_scenario(scenario: Scenario, *, skip: Collection[str], backend: Backend, listener: Listener) -> RunResult:
    """Run a scenario against a backend, as `run_on` does, in a lab that nobody needs afterwards."""
    return run_on(Lab(scenario.name, skip=skip, backend=backend, listener=listener), scenario)


def run_on(lab: Lab, scenario: Scenario) -> RunResult:
    """Run a scenario in a new lab, and find out which steps left out its drops are due to.

    What a script does wrong ends the run and is told in `RunResult.error`.
    """
    lab.result.title = scenario.title
    started = time.monotonic()
    try:
        scenario.run(lab)
    except CloudError as error:
        lab.result.error = str(error)
    lab.result.seconds = time.monotonic() - started
    _attribute(scenario, lab)
    return lab.result


def _attribute(scenario: Scenario, lab: Lab) -> None:
    left_out = [step.number for step in lab.result.left_out if step.number in lab.skip]
    if not left_out:
        return
    from lab.explanation.attribution import attribute_drop, attribute_ping  # a run that does all steps asks nobody

    @cache
    def network(skip: frozenset[str]) -> Topology:
        return scenario.topology(skip, lab.clouds.seed)

    def due(blame: Blame) -> Blame:
        return replace(blame, steps=attribute_drop(blame.drop, left_out, network))

    lab.result.stray = [due(blame) for blame in lab.result.stray]
    for ping in lab.result.pings:
        if ping.drops and not ping.passed:
            steps = attribute_ping(ping, left_out, network)
            ping.drops = [replace(blame, steps=steps) for blame in ping.drops]
