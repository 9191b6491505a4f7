"""Who may import whom: the directions of the design, read from the source of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("lab", "dataplane", "scenarios")

ABOVE_CLOUD = (
    "lab.topology",
    "lab.compiler",
    "lab.simulation",
    "lab.emulation",
    "lab.explanation",
    "lab.diagnosis",
    "lab.files",
    "lab.reachability",
    "lab.drawing",
    "lab.supervisor",
)
FRONT = ("lab.cli", "lab.report", "lab.teaching", "lab.testing", "scenarios")


@dataclass(frozen=True)
class Rule:
    """Modules below `importers` (but not below `exempt`) import nothing below `forbidden`, except exactly `public`.

    Names are dotted, and cover everything below them.
    """

    id: str
    importers: tuple[str, ...]
    forbidden: tuple[str, ...]
    exempt: tuple[str, ...] = ()
    public: tuple[str, ...] = ()


RULES = (
    Rule("the dataplane knows nothing of the lab", ("dataplane",), ("lab", "scenarios", "mininet")),
    Rule(
        "the dataplane's core does no I/O and reads no clock",
        ("dataplane",),
        ("socket", "os", "time", "asyncio", "random", "secrets", "dataplane.linux"),
        exempt=("dataplane.linux", "dataplane.control", "dataplane.__main__"),
    ),
    Rule("the cloud knows neither topology nor backends", ("lab.cloud",), (*ABOVE_CLOUD, *FRONT, "lab.controller")),
    Rule(
        "the compiler only reads the cloud and writes the topology",
        ("lab.compiler",),
        ("lab.simulation", "lab.emulation", "lab.explanation", "lab.controller", "lab.supervisor", *FRONT),
    ),
    Rule(
        "the topology stands below what writes and reads it",
        ("lab.topology", "lab.reasons", "lab.origin"),
        ("lab.cloud", *ABOVE_CLOUD[1:], "lab.controller", *FRONT, "dataplane.linux"),
    ),
    Rule(
        "the simulation reads the topology, not the cloud, the kernel or the emulation",
        ("lab.simulation",),
        ("lab.emulation", "lab.cloud", "lab.compiler", "lab.supervisor", "dataplane.linux", "socket", "subprocess", *FRONT),
    ),
    Rule(
        "the emulation reads the topology, not the cloud or the simulation",
        ("lab.emulation",),
        ("lab.simulation", "lab.cloud", "lab.supervisor", *FRONT),
    ),
    Rule("the explanation never touches the emulation", ("lab.explanation",), ("lab.emulation", "lab.supervisor", *FRONT)),
    Rule("the diagnosis neither, and it stands above it", ("lab.diagnosis",), ("lab.emulation", "lab.supervisor", *FRONT)),
    Rule("the explanation knows no diagnosis", ("lab.explanation",), ("lab.diagnosis",)),
    Rule("the drawing knows no network that runs", ("lab.drawing",), ("lab.emulation", "lab.supervisor", *FRONT)),
    Rule(
        "lab files make calls on the clouds and know no backend",
        ("lab.files",),
        ("lab.emulation", "lab.simulation", "lab.diagnosis", "lab.supervisor", *FRONT),
    ),
    Rule(
        "only what a person calls knows lab files",
        ("lab.compiler", "lab.simulation", "lab.emulation", "lab.explanation", "lab.diagnosis", "lab.supervisor", "scenarios"),
        ("lab.files",),
    ),
    Rule("who reaches whom is asked in memory", ("lab.reachability",), ("lab.emulation", "lab.files", "lab.supervisor", *FRONT)),
    Rule("YAML and its validation stay in the lab files", PACKAGES, ("pydantic", "yaml"), exempt=("lab.files",)),
    Rule(
        "the monitoring knows neither clouds nor networks",
        ("lab.monitoring",),
        ("lab.cloud", *ABOVE_CLOUD, "lab.controller", "dataplane", *FRONT),
    ),
    Rule("Mininet stays in the emulation", PACKAGES, ("mininet",), exempt=("lab.emulation",)),
    Rule("the supervisor knows no scenario and no command line", ("lab.supervisor",), ("scenarios", "lab.cli")),
    Rule("the doctor stands alone", ("lab.doctor",), ("dataplane", *ABOVE_CLOUD, "lab.cloud", *FRONT)),
    Rule("scenarios use the public face of the lab", ("scenarios",), ("lab", "dataplane"), public=("lab",)),
)


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_below(name: str, tops: tuple[str, ...]) -> bool:
    return any(name == top or name.startswith(f"{top}.") for top in tops)


@cache
def imported(path: Path, root: Path) -> tuple[tuple[int, str], ...]:
    """Line and dotted name of everything a module imports; `from a import b` is a.b where that is a module, else a."""
    return tuple(_imported(path, root))


def _imported(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    package = path.parent.relative_to(root).parts
    for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                deeper = root / f"{origin}.{alias.name}".replace(".", "/")
                is_module = deeper.is_dir() or deeper.with_suffix(".py").exists()
                yield node.lineno, f"{origin}.{alias.name}" if is_module else origin


def violations(rule: Rule, root: Path) -> list[str]:
    found = []
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        importer = module_name(path, root)
        if not is_below(importer, rule.importers) or is_below(importer, rule.exempt):
            continue
        for line, name in imported(path, root):
            if is_below(name, rule.forbidden) and name not in rule.public:
                found.append(f"{path.relative_to(root)}:{line} imports {name}")
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_direction(rule: Rule) -> None:
    found = violations(rule, ROOT)
    assert not found, f"{rule.id}:\n" + "\n".join(found)


def plant(root: Path, module: str, text: str) -> Path:
    path = root / f"{module.replace('.', '/')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_planted_violation_is_found(rule: Rule, tmp_path: Path) -> None:
    for importer in rule.importers:
        for number, forbidden in enumerate(rule.forbidden):
            name = f"{forbidden}.deep" if forbidden in rule.public else forbidden
            path = plant(tmp_path, f"{importer}.planted_{number}", f'"""A module."""\n\nimport {name}\n')
            assert f"{path.relative_to(tmp_path)}:3 imports {name}" in violations(rule, tmp_path)


FORMS = {
    "import": ("import lab.cloud.aws", "lab.cloud.aws"),
    "import as": ("import lab.cloud as c", "lab.cloud"),
    "from package import module": ("from lab import cloud", "lab.cloud"),
    "from module import name": ("from lab.cloud import Cloud", "lab.cloud"),
    "relative": ("from ..cloud import Cloud", "lab.cloud"),
    "relative module": ("from .. import cloud", "lab.cloud"),
    "inside a function": ("def f():\n    import lab.cloud", "lab.cloud"),
    "for the type checker": ("if TYPE_CHECKING:\n    from lab.cloud import Cloud", "lab.cloud"),
}


@pytest.mark.parametrize(("text", "name"), FORMS.values(), ids=FORMS.keys())
def test_every_form_of_import_is_seen(text: str, name: str, tmp_path: Path) -> None:
    plant(tmp_path, "lab.cloud.__init__", "")
    path = plant(tmp_path, "lab.emulation.planted", text)
    assert name in [found for _, found in imported(path, tmp_path)]


def test_what_is_exempt_or_public_passes(tmp_path: Path) -> None:
    plant(tmp_path, "lab.emulation.node", "import mininet.node")
    plant(tmp_path, "dataplane.linux.tun", "import os, socket, time")
    plant(tmp_path, "scenarios.ping", "from lab import Lab")
    assert [found for rule in RULES for found in violations(rule, tmp_path)] == []
