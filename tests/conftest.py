"""What every test may rely on: those that build networks run as root, or say why they do not."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from lab.doctor.judges import judge
from tests.leak_gate import left_after, look, mark

# Machines are noisy: how long an example takes says nothing about the code.
settings.register_profile("saglab", deadline=None)
# In CI the same examples each time, so that a failure is the change's own; every run elsewhere looks for new ones.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "saglab")

# Who starts the tests in the background of a shell has them ignore Ctrl-C, and all that they start; some of that is ended by it.
signal.signal(signal.SIGINT, signal.default_int_handler)

mark()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--interop", action="store_true", help="where software to be tried against is missing, fail and do not skip")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is marked `emulation` where there is no root, and what is marked `long` unless that was chosen."""
    skipped = {}
    if os.geteuid() != 0:
        skipped["emulation"] = "network namespaces, TUN devices and nftables need root"
    if "long" not in str(config.option.markexpr):
        skipped["long"] = "long; choose it with -m long"
    for item in items:
        for marker, reason in skipped.items():
            if item.get_closest_marker(marker) is not None:
                item.add_marker(pytest.mark.skip(reason=reason))
    if hasattr(config, "workerinput"):  # one of several processes of pytest-xdist
        _longest_first(items)


def _longest_first(items: list[pytest.Item]) -> None:
    """Files that build networks, then those about the whole project, then the many quick ones: so all processes end together."""
    networks = {item.path for item in items if item.get_closest_marker("emulation") is not None}
    items.sort(key=lambda item: (item.path not in networks, item.path.parent != Path(__file__).parent))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that is marked `judge` needs software of others. Without it, it is skipped; with --interop it fails."""
    wanted = [name for marker in item.iter_markers("judge") for name in marker.args]
    missing = [check for check in map(judge, wanted) if not check.ok]
    if missing:
        reason = "; ".join(f"{check.name}: {check.found}" for check in missing)
        (pytest.fail if item.config.getoption("--interop") else pytest.skip)(reason)


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_by_the_module(request: pytest.FixtureRequest) -> Iterator[None]:
    """The leak gate around what a module's tests share."""
    yield from _gate(any(item.get_closest_marker("emulation") for item in request.node.listchain()))


@pytest.fixture(autouse=True)
def _nothing_left_by_the_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """The leak gate around each test that builds a network."""
    yield from _gate(request.node.get_closest_marker("emulation") is not None)


def _gate(closed: bool) -> Iterator[None]:
    if not closed or os.geteuid() != 0:
        yield
        return
    before = look()
    yield
    assert left_after(before) == {}, "this is left on the machine"


@pytest.fixture(scope="session")
def nobody_may_read() -> None:
    """Skip a test that goes on as user 65534 where that user may not even enter the checkout's folder."""
    reader = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "test", "-r", str(Path(__file__))]
    if subprocess.run(reader, check=False).returncode != 0:
        pytest.skip("user 65534 may not read this checkout")
