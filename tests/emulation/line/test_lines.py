"""Links of a running network made bad, worse and good again: what the packets of a lab then meet.

    app ── aws ── internet ── ccn … ecs      the WAN is aws/internet, its first direction from aws
"""

from __future__ import annotations

import os
import re
import select
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.doctor.kernel import features
from lab.emulation.line.lines import LineProcess, Way
from lab.errors import MachineError
from lab.impairments import Order, parse_impairments
from lab.topology import Link
from tests.emulation.lab_process import in_lab
from tests.emulation.scenario_lab import Ping, ScenarioLab, scenario_lab
from tests.steady_ping import SteadyPing

pytestmark = pytest.mark.emulation

ECS = "192.168.1.10"
SEED = "a seed of the tests"
WITHIN = 60.0  # seconds; a busy machine may take its time
LASTS_AT_MOST = 400  # seconds; an emulated machine is slow
ECHOES = 24
# ping waits for the first answer as long as it is told to, and for the last as long as for an interval
ALL_AT_ONCE = ("-l", str(ECHOES), "-W", str(WITHIN), "-i")
PATIENTLY, BRIEFLY = (*ALL_AT_ONCE, str(WITHIN)), (*ALL_AT_ONCE, "1")
NOT_FOR_LONG = ("-W", "0.2")  # seconds to wait for a first answer


@dataclass(frozen=True)
class Case:
    """What the WAN is to do, and how a ping of many echoes at once then goes: how many are answered, and the least ms of one."""

    id: str
    said: str
    answered: range
    slowest: float = 0
    seed: str | None = SEED
    options: tuple[str, ...] = ()

    @property
    def pace(self) -> tuple[str, ...]:
        """Where some are lost, ping would wait in vain for them."""
        return PATIENTLY if self.answered == ALL else BRIEFLY


ALL, NONE, SOME = range(ECHOES, ECHOES + 1), range(1), range(1, ECHOES)
CASES = (
    Case("delay", "delay 20ms", ALL, 40),
    Case("of one direction", "delay 5ms / delay 30ms", ALL, 35),
    Case("loss of all", "loss 100%", NONE, options=NOT_FOR_LONG),
    Case("down", "down", NONE, options=NOT_FOR_LONG),
    Case("nothing", "", ALL),
    Case("loss by the kernel", "loss 30%", SOME, seed=None),
    Case("loss of all by the kernel", "loss 100% / ", NONE, seed=None, options=NOT_FOR_LONG),
    Case("down by the kernel", "/ down", NONE, seed=None, options=NOT_FOR_LONG),
    Case("size by the kernel", "mtu 800", NONE, seed=None, options=("-s", "1000", *NOT_FOR_LONG)),
    Case("small enough", "mtu 800", ALL, seed=None),
    Case("what the kernel does not do", "delay 10ms jitter 5ms", ALL, 10, seed=None),
    Case("rate by the kernel", "rate 100kbit", SOME, seed=None, options=("-s", "1000")),
    Case("a line after the kernel", "delay 20ms", ALL, 40),
    Case("delay by netem or by our own line", "delay 20ms rate 10mbit", ALL, 40, seed=None),
)


@dataclass(frozen=True)
class Observed:
    """What the pings said in turn, by case, and how it was done; the numbers of the link's interfaces before and after."""

    pings: dict[str, Ping]
    ways: dict[str, Way]
    numbers: tuple[list[int], list[int]]
    cleared: Ping
    healed: list[Link]
    when_healed: Ping
    refusal: str
    when_refused: Ping
    orders_when_refused: dict[Link, Order]


def wan(lab: ScenarioLab) -> Link:
    aws, internet = lab.node("aws"), lab.node("internet")
    return next(link for link in lab.emulation.topology.links if {link.a[0], link.b[0]} == {aws, internet})


def observe(log: Path) -> Observed:
    with scenario_lab() as lab:
        emulation, link = lab.emulation, wan(lab)
        flow = SteadyPing(log, ECS, lab.machine("app").entry(), interval=0.2)
        before = numbers(lab, link)
        pings, ways = {}, {}
        for case in CASES:
            emulation.apply(emulation.topology, {link: Order(parse_impairments(case.said), case.seed)})
            pings[case.id] = lab.ping("app", ECS, *case.pace, *case.options, echoes=ECHOES)
            ways[case.id] = emulation.ways[link]
        after = numbers(lab, link)
        emulation.apply(emulation.topology, {})
        cleared = lab.ping("app", ECS, *PATIENTLY, echoes=ECHOES)
        flow.end()  # which wants answers from now on
        order = {link: Order(parse_impairments("delay 20ms"), SEED)}
        emulation.apply(emulation.topology, order)
        kill(emulation.line_pids()[link])
        healed = emulation.heal().lines
        when_healed = lab.ping("app", ECS, *PATIENTLY, echoes=ECHOES)
        emulation.apply(emulation.topology, {})
        refusal = refused(lambda: emulation.apply(emulation.topology, order))
        when_refused = lab.ping("app", ECS, *PATIENTLY, echoes=ECHOES)
        return Observed(pings, ways, (before, after), cleared, healed, when_healed, refusal, when_refused, dict(emulation.orders))


def numbers(lab: ScenarioLab, link: Link) -> list[int]:
    """The kernel's, of the interfaces at both ends."""
    return [lab.emulation.machines[node].interface_index(name) for node, name in (link.a, link.b)]


def kill(pid: int) -> None:
    line = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([line], [], [], WITHIN)[0]
    os.close(line)


def refused(act: Callable[[], object]) -> str:
    """What is said when no line can be started."""

    def fail(*_: object) -> None:
        raise MachineError("injected")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LineProcess, "__init__", fail)
        try:
            act()
        except MachineError as error:
            return str(error)
    return ""


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    log = tmp_path_factory.mktemp("lines") / "ping"
    return in_lab(lambda: observe(log), LASTS_AT_MOST)


def times(ping: Ping) -> list[float]:
    """The round trips of the echoes that were answered, in ms."""
    return [float(time) for time in re.findall(r"time=([\d.]+)", ping.text)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_packets_meet_what_is_ordered(observed: Observed, case: Case) -> None:
    answers = times(observed.pings[case.id])
    assert len(answers) in case.answered
    assert all(time >= case.slowest for time in answers)


@pytest.mark.parametrize("case", [case for case in CASES if case.seed is not None], ids=lambda case: case.id)
def test_a_seed_asks_for_our_own_line(observed: Observed, case: Case) -> None:
    assert observed.ways[case.id] == Way(SEED)


def test_without_a_seed_the_kernel_does_it(observed: Observed) -> None:
    assert observed.ways["loss by the kernel"] == Way()


def test_the_kernel_delays_where_it_has_netem(observed: Observed) -> None:
    has_netem = any(check.ok for check in features() if check.name.startswith("netem"))
    way = observed.ways["delay by netem or by our own line"]
    assert (way == Way()) == has_netem
    assert has_netem or way.why.startswith("the kernel does not do netem: ")


def test_what_the_kernel_does_not_do_our_own_line_does_and_says_so(observed: Observed) -> None:
    way = observed.ways["what the kernel does not do"]
    assert way.seed
    assert way.why == "the kernel's jitter reorders packets"


def test_a_link_that_is_made_anew_has_interfaces_of_the_same_numbers(observed: Observed) -> None:
    before, after = observed.numbers
    assert before == after


def test_a_link_that_is_good_again_carries_all(observed: Observed) -> None:
    assert len(times(observed.cleared)) == ECHOES


def test_a_line_that_died_is_started_anew(observed: Observed) -> None:
    assert len(observed.healed) == 1
    assert min(times(observed.when_healed)) >= 40
    assert len(times(observed.when_healed)) == ECHOES


def test_what_cannot_be_changes_nothing(observed: Observed) -> None:
    assert observed.refusal == "the change could not be applied, and the lab is as it was before: injected"
    assert len(times(observed.when_refused)) == ECHOES
    assert observed.orders_when_refused == {}
