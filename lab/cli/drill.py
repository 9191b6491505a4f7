"""`saglab drill`: a lab that worked is broken, a student repairs it with `saglab call`, and packets judge."""

from __future__ import annotations

import argparse
import secrets
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from lab.cli.labs import add_lab, default_directory, require_root
from lab.cli.scenarios import find_scenario
from lab.cli.status import FAILED, PASSED
from lab.cli.verbs import Verbs, require_machine
from lab.errors import UsageError
from lab.report.terminal import Progress, make_console

if TYPE_CHECKING:
    from lab.connection import Connection
    from lab.teaching.drill import Drill
    from lab.teaching.judge import Verdict

_EPILOG = "Example: saglab drill start --level 2; saglab drill check; saglab drill hint 2; saglab drill answer; saglab down"
_SEEDS = 10_000


def add_verbs(verbs: Verbs) -> None:
    drill = verbs.add_parser(
        "drill",
        help="learn: a lab is broken at random, you repair it with saglab call, packets say whether it works (as root)",
        description="Bring the document's network up with something broken, find out what, repair it with saglab call, and "
        "check. Level 1 undoes a step of the document, level 2 does one in a wrong way, level 3 breaks two things at once, or "
        "what no configuration shows.",
        epilog=_EPILOG,
    )
    actions = drill.add_subparsers(metavar="ACTION", required=True)
    start = actions.add_parser("start", help="bring a lab up that is broken", epilog=_EPILOG)
    start.add_argument("--level", type=int, choices=[1, 2, 3], default=1, help="how hard (1)")
    start.add_argument("--seed", metavar="S", type=_seed, help="the same seed breaks the same (default: drawn, and told)")
    start.set_defaults(handler=_start)
    check = actions.add_parser("check", help="send packets, and say what works; when all does, what was learned", epilog=_EPILOG)
    check.set_defaults(handler=_check)
    hint = actions.add_parser("hint", help="say a little, or with a higher number a little more", epilog=_EPILOG)
    which = "1 to 4: what is lost, where, why, what to do (2)"
    hint.add_argument("number", metavar="N", nargs="?", type=int, choices=range(1, 5), default=2, help=which)
    hint.set_defaults(handler=_hint)
    answer = actions.add_parser("answer", help="say what is broken, and what mends it", epilog=_EPILOG)
    answer.set_defaults(handler=_answer)
    for action in (check, hint, answer):
        add_lab(action)


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < _SEEDS:
        raise ValueError(text)
    return number


def _start(options: argparse.Namespace) -> int:
    from lab.connection import connect
    from lab.supervisor.door import living
    from lab.teaching.drill import Drill
    from lab.teaching.faults import TRAP

    require_root()
    drill = Drill(options.level, options.seed if options.seed is not None else secrets.randbelow(_SEEDS))
    if drill.name in living():
        raise UsageError(f"{drill.name} is up already; saglab drill check judges it, saglab down --lab {drill.name} ends it")
    require_machine()
    console = make_console()
    _bring_up(drill, console)
    lab = connect(drill.name)
    for link in drill.begin(lab):
        lab.impair(link, TRAP)
    console.print(f"[bold]{drill.name}[/bold] is up: {escape(find_scenario(drill.scenario).title)}.")
    console.print("This worked yesterday. Somebody has been at it since, and users call:\n")
    verdicts = _judged(lab, drill, console)
    _print_verdicts(console, verdicts)
    console.print(
        "\nFind out why, and repair it with [bold]saglab call[/bold]. [bold]saglab status[/bold], [bold]ping[/bold], "
        "[bold]diagram[/bold], [bold]exec[/bold] and [bold]diagnose[/bold] tell what there is to see; [bold]trace[/bold] tells "
        "all, and [bold]events[/bold] who did it.\n[bold]saglab drill check[/bold] judges, [bold]saglab drill hint[/bold] helps."
    )
    return PASSED


def _bring_up(drill: Drill, console: Console) -> None:
    """Raises MachineError when the lab does not come up."""
    from lab.cli.lifetime import follow
    from lab.emulation.tunnels import DEFAULT_CIPHER
    from lab.supervisor.client import Client
    from lab.supervisor.daemon import Plan, start
    from lab.supervisor.options import NetworkOptions

    with console.status("[dim]a lab comes up[/dim]"):
        scenario, directory = find_scenario(drill.scenario), default_directory(drill.name)
        start(Plan(drill.name, scenario, (), directory, NetworkOptions(DEFAULT_CIPHER), find_scenario))
        follow(Client(drill.name), Progress(Console(quiet=True)))


def _check(options: argparse.Namespace) -> int:
    drill, lab = _running(options)
    console = make_console()
    verdicts = _judged(lab, drill, console)
    _print_verdicts(console, verdicts)
    if not all(verdict.works for verdict in verdicts):
        console.print("\n[red]not repaired yet[/red]; [bold]saglab drill hint[/bold] helps")
        return FAILED
    console.print("\n[bold green]repaired[/bold green]: all that is needed works, with real packets. What was broken:\n")
    for lesson in drill.lessons():
        console.print(f" • {escape(lesson)}")
    console.print(f"\n[dim]saglab down --lab {drill.name} ends the drill; saglab drill start begins another[/dim]")
    return PASSED


def _hint(options: argparse.Namespace) -> int:
    from lab.teaching.judge import HINTS, hints

    drill, lab = _running(options)
    console = make_console()
    told = list(hints(drill, _judged(lab, drill, console), options.number))
    for line in told:
        console.print(f" • {escape(line)}")
    if not told:
        console.print("everything works: [bold]saglab drill check[/bold]")
    elif options.number < HINTS:
        console.print(f"[dim]saglab drill hint {options.number + 1} says more[/dim]")
    return PASSED


def _answer(options: argparse.Namespace) -> int:
    from lab.teaching.judge import HINTS, hints

    drill, lab = _running(options)
    console = make_console()
    for lesson in drill.lessons():
        console.print(f" • {escape(lesson)}")
    mending = list(hints(drill, _judged(lab, drill, console), HINTS))
    console.print("\nwhat mends it:" if mending else "\nit is mended: [bold]saglab drill check[/bold]")
    for line in mending:
        console.print(f" • {escape(line)}")
    return PASSED


def _running(options: argparse.Namespace) -> tuple[Drill, Connection]:
    """The drill that is meant, or the only one, and its lab. Raises UsageError."""
    from lab.connection import connect
    from lab.supervisor.door import living
    from lab.teaching.drill import Drill

    require_root()
    drills = [options.lab] if options.lab else [name for name in living() if name.startswith("drill-")]
    if len(drills) != 1:
        told = f"say which one with --lab: {', '.join(drills)}" if drills else "`saglab drill start` begins one"
        raise UsageError(f"{len(drills) or 'no'} drills are up; {told}")
    drill = Drill.named(drills[0])
    return drill, connect(drill.name)


def _judged(lab: Connection, drill: Drill, console: Console) -> list[Verdict]:
    from lab.teaching.judge import judge

    with console.status("[dim]packets[/dim]"):
        return judge(lab, drill)


def _print_verdicts(console: Console, verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        mark = "[green]✓[/green]" if verdict.works else "[red]✗[/red]"
        console.print(f" {mark} {escape(verdict.what)}  {'' if verdict.works else '[red]no answer[/red]'}")
