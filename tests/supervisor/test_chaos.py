"""Processes of a lab are killed at random moments. The lab heals, or goes down as a whole.

The long form, a hundred kills: ./saglab test -m long tests/supervisor/test_chaos.py; in the environment, SEED chooses others and
ROUNDS says how many.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from threading import Thread

import pytest

from lab import connect
from lab.errors import LabError
from lab.supervisor.client import Client
from lab.supervisor.door import living
from lab.supervisor.remains import remains
from tests.supervisor.command import saglab_process
from tests.supervisor.processes import Process, processes

pytestmark = pytest.mark.emulation

NAME = f"chaos-{os.getpid()}"
HEALS = ("dataplane", "warm parent", "line", "controller", "callers")
ENDS = ("holder", "init", "supervisor", "node")
WITHIN = 30.0  # seconds; a busy machine takes its time
LOOK_AGAIN = 0.05
LATEST = 0.4  # seconds after which, at the latest, a kill comes
ROUNDS = int(os.environ.get("ROUNDS", "100"))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """Where the state of the lab is kept. Afterwards the lab is down."""
    yield tmp_path / "state"
    with suppress(LabError):  # it is down
        Client(NAME).down()


def up(state: Path) -> Client:
    """The lab: as it is if it is up, else as it was configured, and with a line in it."""
    if NAME not in living():
        wan = ("--wan", "delay 1ms", "--wan-seed", "chaos")
        said = saglab_process("up", "vcpe-ping", "--name", NAME, "--state", str(state), *wan)
        assert "line, seed chaos" in said
    return Client(NAME)


def victim(client: Client, role: str, random: Random) -> Process:
    return random.choice([process for process in processes(client) if process.role == role])


def answers(client: Client) -> bool:
    """Whether a ping passes, now or soon; False when the lab has gone. Raises AssertionError when it is neither."""
    return bool(_soon(lambda: _gone(client) or _pings(client)) == "pings")


def _soon(ask: Callable[[], str]) -> str:
    deadline = time.monotonic() + WITHIN
    while not (said := ask()):
        assert time.monotonic() < deadline, "the lab neither heals nor goes"
        time.sleep(LOOK_AGAIN)
    return said


def _gone(client: Client) -> str:
    return "" if client.name in living() else "gone"


def _pings(client: Client) -> str:
    try:
        return "pings" if client.ping("app", "ecs", 1).passed else ""
    except LabError:
        return ""  # something has died, or the lab is on its way down


def nothing_is_left() -> None:
    _soon(lambda: "" if any(process.lab == NAME for process in remains()) else "nothing")


def test_what_can_be_healed_is_and_else_nothing_is_left(state: Path) -> None:
    random = Random(1)  # noqa: S311 - to be repeated, not to be secret
    client = up(state)
    for role in random.sample(HEALS, len(HEALS)):
        time.sleep(random.uniform(0, LATEST))
        victim(client, role, random).kill()
        assert answers(client), role
    saglab_process("exec", "--lab", NAME, "vcpe", "ip", "link", "del", "tun0")
    assert answers(client), "a TUN device that was removed"
    healed = [event.text for event in client.events() if event.kind == "healed"]
    assert len(healed) >= len(HEALS) + 1
    assert any("the line of aws/internet" in text for text in healed)
    told = client.events(after=len(list(client.events())), follow=True)
    victim(client, "node", random).kill()
    assert any(event.kind == "down" and "has ended, and the node with it" in event.text for event in told)
    assert not answers(client)
    nothing_is_left()


@pytest.mark.long
def test_many_kills(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = os.environ.get("SEED", "0")
    random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    came: Counter[tuple[str, str]] = Counter()
    for number in range(ROUNDS):
        client = up(state)
        assert answers(client), number
        role = random.choice([*HEALS, *ENDS])
        busy = Thread(target=_use, args=(client, random.getrandbits(32)))
        busy.start()
        time.sleep(random.uniform(0, LATEST))
        with suppress(IndexError):  # the line is just being made anew
            victim(client, role, random).kill()
        busy.join()
        survives = answers(client)
        came[role, "heals" if survives else "goes"] += 1
        if not survives:
            nothing_is_left()
        assert survives == (role in HEALS), (number, role)
    with capsys.disabled():
        print("", *(f"{role} {outcome}: {times}" for (role, outcome), times in sorted(came.items())), sep="\n")


def _use(client: Client, seed: int) -> None:
    """Something that a user does meanwhile; it may fail."""
    with suppress(LabError):
        lab = connect(client.name)
        (vcpe,) = [instance for instance in lab.aws.describe_instances() if instance.name == "vcpe"]
        deeds: list[Callable[[], object]] = [
            lambda: lab.ping("app", "ecs", count=2),
            lambda: lab.aws.modify_network_interface_attribute(vcpe.network_interface_ids[0], source_dest_check=False),
            lambda: lab.impair("wan", "delay 2ms", seed="chaos"),
            lambda: lab.impair("app/aws", "delay 1ms", seed="chaos"),
            lambda: lab.make_good("app/aws"),
            lab.status,
        ]
        for deed in Random(seed).choices(deeds, k=3):  # noqa: S311 - to be repeated, not to be secret
            deed()
