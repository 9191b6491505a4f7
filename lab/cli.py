"""The command `saglab`."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import LabError, MachineError, UsageError
from lab.report.machine import to_json, to_junit
from lab.report.terminal import Progress, make_console, print_checks, print_heading, print_result, print_scenario, print_scenarios
from lab.results import RunResult
from lab.scenario import Scenario

if TYPE_CHECKING:
    from lab.explanation import Explanation
    from lab.supervisor.observation import Observation

PASSED, FAILED, UNUSABLE = 0, 1, 2

_EXIT_CODES = "Exit status: 0 passed, 1 an expectation failed, 2 wrong usage or environment, or interrupted."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["test"]:
        return _test(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        return int(options.handler(options))
    except LabError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return _refuse("interrupted")


def main_of_scenario() -> int:
    """As `saglab run`, for the scenario in the main module."""
    module = sys.modules["__main__"]
    spec = module.__spec__
    name = spec.name if spec else Path(str(module.__file__)).stem
    raw = argparse.RawDescriptionHelpFormatter  # keeps the map
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}", description=module.__doc__, epilog=_EXIT_CODES, formatter_class=raw
    )
    _add_run_options(parser)
    options = parser.parse_args()
    try:
        return _run(Scenario.of(module, name.rpartition(".")[2].replace("_", "-")), options)
    except LabError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return _refuse("interrupted")


def _refuse(message: str) -> int:
    print(f"saglab: {message}", file=sys.stderr)
    return UNUSABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="saglab",
        description="Rehearse a hybrid AWS and Alibaba Cloud network with real packets.",
        epilog=_EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"saglab {metadata.version('saglab')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="replay a scenario on a network of its own (as root)", epilog=_EXIT_CODES)
    run.add_argument("scenario", help="its name, as `saglab scenarios` lists it")
    _add_run_options(run)
    run.set_defaults(handler=lambda options: _run(find_scenario(options.scenario), options))

    explain = commands.add_parser(
        "explain",
        help="say what becomes of a packet at a scenario's end, why, and what would let it pass",
        epilog="Exit status: 0 it reaches and the answer comes back, 1 it does not (or predicted and observed disagree), 2 wrong "
        "usage or environment, or interrupted.",
    )
    _add_explain_options(explain)
    explain.set_defaults(handler=_explain)

    listing = commands.add_parser("scenarios", help="list the scenarios, or show one with its steps")
    listing.add_argument("scenario", nargs="?", help="show this one with its steps, and what leaving each out does")
    listing.set_defaults(handler=_scenarios)

    agree = commands.add_parser(
        "agree", help="try random clouds on the simulation and on running networks (as root), and compare", epilog=_EXIT_CODES
    )
    agree.add_argument("--states", metavar="N", type=int, default=300, help="random states of the clouds (300)")
    agree.add_argument("--probes", metavar="M", type=int, default=10, help="packets in each state (10)")
    agree.add_argument("--seed", metavar="S", type=int, default=1, help="another seed chooses other states (1)")
    agree.set_defaults(handler=_agree)

    check = commands.add_parser("doctor", help="say what this machine can do, what is missing, and how to get it")
    check.add_argument("--install", action="store_true", help="install what is missing first; ./saglab does it")
    check.set_defaults(handler=_doctor)

    commands.add_parser("test", help="run saglab's own tests; what follows goes to pytest", add_help=False)
    return parser


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--skip", metavar="STEP", action="append", default=[], help="leave a step out; may be repeated")
    parser.add_argument(
        "--simulate", action="store_true", help="walk the packets in memory instead: no network, no root, any operating system"
    )
    parser.add_argument("--cipher", metavar="NAME", help="aes-128-gcm, aes-256-gcm (default) or chacha20-poly1305")
    parser.add_argument("--keep", action="store_true", help="then leave the lab up and open a shell in it")
    parser.add_argument("--pcap", metavar="DIR", type=Path, help="write a capture of every interface into a directory")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON; - for standard output")
    parser.add_argument("--junit", metavar="FILE", help="write the result as JUnit XML")


def _add_explain_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", metavar="SCENARIO", help="its name, as `saglab scenarios` lists it")
    parser.add_argument("source", metavar="SRC", help="the machine that sends, by its name or id")
    parser.add_argument("destination", metavar="DST", help="a machine, or an address")
    parser.add_argument("--skip", metavar="STEP", action="append", default=[], help="leave a step out; may be repeated")
    parser.add_argument("--protocol", choices=["icmp", "tcp", "udp"], default="icmp", help="what is sent (default: icmp)")
    parser.add_argument("--port", metavar="N", type=int, help="the destination port, for tcp and udp")
    parser.add_argument("--size", metavar="N", type=int, help="length of the IP packet in bytes (default: 84, tcp 60)")
    parser.add_argument("--ttl", metavar="N", type=int, default=64, help="time to live (default: 64)")
    parser.add_argument("--df", action="store_true", help="the packet must not be fragmented")
    parser.add_argument("--json", action="store_true", help="write JSON to standard output instead")
    parser.add_argument(
        "--emulate", action="store_true", help="also bring the network up (as root), send the packet, and compare what is seen"
    )


def find_scenario(name: str) -> Scenario:
    """Raises UsageError for an unknown name."""
    for scenario in all_scenarios():
        if scenario.name == name:
            return scenario
    known = ", ".join(scenario.name for scenario in all_scenarios())
    raise UsageError(f"no scenario {name!r}; there are: {known}")


def all_scenarios() -> list[Scenario]:
    import scenarios  # what is above the lab is loaded only when it is asked for

    modules = sorted(module.name for module in pkgutil.iter_modules(scenarios.__path__))
    return [Scenario.of(importlib.import_module(f"scenarios.{name}")) for name in modules]


def _scenarios(options: argparse.Namespace) -> int:
    console = make_console()
    if options.scenario:
        print_scenario(console, find_scenario(options.scenario))
    else:
        print_scenarios(console, all_scenarios())
    return PASSED


def _explain(options: argparse.Namespace) -> int:
    from lab.explanation import Question, Replay, explain_scenario

    question = Question(
        options.source, options.destination, options.protocol, options.port, options.size, options.ttl, options.df
    )
    replay = Replay(find_scenario(options.scenario), tuple(dict.fromkeys(options.skip)))
    explanation = explain_scenario(replay, question)
    if options.emulate and explanation.fate.exchange is not None:
        return _observe(explanation, options)
    _report_explanation(explanation, options)
    return PASSED if explanation.reaches else FAILED


def _report_explanation(explanation: Explanation, options: argparse.Namespace, observed: Observation | None = None) -> list[str]:
    """Returns what predicted and observed disagree about."""
    from lab.report.explanation import explanation_json, print_explanation
    from lab.supervisor.observation import disagreements

    found = disagreements(explanation, observed) if observed is not None else []
    if options.json:
        render = explanation_json(
            explanation, scenario=options.scenario, left_out=options.skip, observed=observed, disagreements=found
        )
        print(render, end="")
    else:
        print_explanation(
            make_console(),
            explanation,
            scenario=options.scenario,
            left_out=options.skip,
            observed=observed,
            disagreements=found,
        )
    return found


def _observe(explanation: Explanation, options: argparse.Namespace) -> int:
    from lab.emulation.sandbox import run_in_sandbox
    from lab.supervisor.observe import observe

    def send() -> int:
        progress = Progress(make_console(stderr=True))
        try:
            observed = observe(explanation, progress=progress.phase)
        finally:
            progress.quiet()
        found = _report_explanation(explanation, options, observed)
        return PASSED if explanation.reaches and not found else FAILED

    _require_machine()
    return run_in_sandbox(send)


def _agree(options: argparse.Namespace) -> int:
    if options.states < 0 or options.probes < 1:
        raise UsageError("--states takes 0 or more, --probes 1 or more")
    _require_machine()
    try:
        from lab.agreement.command import agree, missing, told
    except ModuleNotFoundError as error:
        raise UsageError(f"agree needs {error.name}, which comes with saglab's test extra: pip install 'saglab[test]'") from error
    findings = agree(options.states, options.probes, options.seed)
    print(told(findings))
    return FAILED if findings.failure or missing(findings) else PASSED


def _doctor(_options: argparse.Namespace) -> int:
    from lab import doctor  # reads Linux's own interfaces

    checks = doctor.checks()
    print_checks(make_console(), checks)
    return UNUSABLE if any(check.required and not check.ok for check in checks) else PASSED


def _test(arguments: Sequence[str]) -> int:
    """Hand over to pytest, in the checkout that this package was installed from."""
    os.chdir(Path(__file__).parent.parent)
    os.execv(sys.executable, [sys.executable, "-P", "-m", "pytest", *arguments])  # noqa: S606 - the interpreter itself


def _run(scenario: Scenario, options: argparse.Namespace) -> int:
    if options.simulate:
        return _simulate(scenario, options)
    from lab.emulation.keys import CIPHERS, DEFAULT_CIPHER
    from lab.emulation.sandbox import run_in_sandbox

    options.cipher = options.cipher or DEFAULT_CIPHER
    if options.cipher not in CIPHERS:
        raise UsageError(f"no cipher {options.cipher!r}; there are: {', '.join(CIPHERS)}")
    scenario.check_steps(options.skip)
    outputs = Outputs(options)
    _require_machine()
    return run_in_sandbox(lambda: _supervise(scenario, options, outputs))


_NEEDS_A_NETWORK = {
    "keep": "--keep leaves a network up, and a simulation builds none",
    "pcap": "--pcap captures packets from interfaces, and a simulation has none",
    "cipher": "--cipher chooses how packets are encrypted, and a simulation encrypts none",
}


def _simulate(scenario: Scenario, options: argparse.Namespace) -> int:
    """Everything here is Python's own: no module that needs Linux or root is loaded."""
    from lab.supervisor.run import run_scenario
    from lab.supervisor.simulated import SimulationBackend

    refused = [why for option, why in _NEEDS_A_NETWORK.items() if getattr(options, option)]
    if refused:
        raise UsageError("; ".join(refused))
    scenario.check_steps(options.skip)
    outputs = Outputs(options)
    console = make_console(stderr=outputs.json_on_stdout)
    print_heading(console, scenario, simulated=True)
    result = run_scenario(scenario, skip=options.skip, backend=SimulationBackend(), listener=Progress(console))
    print_result(console, result)
    outputs.write(result)
    return PASSED if result.passed else FAILED


def _require_machine() -> None:
    from lab import doctor

    missing = [check for check in doctor.require_for_running() if not check.ok]
    if missing:
        raise MachineError("a lab cannot run here: " + "; ".join(f"{c.name}: {c.found}. {c.remedy}" for c in missing))


class Outputs:
    """The files a run is to write: checked before it starts, written at its end.

    Directories are held open where the system can, because the lab has mounts of its own. Raises UsageError when one cannot be
    written to.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.json_on_stdout = options.json == "-"
        if self.json_on_stdout and options.keep:
            raise UsageError("--json - and --keep both want standard output; give --json a file")
        self.captures = self._captures(options.pcap) if options.pcap else None
        files = [(options.json, to_json), (options.junit, to_junit)]
        self._files = [(*self._place(Path(name)), write) for name, write in files if name and name != "-"]

    def _captures(self, directory: Path) -> int:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            return os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise UsageError(f"cannot write captures into {directory}: {error.strerror}") from error

    def _place(self, path: Path) -> tuple[int | None, str]:
        if os.open not in os.supports_dir_fd:
            directory, name = None, str(path.absolute())
        else:
            try:
                directory, name = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY), path.name
            except OSError as error:
                raise UsageError(f"cannot write {path}: {error.strerror}") from error
        if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            raise UsageError(f"cannot write {path}: it is a directory, or not writable")
        return directory, name

    def write(self, result: RunResult) -> None:
        for directory, name, render in self._files:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=directory)
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(render(result))
        if self.json_on_stdout:
            print(to_json(result), end="")


def _supervise(scenario: Scenario, options: argparse.Namespace, outputs: Outputs) -> int:
    """Inside the sandbox: run, report, and keep the lab up if asked to."""
    from lab.supervisor.backend import EmulationBackend
    from lab.supervisor.run import run_scenario

    console = make_console(stderr=outputs.json_on_stdout)
    progress = Progress(console)
    backend = EmulationBackend(cipher=options.cipher, progress=progress.phase, captures=outputs.captures)
    print_heading(console, scenario)
    try:
        result = run_scenario(scenario, skip=options.skip, backend=backend, listener=progress)
        progress.quiet()
        print_result(console, result)
        if options.keep:
            backend.shell()
    finally:
        progress.quiet()
        backend.close()
    outputs.write(result)
    return PASSED if result.passed else FAILED
