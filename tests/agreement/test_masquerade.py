"""A home router in both backends: the same packets, each found by the machine it is for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.agreement.pair import Pair, Question
from lab.agreement.worker import Worker
from lab.emulation.probe import UDP_PORTS
from tests.simulation.build import AT_HOME, HOME, SERVER, echo, echo_reply, home, tcp, udp

pytestmark = pytest.mark.emulation

LAPTOP, PHONE = AT_HOME["laptop"], AT_HOME["phone"]
QUESTIONS = [  # each from a port, or with an identifier, of its own: by it a packet is known wherever it is seen
    Question(node, replace(probe, source_port=0))
    for node, probe in (
        ("laptop", echo(LAPTOP, SERVER)),
        ("phone", echo(PHONE, SERVER)),
        ("laptop", tcp(LAPTOP, SERVER)),
        ("phone", tcp(PHONE, SERVER)),
        ("laptop", udp(LAPTOP, SERVER, UDP_PORTS[0])),
        ("laptop", echo(LAPTOP, PHONE)),
        ("laptop", replace(echo(LAPTOP, SERVER), size=3000)),
        ("server", echo(SERVER, HOME)),
        ("laptop", echo_reply(LAPTOP, SERVER)),
        ("laptop", replace(echo(LAPTOP, SERVER), ttl=1)),
        ("laptop", replace(echo(LAPTOP, SERVER), ttl=2)),
        ("server", echo(SERVER, LAPTOP)),
        ("laptop", echo(LAPTOP, "192.168.178.99")),
    )
]


def ask() -> tuple[list[str], list[bool]]:
    """What the backends disagree about, and whether each question was answered."""
    pair = Pair(home())
    answers = pair.ask(QUESTIONS)
    pair.close()
    found = [*pair.disagreements, *answers.disagreements]
    return [str(one) for one in found], [bool(outcome.answered_at) for outcome in answers.outcomes]


def test_both_backends_translate_alike() -> None:
    disagreements, answered = Worker(ask).result()
    assert not disagreements, "\n".join(disagreements)
    assert answered == [True] * 8 + [False] * 5
