"""What `saglab up` shows while a lab comes up: everything that a scenario does, whichever it is."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from lab import Lab
from lab.cli.lifetime import follow
from lab.cli.scenarios import all_scenarios
from lab.report.terminal import Progress
from lab.supervisor.client import Client
from lab.supervisor.events import EventLog, Reporter


class Follower:
    """In place of a client: the events of a log."""

    name = "lab"

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def events(self, *, follow: bool) -> Any:
        assert follow
        return self._log.since(0)


class Onlooker:
    """In place of what is on the terminal: how often it was told of what."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return lambda _what: self.told.update([name])


@pytest.mark.parametrize("name", [scenario.name for scenario in all_scenarios()])
def test_all_of_a_scenario_is_shown(name: str) -> None:
    scenario = next(scenario for scenario in all_scenarios() if scenario.name == name)
    log, onlooker = EventLog(), Onlooker()
    lab = Lab(name, listener=Reporter(log))
    scenario.run(lab)
    log.add("up", "", result=lab.result)
    result = follow(cast("Client", Follower(log)), cast("Progress", onlooker))
    assert result is not None
    assert len(result.records) == len(lab.result.records) > 0
    finished = sum(onlooker.told[kind] for kind in onlooker.told if kind.endswith("_finished"))
    assert finished == len(lab.result.steps) + len(lab.result.records)
