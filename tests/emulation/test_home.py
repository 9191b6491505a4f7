"""A controller that dies: its devices notice, their tunnels go on, and it can be started anew."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from lab.emulation.emulation import Emulation
from tests.emulation.lab_process import in_lab
from tests.emulation.scenario_lab import scenario_lab

pytestmark = pytest.mark.emulation

WITHIN = 60.0  # seconds that each condition is waited for


@dataclass(frozen=True)
class Observed:
    """The reasons of the Control Status before, without and with a new controller; the rest is of the time without."""

    reasons: list[list[str]]
    vpn: list[str]
    ping: str
    healed: list[bool]
    news: list[list[bool]]


def reasons(emulation: Emulation, sag: str) -> list[str]:
    return [end.reason for end in emulation.control_ends(sag, within=WITHIN)]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.05)  # a poll of the condition, with the deadline above


def observe() -> Observed:
    with scenario_lab() as lab:
        emulation = lab.emulation
        (sag,) = emulation.topology.footings
        (vcpe,) = emulation.control_reasons()
        before, news = reasons(emulation, sag), [[online for _, online in emulation.device_news()]]
        os.kill(emulation.home_pids()["controller"], signal.SIGKILL)
        wait_until(lambda: bool(emulation.control_reasons()[vcpe]), "the device misses its controller")
        without = [emulation.control_reasons()[vcpe]]
        vpn = [end.reason for end in emulation.vpn_ends(sag)]
        ping = lab.ping("app", "192.168.1.10").counts
        healed = [emulation.heal().controller, emulation.heal().controller]
        after = reasons(emulation, sag)
        news.append([online for _, online in emulation.device_news()])
        return Observed([before, without, after], vpn, ping, healed, news)


@pytest.fixture(scope="module")
def observed() -> Observed:
    return in_lab(observe)


@pytest.mark.requirement("S0-050")
def test_a_device_says_that_its_controller_is_away(observed: Observed) -> None:
    assert observed.reasons == [["", ""], ["CONTROLLER_UNREACHABLE"], ["", ""]]


def test_its_tunnel_goes_on(observed: Observed) -> None:
    assert (observed.vpn, observed.ping) == (["", ""], "2 of 2")


def test_the_controller_is_started_anew_once(observed: Observed) -> None:
    assert observed.healed == [True, False]


def test_each_controller_tells_that_it_hears_the_device(observed: Observed) -> None:
    assert observed.news == [[True], [True]]
