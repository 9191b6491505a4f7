"""What pytest loads, for every project that has saglab installed: so it imports nothing but pytest until a test asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.explanation import Replay
    from lab.testing.emulated import EmulatedNetwork, Labs
    from lab.testing.network import Network
    from lab.testing.simulated import SimulatedNetwork

_MARKER = (
    "saglab(source, skip=(), emulate=False): the network that a test asks: a scenario's name, a Python file or a lab file beside "
    "the test; steps left out of it; whether real packets are sent, as root"
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which network a test is about."""

    source: str
    skip: tuple[str, ...]
    emulate: bool


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("saglab")
    group.addoption("--saglab-emulate", action="store_true", help="let assert_reaches and its like send real packets, as root")
    parser.addini("saglab_network", "scenario, Python file or lab file of the tests that no marker gives another", default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def simulate(request: pytest.FixtureRequest, _saglab_replays: dict[_Wanted, Replay]) -> SimulatedNetwork:
    """The network in memory. Each test has its own, and may change it by calls on `simulate.aws` and `simulate.alibaba`."""
    from lab.cli import find_scenario
    from lab.explanation import Replay
    from lab.testing.simulated import SimulatedNetwork

    wanted = _wanted(request)
    if wanted not in _saglab_replays:
        scenario = find_scenario(wanted.source)
        scenario.check_steps(wanted.skip)
        _saglab_replays[wanted] = Replay(scenario, wanted.skip)
    replay = _saglab_replays[wanted]
    return SimulatedNetwork(replay.state(wanted.skip), replay.scenario.name)


@pytest.fixture
def lab(request: pytest.FixtureRequest, _saglab_labs: Labs) -> EmulatedNetwork:
    """The network with real packets, brought up once for all tests of a process that ask for it; skipped without root."""
    if os.geteuid() != 0:
        pytest.skip("a network of real packets needs root")
    wanted = _wanted(request)
    return _saglab_labs.get(wanted.source, wanted.skip)


@pytest.fixture
def network(request: pytest.FixtureRequest) -> Network:
    """The network in memory, or with --saglab-emulate, or a marker that says so, that of real packets."""
    emulate = _wanted(request).emulate or request.config.getoption("saglab_emulate")
    chosen: Network = request.getfixturevalue("lab" if emulate else "simulate")
    return chosen


@pytest.fixture
def assert_reaches(network: Network) -> Callable[..., None]:
    """`assert_reaches("app", "db", tcp=5432)`: a packet gets there, and its answer back."""
    return network.assert_reaches


@pytest.fixture
def assert_unreachable(network: Network) -> Callable[..., None]:
    """`assert_unreachable("app", "db", udp=53, reason="ENI_SG_RULES_MISMATCH")`."""
    return network.assert_unreachable


@pytest.fixture(scope="session")
def _saglab_replays() -> dict[_Wanted, Replay]:
    return {}


@pytest.fixture(scope="session")
def _saglab_labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labs]:
    from lab.testing.emulated import Labs

    labs = Labs(tmp_path_factory.mktemp("saglab"))
    yield labs
    labs.close()


def _wanted(request: pytest.FixtureRequest) -> _Wanted:
    """What the nearest marker that names a network says, or else the ini file. Raises UsageError where neither does."""
    markers = list(request.node.iter_markers("saglab"))
    emulate = any(marker.kwargs.get("emulate", False) for marker in markers)
    for marker in markers:
        if marker.args:
            source = _found(str(marker.args[0]), request.path.parent)
            return _Wanted(source, tuple(marker.kwargs.get("skip", ())), emulate)
    named = str(request.config.getini("saglab_network"))
    if not named:
        raise pytest.UsageError("no network is named: mark the test with @pytest.mark.saglab(…), or set saglab_network")
    return _Wanted(_found(named, request.config.rootpath), (), emulate)


def _found(source: str, beside: Path) -> str:
    """A file is looked for beside the test, or the ini file; what is no file is a scenario's name."""
    return str((beside / source).resolve()) if Path(source).suffix else source
