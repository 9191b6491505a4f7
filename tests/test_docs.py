"""What README.md, CHANGELOG.md and docs/ say is so: codes, commands, options, output, links, the example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from ipaddress import IPv4Address
from pathlib import Path
from types import ModuleType

import pytest

from dataplane.errors import DropReason
from lab.cli import find_scenario, main
from lab.drops import Drop, Filter, Place
from lab.origin import Origin
from lab.reasons import Reason
from lab.report.machine import to_json
from lab.results import (
    AppRecord,
    Blame,
    DiagnosisRecord,
    Dies,
    EventRecord,
    FactRecord,
    Finding,
    FlowRecord,
    PingRecord,
    PingResult,
    ReachRecord,
    Refusal,
    RunResult,
    StatusRecord,
    StepResult,
)
from lab.scenario import Scenario
from lab.session import Lab
from lab.simulation import Drop as WalkDrop
from lab.simulation import Probe, Simulation, Verdict
from lab.status import TEXT as STATUS_TEXT
from lab.status import StatusEnd
from lab.topology import Topology

ROOT = Path(__file__).parent.parent
MADE = ROOT / "docs" / "reference"  # by docs/site/reference.py, for the site alone
WRITTEN = (page for page in sorted((ROOT / "docs").rglob("*.md")) if not page.is_relative_to(MADE))
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *WRITTEN]
PAGE_IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def section(page: str, heading: str) -> str:
    """What stands under a heading, up to the next one of the same or a higher level."""
    level = len(heading) - len(heading.lstrip("#"))
    after = text_of(page).split(f"\n{heading}\n", 1)
    assert len(after) == 2, f"{page} has no heading {heading!r}"
    return re.split(rf"\n#{{1,{level}}} ", after[1])[0]


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


# --- drop reasons -----------------------------------------------------------------------------------------------------

CODES: dict[str, dict[str, str]] = {
    "## Clouds": {code: code.text for code in Reason},
    "## Dataplane": {code: code.text for code in DropReason},
    "## VPN Status and Control Status": STATUS_TEXT,
    "## Simulation": {code: code.text for code in WalkDrop if code.value not in DropReason.__members__},
}


@pytest.mark.parametrize("heading", CODES)
def test_page_lists_exactly_the_codes_that_exist(heading: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*?) \|", section("docs/reasons.md", heading), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a code is listed twice"
    assert dict(rows) == CODES[heading]


# --- commands and options ---------------------------------------------------------------------------------------------


@cache
def help_of(*command: str) -> str:
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out:
        patch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit):
            main([*command, "--help"])
    return out.getvalue()


def options_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z]+", text))


def commands_in(help_text: str) -> set[str]:
    return set(re.findall(r"^    ([a-z]+)\b", help_text, re.MULTILINE))


def test_readme_explains_every_option_of_run() -> None:
    rows = section("README.md", "## Options of `run`")
    assert set(re.findall(r"^\| `(--[a-z]+)", rows, re.MULTILINE)) == options_in(help_of("run")) - {"--help"}


def test_readme_names_the_ciphers_there_are() -> None:
    row = next(line for line in text_of("README.md").splitlines() if line.startswith("| `--cipher"))
    for cipher in re.findall(r"`([a-z0-9-]+)`", row.split("|")[2]):
        assert cipher in help_of("run")


# What follows goes to pytest; or is an operation's, which tests/supervisor/test_operations.py looks at.
OTHERS_OPTIONS = ("test", "call")


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_commands_and_options_exist(page: Path) -> None:
    known = {name: options_in(help_of(name)) for name in commands_in(help_of()) if name != "test"}
    for name, rest in re.findall(r"(?:\./| |`)saglab ([a-z]+)\b([^`#\n]*)", "\n".join(code_in(page))):
        assert name in commands_in(help_of()), f"{page.name}: saglab {name}"
        if name not in OTHERS_OPTIONS:
            assert options_in(rest) <= known[name], f"{page.name}: saglab {name}{rest}"


def code_in(page: Path) -> Iterator[str]:
    """Every line of code on a page, in blocks and between backticks, between backticks again."""
    text = page.read_text(encoding="utf-8")
    for block in code_blocks(text, "sh"):
        yield from (f"`{line}`" for line in block.splitlines())
    yield from re.findall(r"`[^`\n]+`", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_steps_that_can_be_skipped_exist(page: Path) -> None:
    numbers = [n for n in re.findall(r"--skip ([\w.]+)", page.read_text(encoding="utf-8")) if n != "STEP"]
    find_scenario("vcpe-ping").check_steps(numbers)


def test_readme_shows_steps_as_they_are() -> None:
    steps = {step.number: step.title for step in find_scenario("vcpe-ping").steps}
    shown = re.findall(r"^ [✓✗-] (\S+) +(.+)$", text_of("README.md"), re.MULTILINE)
    missing = re.findall(r"step ([\w.]+) is missing: (.+)$", text_of("README.md"), re.MULTILINE)
    assert shown
    assert missing
    for number, title in shown + missing:
        assert steps[number] == title


# --- JSON -------------------------------------------------------------------------------------------------------------


def a_run() -> RunResult:
    """One of everything that a result can hold."""
    blame = Blame(Drop("n", Place(Filter.ROUTE, Reason.NO_ROUTE_TO_DESTINATION, Origin("rtb-1", "aws.create_vpc"), ""), 1), "aws")
    address = IPv4Address("10.0.1.10")
    ping = PingRecord("1", "i-1", "app", "ecs", address, address, 4, PingResult(4, 0, None), drops=[blame])
    vpn = StatusRecord("1", "sag", "Normal", (StatusEnd("vcpe", "NO_ANSWER"),), "NO_ANSWER")
    steps = [StepResult("1", "t", refusals=[Refusal("aws.x", "Code", "message")])]
    diagnosis = DiagnosisRecord("1", "sag", ("routes",), True, (Finding("routes", "no route", "aws.create_route()"),))
    event = EventRecord("1", "sag", "DeviceSwitched")
    reach = ReachRecord("1", ("app", "ecs"), ((0, 1),), ((0, 1),), True)
    flow = FlowRecord("1", "app", "ecs", "udp", 100e6, 0.03, 99e6)
    app = AppRecord("5", "laptop", "Connected to Intranet")
    fact = FactRecord("5", "www.example.com on laptop", "198.51.100.3", "nothing")
    others = {"apps": [app], "facts": [fact], "diagnoses": [diagnosis], "reaches": [reach], "events": [event], "flows": [flow]}
    return RunResult("x", steps=steps, pings=[ping], statuses=[vpn], **others)


def shape(value: object) -> object:
    """The names in a JSON value, and where they stand."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else None


def test_the_page_shows_the_shape_of_the_json() -> None:
    (example,) = code_blocks(text_of("docs/json.md"), "json")
    assert shape(json.loads(example)) == shape(json.loads(to_json(a_run())))


# --- the example of a scenario ----------------------------------------------------------------------------------------


@pytest.fixture
def example() -> Scenario:
    (source,) = (block for block in code_blocks(text_of("README.md"), "python") if "def run(" in block)
    module = ModuleType("two_hosts")
    exec(compile(source, "README.md", "exec"), module.__dict__)  # noqa: S102 - our own page
    return Scenario.of(module)


def fate(topology: Topology) -> tuple[Verdict, object]:
    """What becomes of a ping from a to b, walked in memory."""
    nodes = {node.label: node for node in topology.nodes}
    a, b = (nodes[label].interfaces[0].addresses[0].ip for label in "ab")
    exchange = Simulation(topology).exchange(Probe(a, b, "icmp"), nodes["a"].name)
    last = exchange.reply or exchange.request
    return last.verdict, last.reason


def test_example_in_the_readme_is_a_scenario(example: Scenario) -> None:
    assert (example.name, [step.number for step in example.steps]) == ("two-hosts", ["1"])
    lab = Lab()
    example.run(lab)
    assert fate(lab.compile()) == (Verdict.DELIVERED, None)


def test_example_in_the_readme_says_what_leaving_its_step_out_does(example: Scenario) -> None:
    (effect,) = example.steps[0].without
    assert isinstance(effect, Dies)
    assert fate(example.topology(["1"], bytes(32))) == (Verdict.DROPPED, effect.reason)


# --- the tutorial -----------------------------------------------------------------------------------------------------


def test_lab_file_of_the_tutorial_is_met(tmp_path: Path) -> None:
    (file,) = code_blocks(text_of("docs/tutorial.md"), "yaml")
    (tmp_path / "office.yaml").write_text(file)
    assert main(["check", str(tmp_path / "office.yaml")]) == 0


# --- pages ------------------------------------------------------------------------------------------------------------


def links_in(page: Path) -> list[str]:
    """Targets of the links on a page that lead to a file of the project."""
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    return [target for target in targets if not target.startswith(("http://", "https://"))]


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_links_resolve(page: Path) -> None:
    for link in links_in(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}"
        assert target.is_relative_to(ROOT), f"{page.name} links out of the project: {link}"
        assert not anchor or anchor in anchors_of(target), f"{page.name} links to {link}"


def test_every_decision_is_in_the_index() -> None:
    decisions = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert links_in(ROOT / "docs/decisions/README.md") == decisions
    assert len({name[:4] for name in decisions}) == len(decisions)
