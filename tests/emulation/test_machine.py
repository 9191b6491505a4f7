"""A machine: its shell, and what it asks the kernel for, held against what iproute2 and nft say is there then."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from lab.emulation.descriptors import FD_SETSIZE, allow_many
from lab.emulation.machine import Machine, terminate_all
from lab.errors import MachineError
from tests.emulation.lab_process import in_lab

pytestmark = pytest.mark.emulation

ADDRESS = IPv4Interface("10.1.0.1/24")
FAR = IPv4Network("10.2.0.0/16")
NEXT_HOP = IPv4Address("10.9.9.9")  # on no network of the machine
DEFAULT = IPv4Network("0.0.0.0/0")
ROUTES = "ip -j route show table 1234", "ip -j route show table main"


def _refusals(a: Machine, index: int) -> dict[str, Callable[[], object]]:
    """What the kernel, libnftables or a command refuses, and a word of each error that must be read."""
    return {
        "File exists": lambda: a.kernel.add_veth("one", "two"),
        "10.1.0.1/24": lambda: a.kernel.add_address(index, ADDRESS),
        "10.2.0.0/16 in table 77": lambda: a.kernel.remove_route(77, FAR, index, None, None),
        "Invalid argument": lambda: a.kernel.set_route(254, FAR, index, None, IPv4Address("192.0.2.1")),
        "rule for eth9": lambda: a.kernel.remove_rule("eth9", 5, 100),
        "number 999": lambda: a.kernel.set_up(999),
        "no interface eth9": lambda: a.interface_index("eth9"),
        "node m-a: nftables failed: Error: syntax error": lambda: a.run_nft("add nonsense"),
        "No such file": lambda: a.run_nft("list table inet nobody"),
        "false failed in node m-a with status 1": lambda: a.run("false"),
    }


@dataclass
class Observed:
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    peer_name: str = ""
    routes: list[Any] = field(default_factory=list)
    rules: list[Any] = field(default_factory=list)
    left: list[Any] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    counters: str = ""
    shell: list[str] = field(default_factory=list)
    unready: str = ""
    ended: list[bool] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)


def _observe() -> Observed:
    seen = Observed()
    allow_many()
    a, b = machines = [Machine(name, ready=False) for name in ("m-a", "m-b")]
    seen.unready = _error(lambda: a.kernel)
    for machine in machines:
        machine.get_ready()
    seen.shell = [a.cmd("echo a word").strip(), a.cmd("echo ${HISTFILE-none}").strip()]
    seen.descriptors = [number for m in machines for number in (m.master, m.slave, m.namespace.fd, m.kernel.fileno())]
    a.kernel.add_veth("one", "two", b.namespace.fd)
    index = a.interface_index("one")
    for end, name in ((a, "one"), (b, "two")):
        end.kernel.set_up(end.interface_index(name), 1400)
    a.kernel.add_address(index, ADDRESS)
    a.kernel.set_route(1234, FAR, index, None, None)
    a.kernel.set_route(1234, FAR, index, NEXT_HOP, None)  # instead of the first
    a.kernel.set_route(254, DEFAULT, index, NEXT_HOP, ADDRESS.ip)
    a.kernel.add_rule("one", 1234, 100)
    seen.links = {link["ifname"]: link for link in _json(a, "ip -j address show")}
    seen.peer_name = _json(b, "ip -j link show two")[0]["operstate"]
    seen.routes = [route for command in ROUTES for route in _json(a, command)]
    seen.rules = [rule for rule in _json(a, "ip -j rule show") if rule.get("iif")]
    a.run_nft("table inet t { counter c { }; }")
    seen.counters = a.run_nft("list counters", json=True)
    seen.errors = {words: _error(refused) for words, refused in _refusals(a, index).items()}
    a.kernel.remove_rule("one", 1234, 100)
    a.kernel.remove_route(1234, FAR, index, NEXT_HOP, None)
    a.kernel.remove_address(index, ADDRESS)
    seen.left = [*_json(a, ROUTES[0]), *_json(a, "ip -j -4 address show dev one"), *_rules_of(a, "one")]
    a.kernel.remove_link(index)
    seen.left += [link for link in _json(b, "ip -j link show") if link["ifname"] == "two"]
    terminate_all(machines)
    seen.ended = [_is_running(machine.pid) for machine in machines]
    return seen


def _json(machine: Machine, command: str) -> Any:
    return json.loads(machine.run(*command.split()) or "[]")


def _rules_of(machine: Machine, interface: str) -> list[Any]:
    return [rule for rule in _json(machine, "ip -j rule show") if rule.get("iif") == interface]


def _error(refused: Callable[[], object]) -> str:
    try:
        refused()
    except MachineError as error:
        return str(error)
    return ""


def _is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture(scope="module")
def seen() -> Observed:
    return in_lab(_observe)


def test_its_shell_takes_commands_and_keeps_no_history(seen: Observed) -> None:
    assert seen.shell == ["a word", "none"]


def test_a_pair_has_an_end_in_each_node(seen: Observed) -> None:
    assert seen.peer_name == "UP"
    one = seen.links["one"]
    assert (one["mtu"], one["operstate"]) == (1400, "UP")
    assert [(info["local"], info["prefixlen"]) for info in one["addr_info"]] == [("10.1.0.1", 24)]


def test_loopback_is_up(seen: Observed) -> None:
    assert "UP" in seen.links["lo"]["flags"]


def test_routes_are_as_asked_for_and_no_other_is_added(seen: Observed) -> None:
    told = [(route["dst"], route["gateway"], route["flags"], route.get("prefsrc")) for route in seen.routes]
    assert told == [("10.2.0.0/16", "10.9.9.9", ["onlink"], None), ("default", "10.9.9.9", ["onlink"], "10.1.0.1")]


def test_a_rule_chooses_the_table_by_interface(seen: Observed) -> None:
    assert [(rule["priority"], rule["iif"], rule["table"]) for rule in seen.rules] == [(100, "one", "1234")]


def test_what_is_taken_away_is_gone(seen: Observed) -> None:
    assert seen.left == []


def test_nft_answers_in_json(seen: Observed) -> None:
    assert [entry["counter"]["name"] for entry in json.loads(seen.counters)["nftables"] if "counter" in entry] == ["c"]


@pytest.mark.parametrize("words", [*_refusals(None, 0)], ids=str)  # type: ignore[arg-type]  # only their names
def test_what_is_refused_says_so(seen: Observed, words: str) -> None:
    assert words in seen.errors[words]


def test_one_that_is_not_ready_says_so(seen: Observed) -> None:
    assert seen.unready == "node m-a is not ready"


def test_numbers_that_select_can_take_stay_free(seen: Observed) -> None:
    """A lab of hundreds of nodes would use them up, and libnftables would abort the supervisor."""
    assert min(seen.descriptors) >= FD_SETSIZE


def test_no_shell_is_left(seen: Observed) -> None:
    assert seen.ended == [False, False]
