"""`saglab run`: a scenario on a network that is there for as long as the run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lab.cli.network import add_network_options, network_options
from lab.cli.outputs import Outputs
from lab.cli.scenarios import completed_by_scenarios, find_scenario
from lab.cli.status import EXIT_CODES, FAILED, PASSED
from lab.cli.verbs import Verbs, require_machine
from lab.errors import UsageError
from lab.report.terminal import Progress, make_console, print_heading, print_result

if TYPE_CHECKING:
    from lab.backend import Backend
    from lab.mailbox import Mailbox
    from lab.results import RunResult
    from lab.scenario import Scenario
    from lab.supervisor.options import NetworkOptions


def add_verbs(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "run", help="replay a scenario, or see what a lab file expects, on a network of its own (as root)", epilog=EXIT_CODES
    )
    what = "its name, as `saglab scenarios` lists it, or a lab file"
    completed_by_scenarios(parser.add_argument("scenario", metavar="SCENARIO|FILE", help=what))
    add_run_options(parser)
    parser.set_defaults(handler=lambda options: run(find_scenario(options.scenario), options))


def add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--skip", metavar="STEP", action="append", default=[], help="leave a step out; may be repeated")
    parser.add_argument(
        "--simulate", action="store_true", help="walk the packets in memory instead: no network, no root, any operating system"
    )
    parser.add_argument("--keep", action="store_true", help="then leave the lab up and open a shell in it")
    add_network_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON; - for standard output")
    parser.add_argument("--junit", metavar="FILE", help="write the result as JUnit XML")
    parser.add_argument(
        "--report", metavar="DIR", type=Path, help="leave report.html, report.json and junit.xml in a directory, made if need be"
    )


def run(scenario: Scenario, options: argparse.Namespace) -> int:
    if options.simulate:
        return _simulate(scenario, options)
    from lab.emulation.sandbox import run_in_sandbox

    scenario.check_steps(options.skip)
    network = network_options(options)
    outputs = Outputs(options)
    require_machine()
    return run_in_sandbox(lambda: _supervise(scenario, options, outputs, network))


_NEEDS_A_NETWORK = {
    "keep": "--keep leaves a network up, and a simulation builds none",
    "pcap": "--pcap captures packets from interfaces, and a simulation has none",
    "keylog": "--keylog writes keys of tunnels, and a simulation has none",
    "wan": "--wan changes what a link carries, and a simulation has none",
    "smtp": "--smtp says where mail goes, and a simulation sends none",
    "cipher": "--cipher chooses how packets are encrypted, and a simulation encrypts none",
}


def _simulate(scenario: Scenario, options: argparse.Namespace) -> int:
    """Everything here is Python's own: no module that needs Linux or root is loaded."""
    from lab.mailbox import Mailbox
    from lab.supervisor.simulated import SimulationBackend

    refused = [why for option, why in _NEEDS_A_NETWORK.items() if getattr(options, option)]
    if refused:
        raise UsageError("; ".join(refused))
    scenario.check_steps(options.skip)
    outputs = Outputs(options)
    console = make_console(stderr=outputs.json_on_stdout)
    print_heading(console, scenario, simulated=True)
    result = _replay(scenario, options, outputs, SimulationBackend(), Progress(console), Mailbox())
    print_result(console, result)
    outputs.write(result, simulated=True)
    return PASSED if result.passed else FAILED


def _replay(
    scenario: Scenario,
    options: argparse.Namespace,
    outputs: Outputs,
    backend: Backend,
    progress: Progress,
    mailbox: Mailbox,
) -> RunResult:
    from lab.session import Lab
    from lab.supervisor.run import run_on

    listener = outputs.listener(progress)
    lab = Lab(scenario.name, skip=options.skip, backend=backend, listener=listener, mailbox=mailbox)
    outputs.tell_of(lab)
    return run_on(lab, scenario)


def _supervise(scenario: Scenario, options: argparse.Namespace, outputs: Outputs, network: NetworkOptions) -> int:
    """Inside the sandbox: run, report, and keep the lab up if asked to."""
    from lab.report.labs import print_impaired
    from lab.smtp import SmtpMailbox
    from lab.supervisor.backend import EmulationBackend

    console = make_console(stderr=outputs.json_on_stdout)
    progress = Progress(console)
    backend = EmulationBackend(network, progress.phase)
    print_heading(console, scenario)
    try:
        result = _replay(scenario, options, outputs, backend, progress, SmtpMailbox(network.smtp))
        progress.quiet()
        if backend.emulation is not None:
            print_impaired(console, backend.links())
        print_result(console, result)
        if options.keep:
            backend.shell()
    finally:
        progress.quiet()
        backend.close()
    outputs.write(result, simulated=False)
    return PASSED if result.passed else FAILED
