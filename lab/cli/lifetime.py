"""`saglab up`, `down`, `list` and `clean`: labs that live in the background."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from lab.cli.completion import completed_by
from lab.cli.labs import add_lab, default_directory, living_labs, require_root, the_lab
from lab.cli.network import add_network_options, network_options
from lab.cli.scenarios import completed_by_scenarios, find_scenario
from lab.cli.status import EXIT_CODES, FAILED, PASSED
from lab.cli.verbs import Verbs, require_machine
from lab.errors import MachineError, UsageError
from lab.report.terminal import Progress, make_console, print_heading, print_result

if TYPE_CHECKING:
    from lab.results import RunResult
    from lab.scenario import Scenario
    from lab.supervisor.answers import LabInfo
    from lab.supervisor.client import Client
    from lab.supervisor.daemon import Plan


def add_verbs(verbs: Verbs) -> None:
    up = verbs.add_parser(
        "up",
        help="bring a lab up that stays up in the background (as root)",
        description="Replay a scenario and leave its lab up. A lab that was killed, or ended with `down --keep`, comes back as "
        "it was configured. For a lab that is up already nothing is done.",
        epilog=f"Example: saglab up vcpe-ping --name demo. {EXIT_CODES}",
    )
    what = "a scenario, by name or as a Python file, or a lab file"
    scenario = up.add_argument("scenario", nargs="?", metavar="SCENARIO|FILE", help=what)
    completed_by_scenarios(scenario)
    up.add_argument("--name", metavar="LAB", help="what to call the lab (default: as the scenario)")
    up.add_argument("--skip", metavar="STEP", action="append", default=[], help="leave a step out; may be repeated")
    up.add_argument("--state", metavar="DIR", type=Path, help="where its state is kept (default: /var/lib/saglab/LAB)")
    add_network_options(up)
    up.add_argument("--json", action="store_true", help="write the result as JSON to standard output")
    up.set_defaults(handler=_up)

    down = verbs.add_parser(
        "down",
        help="end a lab and forget it",
        description="End a lab: nothing of it is left, its state is removed too. That no such lab is up is no error.",
        epilog="Example: saglab down demo --keep; later, saglab up brings the lab back as it was configured.",
    )
    named = down.add_argument("name", metavar="NAME", nargs="?", help="which lab, as `saglab list` names it; the same as --lab")
    completed_by(named, lambda _options: living_labs())
    add_lab(down)
    down.add_argument("--all", action="store_true", help="every lab that is up")
    down.add_argument("--keep", action="store_true", help="keep the state for the next `saglab up`")
    down.set_defaults(handler=_down)

    listing = verbs.add_parser("list", help="list the labs that are up or kept", epilog="Example: saglab list --json")
    listing.add_argument("--json", action="store_true", help="write JSON to standard output")
    listing.set_defaults(handler=_list)

    clean = verbs.add_parser(
        "clean",
        help="remove what dead labs have left",
        description="Remove what bears the id of a lab whose supervisor is dead, and nothing else. A lab ends whole, so as a "
        "rule there is nothing. The state of labs that were killed stays, unless --state is given.",
        epilog="Example: saglab clean --state",
    )
    clean.add_argument("--state", action="store_true", help="remove the state of labs that are not up, too")
    clean.set_defaults(handler=_clean)


# up


def _up(options: argparse.Namespace) -> int:
    from lab.supervisor.answers import Condition
    from lab.supervisor.client import Client
    from lab.supervisor.door import check_name, living

    require_root()
    scenario = find_scenario(options.scenario) if options.scenario else None
    if scenario is not None:
        scenario.check_steps(options.skip)
    name = check_name(options.name or (scenario.name if scenario else _only_kept()))
    console = make_console(stderr=options.json)
    if name in living():
        info = Client(name).info()
        _check_same(info, scenario, options)
        if info.condition is Condition.STARTING:
            return _show_coming_up(Client(name), as_json=options.json)
        console.print(f"[bold]{name}[/bold] is up already")
        return PASSED
    require_machine()
    plan = _plan(name, scenario, options)
    if scenario is not None and not options.json:
        print_heading(console, scenario)
    return _bring_up(Client(name), plan, as_json=options.json)


def _plan(name: str, scenario: Scenario | None, options: argparse.Namespace) -> Plan:
    from lab.supervisor.daemon import Plan

    directory = (options.state or default_directory(name)).absolute()
    return Plan(name, scenario, tuple(dict.fromkeys(options.skip)), directory, network_options(options), find_scenario)


def _check_same(info: LabInfo, scenario: Scenario | None, options: argparse.Namespace) -> None:
    """Raises UsageError when the lab that is up is not what is asked for."""
    skip = options.skip
    late = [f"--{name}" for name in ("cipher", "pcap", "keylog", "wan", "smtp") if getattr(options, name)]
    if late:
        raise UsageError(
            f"{info.name} is up already, and {', '.join(late)} would have to be said as it comes up; see impair and capture"
        )
    if scenario is not None and (info.scenario != scenario.name or (skip and tuple(dict.fromkeys(skip)) != info.left_out)):
        left_out = f" without step {', '.join(info.left_out)}" if info.left_out else ""
        raise UsageError(f"a lab called {info.name} is up, of {info.scenario}{left_out}; choose another --name, or end it first")


def _only_kept() -> str:
    kept = [name for name, _ in _kept()]
    if len(kept) != 1:
        which = f", or which lab with --name: {', '.join(kept)}" if kept else ""
        raise UsageError(f"say which scenario to bring up{which}")
    return kept[0]


def _bring_up(client: Client, plan: Plan, *, as_json: bool) -> int:
    """Ctrl-C ends the lab that is coming up."""
    from lab.supervisor.daemon import start

    try:
        start(plan)
        return _show_coming_up(client, as_json=as_json)
    except KeyboardInterrupt:
        with suppress(UsageError):  # it has ended already
            client.interrupt()
        raise


def _show_coming_up(client: Client, *, as_json: bool) -> int:
    from lab.report.labs import print_impaired
    from lab.report.machine import to_json

    console = make_console(stderr=as_json)
    progress = Progress(console)
    try:
        result = follow(client, progress)
    finally:
        progress.quiet()
    if result is None:
        print_impaired(console, client.links())
        console.print(f"[bold]{client.name}[/bold] is up again, as it was configured")
        return PASSED
    print_result(console, result)
    print_impaired(console, client.links())
    console.print(f"[bold]{client.name}[/bold] stays up: saglab status, ping, trace, call, exec …; saglab down ends it")
    if as_json:
        print(to_json(result), end="")
    return PASSED if result.passed else FAILED


def follow(client: Client, progress: Progress) -> RunResult | None:
    """Show what happens until the lab is up. Raises MachineError when it does not come up."""
    from lab.results import RunResult
    from lab.supervisor.wire import decode

    shown = _shown(progress)
    for event in client.events(follow=True):
        match event.kind:
            case "phase":
                progress.phase(event.text)
            case "scripts":
                progress.note(event.text)
            case "up":
                result = event.data["result"]
                return None if result is None else decode(RunResult, result)
            case "failed":
                raise MachineError(event.text)
            case kind if kind in shown:
                record, show = shown[kind]
                show(decode(record, event.data[kind.removesuffix(" started")]))
    raise MachineError(f"{client.name} ended before it was up; nothing of it is left")


def _shown(progress: Progress) -> dict[str, tuple[type, Callable[[Any], None]]]:
    """By the kind of an event, what it tells of and what shows it."""
    from lab.contact import ContactRecord
    from lab.results import (
        AppRecord,
        DiagnosisRecord,
        EventRecord,
        FactRecord,
        FlowRecord,
        PingRecord,
        ReachRecord,
        StatusRecord,
        StepResult,
    )

    return {
        "step started": (StepResult, progress.step_started),
        "step": (StepResult, progress.step_finished),
        "ping started": (PingRecord, progress.ping_started),
        "ping": (PingRecord, progress.ping_finished),
        "status": (StatusRecord, progress.status_finished),
        "diagnosis": (DiagnosisRecord, progress.diagnosis_finished),
        "event": (EventRecord, progress.event_finished),
        "app": (AppRecord, progress.app_finished),
        "fact": (FactRecord, progress.fact_finished),
        "flow": (FlowRecord, progress.flow_finished),
        "reach": (ReachRecord, progress.reach_finished),
        "contact": (ContactRecord, progress.contact_finished),
    }


# down


def _down(options: argparse.Namespace) -> int:
    from lab.supervisor.client import Client
    from lab.supervisor.door import NoSuchLab, living

    if options.name and (options.lab or options.all):
        raise UsageError(f"'{options.name}' says which lab; leave --lab and --all out")
    require_root()
    console = make_console()
    options.lab = options.name or options.lab
    if options.all:
        for name in living():
            with suppress(NoSuchLab):  # it may have ended meanwhile
                _end(Client(name), keep=options.keep)
        return PASSED
    if options.lab is None and not living():
        console.print("no lab is up")
        return PASSED
    client = the_lab(options)
    if client.name in living():
        _end(client, keep=options.keep)
    else:
        console.print(_forget(client.name, keep=options.keep))
    return PASSED


def _end(client: Client, *, keep: bool) -> None:
    console = make_console()
    with console.status(f"[dim]{client.name} goes down[/dim]"):
        client.down(keep=keep)
    kept = "; `saglab up` brings it back as it was" if keep else ""
    console.print(f"[bold]{client.name}[/bold] is down{kept}")


def _forget(name: str, *, keep: bool) -> str:
    """Remove what is kept of a lab that is not up. Says what was done."""
    from lab.supervisor.keeping import Keeping

    directory = default_directory(name)
    if keep or not directory.exists():
        return f"no lab called {name} is up"
    Keeping(directory).close(forget=True)
    return f"{name} was not up; what was kept of it is removed"


# list


def _list(options: argparse.Namespace) -> int:
    from lab.report.labs import print_labs
    from lab.supervisor.client import labs_up
    from lab.supervisor.wire import encode

    require_root()
    up, kept = labs_up(), _kept()
    if options.json:
        told = [{"name": name, "state": str(directory)} for name, directory in kept]
        print(json.dumps({"up": encode(up), "kept": told}, indent=2))
    else:
        print_labs(make_console(), up, kept)
    return PASSED


def _kept() -> list[tuple[str, Path]]:
    """The labs that are not up and have a state where it is kept by default."""
    from lab.supervisor.door import living
    from lab.supervisor.keeping import STATES

    if not STATES.is_dir():
        return []
    return [(path.name, path) for path in sorted(STATES.iterdir()) if (path / "state.db").exists() and path.name not in living()]


# clean


def _clean(options: argparse.Namespace) -> int:
    from lab.supervisor.keeping import Keeping
    from lab.supervisor.remains import remove_remains

    require_root()
    console = make_console()
    ended = remove_remains()
    for process in ended:
        console.print(f"ended process {process.pid} of {process.lab}: {escape(process.command)}")
    kept = _kept() if options.state else []
    for name, directory in kept:
        Keeping(directory).close(forget=True)
        console.print(f"removed what was kept of {name}")
    if not ended and not kept:
        console.print("there was nothing to remove")
    return PASSED
