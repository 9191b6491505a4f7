"""`saglab scenarios`, and finding a scenario by its name."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from lab.cli.check import ENDINGS, lab_files
from lab.cli.completion import completed_by
from lab.cli.status import PASSED
from lab.cli.verbs import Verbs
from lab.errors import UsageError
from lab.report.terminal import make_console, print_scenario, print_scenarios

if TYPE_CHECKING:
    from lab.scenario import Scenario


def add_verbs(verbs: Verbs) -> None:
    listing = verbs.add_parser("scenarios", help="list the scenarios, or show one with its steps")
    scenario = listing.add_argument("scenario", nargs="?", help="show this one with its steps, and what leaving each out does")
    completed_by_scenarios(scenario)
    listing.set_defaults(handler=_scenarios)


def completed_by_scenarios(action: argparse.Action) -> None:
    completed_by(action, lambda _options: [*(scenario.name for scenario in all_scenarios()), *lab_files()])


def find_scenario(name: str) -> Scenario:
    """A scenario by its name, or from a Python file or a lab file. Raises UsageError for an unknown one."""
    if name.endswith(".py"):
        return _scenario_in(Path(name))
    if name.endswith(ENDINGS):
        from lab.files import LabFile

        return LabFile.read(Path(name)).scenario
    for scenario in all_scenarios():
        if scenario.name == name:
            return scenario
    known = ", ".join(scenario.name for scenario in all_scenarios())
    raise UsageError(f"no scenario {name!r}; there are: {known}; or give a lab file (.yaml)")


def all_scenarios() -> list[Scenario]:
    import scenarios  # what is above the lab is loaded only when it is asked for
    from lab.scenario import Scenario

    modules = sorted(module.name for module in pkgutil.iter_modules(scenarios.__path__) if not module.name.startswith("_"))
    return [Scenario.of(importlib.import_module(f"scenarios.{name}")) for name in modules]


def _scenario_in(path: Path) -> Scenario:
    from lab.scenario import Scenario

    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UsageError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Scenario.of(module)


def _scenarios(options: argparse.Namespace) -> int:
    console = make_console()
    if options.scenario:
        print_scenario(console, find_scenario(options.scenario))
    else:
        print_scenarios(console, all_scenarios())
    return PASSED
