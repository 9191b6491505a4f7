"""The controller of a running network and the devices that phone home to it: started, told what is new, asked how they are.

As with tunnels, it is no error when a device does not reach the controller. Where nobody phones home, neither process runs.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import Any

from lab.controller.forms import answer_of, app_phone_json, app_request_json, entry_json, validity_json
from lab.emulation.gateway import control_path
from lab.emulation.home.servant import Household, Servant, ServantEnded
from lab.emulation.machine import Machine
from lab.logon import AppAnswer, AppRequest, Serve, unreachable
from lab.phoning import Controller, Phone
from lab.status import CONTROLLER_UNREACHABLE, NOT_REPORTING, StatusEnd
from lab.topology import Node, Software, Topology

POLL = 0.01  # seconds between two looks
_VISITED_WITHIN = 30.0  # seconds; our choice, above what both ends of a request wait for each other
VISITS_AT_ONCE = 64  # our choice: each has a connection of its own

Json = dict[str, Any]


class Home:
    """`patience`, in seconds, is for a timeless network: every machine calls once after each change, and is silent that long."""

    def __init__(self, machines: Mapping[str, Machine], *, patience: int | None = None) -> None:
        self._machines = machines
        self._patience = patience
        self._topology = Topology()
        self._household: Household | None = None
        self._serving: int | None = None  # a process of the machine in which the controller listens
        self._news: list[tuple[str, bool]] = []
        self._authority = ""
        self._visits = count()

    def warm_up(self, topology: Topology) -> None:
        """Start what will be needed. It loads while the rest of the network is built."""
        node = topology.controller
        if self._household is not None and (node is None or self.has_ended or self._is_astray(node)):
            self.stop()
        if self._household is None and node is not None:
            self._household = Household()

    @property
    def has_ended(self) -> bool:
        """Whether one of the processes has died, of whatever."""
        return self._household is not None and self._household.has_ended

    def lifelines(self) -> Iterator[int]:
        """Descriptors of the two processes: each is readable once its process has ended, as long as nothing is being asked.

        A third one is so when the controller asks something: then, `serve`.
        """
        if self._household is not None:
            yield from (self._household.controller.lifeline, self._household.callers.lifeline, self._household.desk.fileno())

    def pids(self) -> dict[str, int]:
        """The processes by what they are."""
        if self._household is None:
            return {}
        servants = {"controller": self._household.controller, "callers": self._household.callers}
        return {name: servant.ask(op="status")["pid"] for name, servant in servants.items()}

    def hold(self) -> None:
        """In a timeless network let nobody call, until `apply`: not through a network that is half changed."""
        if self._household is not None and self._patience is not None:
            self._household.callers.ask(op="hang_up")

    def apply(self, topology: Topology) -> None:
        """Let the machines of a network call its controller."""
        self._topology = topology
        node = topology.controller
        if self._household is None or node is None or node.controller is None:
            return
        authority = self._tell_controller(self._household, node, node.controller)
        phones = [(other, other.phone) for other in topology.nodes if other.phone is not None]
        calls = [self._call(other, phone) for other, phone in phones]
        if not calls:
            self._household.callers.ask(op="hang_up")
            return
        self._household.callers.ask(op="call", authority=authority, clock=phones[0][1].clock.isoformat(), calls=calls)

    def ask_apps(self, requests: Mapping[str, AppRequest], serve: Serve) -> dict[str, AppAnswer]:
        """Let the apps of terminals make a request each, all at once, and serve what the controller asks meanwhile.

        Who does not reach the controller is told so by the answer.
        """
        answers = {node: unreachable(self._topology.by_name[node].label) for node in requests}
        waiting = list(requests.items())
        while waiting:
            some, waiting = waiting[:VISITS_AT_ONCE], waiting[VISITS_AT_ONCE:]
            with suppress(ServantEnded):
                answers |= self._visited({str(next(self._visits)): visit for visit in some}, serve)
        return answers

    def _visited(self, visits: Mapping[str, tuple[str, AppRequest]], serve: Serve) -> dict[str, AppAnswer]:
        """What comes of visits, which are given with their numbers, as long as answers keep coming."""
        household, answers = self._household, dict[str, AppAnswer]()
        if household is None:
            return answers
        under_way = {number for number, (node, request) in visits.items() if self._visit(household, number, node, request)}
        deadline = time.monotonic() + _VISITED_WITHIN
        while under_way and time.monotonic() < deadline and not household.has_ended:
            household.desk.wait(POLL)
            household.desk.serve(serve)
            come = household.callers.ask(op="answers")
            answers |= {visits[number][0]: answer_of(answer) for number, answer in come.items() if number in under_way}
            under_way -= come.keys()
            deadline = time.monotonic() + _VISITED_WITHIN if come else deadline
        return answers

    def _visit(self, household: Household, number: str, node: str, request: AppRequest) -> bool:
        """Begin a visit. False for who has no app."""
        terminal = self._topology.by_name[node]
        if terminal.app is None:
            return False
        household.callers.ask(
            op="visit",
            number=int(number),
            terminal=node,
            pid=self._machines[node].pid,
            phone=app_phone_json(terminal.app),
            authority=self._authority,
            request=app_request_json(request),
        )
        return True

    @property
    def authority(self) -> str:
        """The certificate of the authority that clients are to trust, as PEM; empty where there is no controller."""
        return self._authority

    def serve(self, serve: Serve) -> None:
        """Answer what the controller asks by now."""
        if self._household is not None:
            self._household.desk.serve(serve)

    def _tell_controller(self, household: Household, node: Node, service: Controller) -> str:
        """Returns the certificate of the authority that devices are to trust."""
        answer = self._heard(
            household.controller.ask(
                op="register",
                entries=[entry_json(entry) for entry in service.register],
                certificate=validity_json(service.certificate),
                every=self._patience,
                anew=self._patience is not None,
            )
        )
        if self._serving is None:  # it has no privilege left to go elsewhere then
            self._serving = self._machines[node.name].pid
            household.controller.ask(op="serve", node=self._serving, address=str(service.address), port=service.port)
        self._authority = str(answer["authority"])
        return self._authority

    def _call(self, node: Node, phone: Phone) -> Json:
        machine = self._machines[node.name]
        own = any(service.software is Software.DATAPLANE for service in node.services)
        return {
            "node": node.name,
            "pid": machine.pid,
            "address": str(phone.address),
            "home": [str(phone.controller[0]), phone.controller[1]],
            "serial_number": phone.serial_number,
            "key": phone.key.decode(),
            "control": str(control_path(machine)) if own else "",
        }

    def ends(self, name: str, *, within: float = 0.0) -> tuple[StatusEnd, ...]:
        """How a device, or that which a gateway's routes follow, and its controller see its Control Status.

        Machines that have not finished a call are given so many seconds.
        """
        node = self._topology.controller
        if self._household is None or node is None or node.controller is None:
            return ()
        entry = next((entry for entry in node.controller.register if name in (entry.name, entry.serial_number)), None)
        if entry is None:
            return ()
        mine = [
            other.name
            for other in self._topology.nodes
            if other.phone is not None and other.phone.name == entry.name and entry.holder in ("", other.name)
        ]
        reasons = self._settled(self._household.callers, mine, within)
        told = (StatusEnd(each, reasons.get(each, CONTROLLER_UNREACHABLE)) for each in mine)
        return (*told, StatusEnd(node.name, self._seen_from_home().get(entry.serial_number, NOT_REPORTING)))

    def reasons(self) -> dict[str, str]:
        """Why the Control Status of each machine that phones home is Abnormal, as it knows; empty where it is Normal."""
        return {} if self._household is None else dict(self._settled(self._household.callers, [], 0.0))

    def news(self) -> list[tuple[str, bool]]:
        """The devices, by serial number, that went online (True) or offline for the controller since the last call."""
        self._seen_from_home()
        news, self._news = self._news, []
        return news

    def bury(self, nodes: Collection[str]) -> list[tuple[str, bool]]:
        """Tell the controller which machines serve nobody any more. Returns that as news, of those which are devices."""
        home = self._topology.controller
        register = home.controller.register if home is not None and home.controller is not None else ()
        dead = [entry.serial_number for entry in register if entry.holder in nodes]
        if dead and self._household is not None:
            with suppress(ServantEnded):  # it is to be healed, and is told of all then
                self._heard(self._household.controller.ask(op="bury", serial_numbers=dead))
        return [(serial_number, False) for serial_number in dead]

    def stop(self) -> None:
        if self._household is not None:
            self._household.close()
            self._household = self._serving = None

    def _seen_from_home(self) -> Mapping[str, str]:
        """By serial number, why the controller holds a device for Abnormal. One that has died, and is to be healed, is silent."""
        if self._household is None:
            return {}
        try:
            reasons: dict[str, str] = self._heard(self._household.controller.ask(op="status"))["reasons"]
        except ServantEnded:
            return {}
        return reasons

    def _settled(self, callers: Servant, nodes: list[str], within: float) -> Mapping[str, str]:
        """By node, why a device holds itself for Abnormal, once these have called. Those that have died know nothing."""
        deadline = time.monotonic() + within
        try:
            answer = callers.ask(op="status")
            while not set(nodes) <= set(answer["tried"]) and time.monotonic() < deadline:
                time.sleep(POLL)  # a poll of the condition, with the deadline above
                answer = callers.ask(op="status")
        except ServantEnded:
            return {}
        reasons: dict[str, str] = answer["reasons"]
        return reasons

    def _is_astray(self, node: Node) -> bool:
        """Whether the controller listens in a machine that is not the node's any more."""
        return self._serving is not None and (node.name not in self._machines or self._machines[node.name].pid != self._serving)

    def _heard(self, answer: Json) -> Json:
        """Whatever the controller answers, it tells what is new, once."""
        self._news += [(serial_number, online) for serial_number, online in answer["changes"]]
        return answer
