"""A point of presence that fails under a script of one's own: its clients connect anew, in memory and with real packets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from lab.backend import Backend
from lab.cloud.alibaba import AppSession, CloudConnectNetwork, Instance, SagApp
from lab.cloud.terminals import Terminal
from lab.emulation.tunnels import DEFAULT_CIPHER
from lab.logon import AppAnswer, AppRequest, Serve, unreachable
from lab.session import Lab
from lab.supervisor.backend import EmulationBackend
from lab.supervisor.options import NetworkOptions
from lab.supervisor.simulated import SimulationBackend
from scenarios import app_get_started
from tests.emulation.lab_process import in_lab

PASSWORD = "off-site@2022"
MORE = ("zhao.lei", "qian.mm")  # people beside the one of the scenario

AskApps = Callable[[Mapping[str, AppRequest], Serve], Mapping[str, AppAnswer]]


@dataclass
class Seen:
    """`asked` is how many apps made a request at a time, after the failure."""

    passed: bool
    renewed: bool
    asked: list[int]


def logged_on(lab: Lab, user: str) -> None:
    """Somebody more, connected like the first."""
    (app,) = lab.cloud.store.all(SagApp)
    lab.alibaba.create_smart_access_gateway_client_user(app.id, user_mail="a@b.co", user_name=user, password=PASSWORD)
    laptop = lab.app(lab.terminals.create_terminal(user))
    laptop.log_on(smart_ag_id=app.id, user_name=user, password=PASSWORD)
    laptop.connect()


def secrets(lab: Lab) -> dict[str, object]:
    return {session.id: (session.secret, session.address) for session in lab.cloud.store.all(AppSession)}


def fail_and_look(backend: Backend, answered: Callable[[AskApps], AskApps] = lambda ask: ask) -> Seen:
    """What is seen when the point of presence of three clients fails. All have other secrets and addresses then."""
    asked: list[int] = []
    lab = Lab("failure", backend=backend)
    app_get_started.run(lab)
    for user in MORE:
        logged_on(lab, user)
    before, ask = secrets(lab), answered(backend.ask_apps)

    def noted(requests: Mapping[str, AppRequest], serve: Serve) -> Mapping[str, AppAnswer]:
        asked.extend([len(requests)] if requests else [])
        return ask(requests, serve)

    backend.ask_apps = noted  # type: ignore[method-assign]
    lab.fail(lab.cloud.store.all(CloudConnectNetwork)[0])
    for terminal in lab.cloud.store.all(Terminal):
        lab.expect_message(terminal)
        lab.expect_ping(terminal, lab.cloud.store.all(Instance)[0])
    after = secrets(lab)
    renewed = before.keys() == after.keys() and all(before[session] != after[session] for session in before)
    return Seen(lab.result.passed, renewed, asked)


def deaf(_ask: AskApps) -> AskApps:
    """Nobody reaches the controller: the network is half dead."""
    return lambda requests, _serve: {node: unreachable(node) for node in requests}


EXPECTED = Seen(passed=True, renewed=True, asked=[1 + len(MORE)])


def test_in_memory() -> None:
    assert fail_and_look(SimulationBackend()) == EXPECTED


def test_provider_helps_whom_it_does_not_hear() -> None:
    assert fail_and_look(SimulationBackend(), deaf) == EXPECTED


@pytest.mark.emulation
def test_with_real_packets() -> None:
    assert in_lab(lambda: fail_and_look(EmulationBackend(NetworkOptions(DEFAULT_CIPHER), lambda _text: None))) == EXPECTED
