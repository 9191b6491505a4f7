"""The SAG app in a lab that is up, as its user and its administrator have it: one story, told once, and looked at afterwards."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from lab import connect
from lab.logon import CONNECT, DISCONNECT, LOG_OFF, LOG_ON
from lab.supervisor.answers import AppShown
from lab.supervisor.client import Client
from scenarios.app_get_started import PASSWORD, USER
from tests.supervisor.command import saglab, saglab_json, saglab_process
from tests.supervisor.processes import processes

pytestmark = pytest.mark.emulation

NAME = f"app-{os.getpid()}"
WITHIN = 30.0  # seconds; a busy machine takes its time
CONNECTED = "Connected to Intranet"


@dataclass(frozen=True)
class Seen:
    """What an app shows, and whether a ping to the host is answered then."""

    app: AppShown
    answered: int


class Story:
    """What is done in turn on a lab of app-get-started; `seen` holds what came of it."""

    def __init__(self, state: Path) -> None:
        self.seen: dict[str, Seen] = {}
        self.said: dict[str, str] = {}
        self._state = state
        saglab_process("up", "app-get-started", "--name", NAME, "--state", str(state))

    @property
    def _client(self) -> Client:
        return Client(NAME)

    def tell(self) -> None:
        self._look("at first")
        self._connects_anew()
        self._logs_on_again()
        self._survives_a_point_of_presence()
        self._goes_elsewhere()
        self._comes_by_itself()
        self._is_disabled()
        self._comes_back()
        self._leaves_traces()

    def _connects_anew(self) -> None:
        self._client.app("laptop", DISCONNECT)
        self._look("disconnected")
        self._client.app("laptop", CONNECT)
        self._look("connected anew")

    def _logs_on_again(self) -> None:
        self._client.app("laptop", LOG_OFF)
        self._look("logged off")
        arguments = ("log-on", "laptop", "--lab", NAME, "--user", USER, "--instance", self._instance)
        self.said["wrong password"] = saglab_process("app", *arguments, stdin="guess-42\n", status=1)
        self._client.app("laptop", LOG_ON, self._credentials)
        self._client.app("laptop", CONNECT)
        self._look("logged on again")
        self.said["no terminal"] = saglab("app", "show", "ecs", "--lab", NAME, status=2)
        self.said["shown"] = saglab("app", "show", "laptop", "--lab", NAME)
        self.said["as JSON"] = str(saglab_json("app", "show", "laptop", "--lab", NAME)["shows"])

    def _survives_a_point_of_presence(self) -> None:
        before = self._client.app("laptop").address
        (ccn,) = [node.name for node in self._client.status().nodes if node.kind == "ccn"]
        place = saglab_process("exec", "--lab", NAME, ccn, "readlink", "/proc/self/ns/net").strip()
        workers = [process for process in processes(self._client) if process.role == "dataplane"]
        next(one for one in workers if str(Path(f"/proc/{one.pid}/ns/net").readlink()) == place).kill()
        self._await(lambda app: app.shows == CONNECTED and app.address != before)
        self._look("its point of presence was killed")

    def _goes_elsewhere(self) -> None:
        (laptop,) = connect(NAME).terminals.describe_terminals()
        connect(NAME).terminals.move_terminal(laptop.id)
        self._look("in a cafe")
        connect(NAME).terminals.move_terminal(laptop.id, laptop.home_router_id)
        self._look("at home again")

    def _comes_by_itself(self) -> None:
        """Another program on the laptop logs on and connects, while the lab has nothing to do."""
        (laptop,) = connect(NAME).terminals.describe_terminals()
        self._client.app("laptop", LOG_OFF)
        visitor = Path(__file__).parent / "app_visitor.py"
        given = {"terminal": laptop.id, "address": str(laptop.address), "authority": saglab("app", "certificate", "--lab", NAME)}
        told = json.dumps(given | {"credentials": self._credentials | {"enterprise_code": ""}})
        said = saglab_process("exec", "--lab", NAME, "laptop", sys.executable, "-P", str(visitor), stdin=told)
        self.said["by itself"] = said
        self._await(lambda app: app.shows == CONNECTED)
        self._look("connected by itself")

    def _is_disabled(self) -> None:
        alibaba, instance = connect(NAME).alibaba, self._instance
        alibaba.disable_smart_access_gateway_user(instance, USER)
        self._look("disabled")
        given = self._credentials
        self.said["disabled"] = self._client.app("laptop", LOG_ON, given).shows
        alibaba.enable_smart_access_gateway_user(instance, USER)
        self._client.app("laptop", LOG_ON, given)
        self._client.app("laptop", CONNECT)
        self._look("enabled again")

    def _comes_back(self) -> None:
        saglab_process("down", NAME, "--keep")
        saglab_process("up", "--name", NAME, "--state", str(self._state))
        self._look("the lab came back")

    def _leaves_traces(self) -> None:
        self.said["kept"] = "".join(path.read_bytes().decode("latin-1") for path in self._state.rglob("*") if path.is_file())
        self.said["events"] = "\n".join(str(event.data) + event.text for event in self._client.events())
        self.said["log"] = saglab_process("logs", "--lab", NAME)
        lines = [Path(f"/proc/{process.pid}/cmdline").read_text() for process in processes(self._client)]
        self.said["commands"] = "\n".join(lines)

    def end(self) -> None:
        self._client.down()

    @property
    def _instance(self) -> str:
        (order,) = connect(NAME).alibaba.describe_smart_access_gateway_software_orders()
        return order.smart_ag_id or ""

    @property
    def _credentials(self) -> dict[str, str]:
        return {"user_name": USER, "password": PASSWORD, "smart_ag_id": self._instance}

    def _look(self, when: str) -> None:
        self.seen[when] = Seen(self._client.app("laptop"), self._client.ping("laptop", "ecs", 1).result.received)

    def _await(self, condition: Callable[[AppShown], bool]) -> None:
        deadline = time.monotonic() + WITHIN
        while not condition(shown := self._client.app("laptop")):
            assert time.monotonic() < deadline, shown
            time.sleep(0.05)  # a poll of the condition, with the deadline above


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """It is over before any test looks at it: clients begin and end on the way."""
    told = Story(tmp_path_factory.mktemp("app") / "state")
    try:
        told.tell()
    finally:
        told.end()
    return told


IN = ["at first", "connected anew", "logged on again", "its point of presence was killed", "in a cafe", "at home again"]
IN += ["connected by itself", "enabled again", "the lab came back"]


@pytest.mark.requirement("S2-190", "S2-191")
@pytest.mark.parametrize("when", IN)
def test_who_is_connected_reaches_the_host(story: Story, when: str) -> None:
    seen = story.seen[when]
    assert (seen.app.shows, seen.app.user, seen.answered) == (CONNECTED, USER, 1)


@pytest.mark.requirement("S2-100")
def test_each_connection_has_an_address_of_its_own(story: Story) -> None:
    addresses = [story.seen[when].app.address for when in IN]
    assert all(before != after for before, after in pairwise(addresses))


@pytest.mark.requirement("S2-146", "S2-190", "S2-192")
@pytest.mark.parametrize(
    ("when", "shows"), [("disconnected", "Logged on"), ("logged off", "Logged off"), ("disabled", "Logged off")]
)
def test_who_is_not_connected_reaches_nothing(story: Story, when: str, shows: str) -> None:
    seen = story.seen[when]
    assert (seen.app.shows, seen.app.address, seen.answered) == (shows, "", 0)


@pytest.mark.requirement("S2-188", "S2-193")
def test_the_command_tells_what_the_app_shows(story: Story) -> None:
    assert "App.LogOnFailed" in story.said["wrong password"]
    assert "asks the administrator" in " ".join(story.said["wrong password"].split())
    assert CONNECTED in story.said["shown"]
    assert "no terminal 'ecs'; there are: laptop" in story.said["no terminal"]
    assert story.said["as JSON"] == CONNECTED
    assert story.said["disabled"] == "App.AccountDisabled"


@pytest.mark.requirement("S2-188")
def test_any_program_may_log_on_and_is_told_how_to_connect(story: Story) -> None:
    log_on, connected = map(json.loads, story.said["by itself"].splitlines())
    assert set(log_on["told"]) == {"session", "token", "smart_ag_id"}
    assert set(connected["told"]) == {"identity", "secret", "point_of_presence", "remote_identity", "networks"}
    assert connected["told"]["networks"] == ["172.16.0.0/16"]


@pytest.mark.parametrize("where", ["kept", "events", "log", "commands"])
def test_no_password_is_left_anywhere(story: Story, where: str) -> None:
    assert story.said[where]
    assert PASSWORD not in story.said[where]
    assert "guess-42" not in story.said[where]
