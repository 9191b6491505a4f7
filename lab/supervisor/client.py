"""A lab's supervisor, spoken to from another process."""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlencode

from lab.cloud import CloudError, Identity, Mail
from lab.cloud.identity import ADMINISTRATOR
from lab.diagnosis import Diagnosis
from lab.drawing import Picture
from lab.errors import MachineError, UsageError
from lab.explanation import Question
from lab.monitoring import Traffic
from lab.results import PingRecord
from lab.supervisor.answers import AppShown, LabInfo, LinkInfo, Status, Traced
from lab.supervisor.door import LabEnded, NoSuchLab, check_name, connect, living, peer_of
from lab.supervisor.events import Event
from lab.supervisor.wire import decode, encode

T = TypeVar("T")

ENDS_WITHIN = 60.0  # seconds; our choice, far above what a lab of hundreds of nodes takes on a busy machine


class _Line(HTTPConnection):
    """HTTP over a lab's door. `timeout` is None: how long an answer may take, the question decides."""

    def __init__(self, name: str) -> None:
        super().__init__(name, timeout=None)
        self._name = name

    def connect(self) -> None:
        self.sock = connect(self._name, None)


class Client:
    """One lab, by its name. Every method raises NoSuchLab when it is not up, and LabEnded when it ends meanwhile."""

    def __init__(self, name: str) -> None:
        self.name = check_name(name)

    @property
    def supervisor(self) -> int:
        """The supervisor's process id, as this process sees it."""
        with connect(self.name, None) as connection:
            return peer_of(connection).pid

    def info(self) -> LabInfo:
        return decode(LabInfo, self._ask("/lab"))

    def status(self) -> Status:
        return decode(Status, self._ask("/status"))

    def way_in(self) -> list[str]:
        """What to put before a command to run it inside the lab, where it ends with it. The lab may be in a chroot."""
        return ["nsenter", "--target", str(self.supervisor), "--pid", "--mount", "--root", "--wd", "--"]

    def entry(self, node: str) -> list[str]:
        """What to put before a command to run it in a node, from outside the lab. Raises UsageError for an unknown node."""
        nodes = self.status().nodes
        for info in nodes:
            if node in (info.name, info.resource):
                return [*self.way_in(), *info.entry]
        raise UsageError(f"{self.name} has no node {node!r}; there are: {', '.join(info.name for info in nodes)}")

    def call(
        self, provider: str, operation: str, arguments: Mapping[str, object], identity: Identity = ADMINISTRATOR
    ) -> Any:
        """What an operation returned, as JSON. Raises CloudError when the provider refuses, UsageError for a wrong argument."""
        call = {"provider": provider, "operation": operation, "arguments": encode(arguments), "identity": str(identity)}
        return self._ask("/call", call)

    def ping(self, source: str, destination: str, count: int) -> PingRecord:
        return decode(PingRecord, self._ask("/ping", {"source": source, "destination": destination, "count": count}))

    def links(self, link: str = "") -> list[LinkInfo]:
        """What a link does to packets, or all of them. Raises UsageError for what is no link."""
        return decode(list[LinkInfo], self._ask(f"/links?{urlencode({'link': link})}"))

    def impair(self, link: str, impairments: str | None, seed: str | None = None) -> list[LinkInfo]:
        """Have a link do to packets what is said; with None, nothing any more, an empty `link` meaning all. Returns what changed.

        Raises UsageError for what is no link or no impairment, and MachineError when it cannot be.
        """
        return decode(list[LinkInfo], self._ask("/impair", {"link": link, "impairments": impairments, "seed": seed}))

    def trace(self, question: Question, *, width: int = 100, colour: bool = False) -> Traced:
        return decode(Traced, self._ask("/trace", {"question": encode(question), "width": width, "colour": colour}))

    def picture(self, question: Question | None = None) -> Picture:
        """The network drawn, with the way of a packet if one is asked about. Raises UsageError for an unknown machine."""
        return decode(Picture, self._ask("/picture", {"question": None if question is None else encode(question)}))

    def diagnose(self, gateway: str) -> Diagnosis:
        """What is wrong with a gateway, by its name or id; the only one when empty. Raises UsageError for an unknown one."""
        return decode(Diagnosis, self._ask("/diagnose", {"gateway": gateway}))

    def app(self, terminal: str, operation: str = "", arguments: Mapping[str, str] = MappingProxyType({})) -> AppShown:
        """Use the SAG app of a terminal, by its name or id. `operation` is one of `lab.logon`, empty to look at it.

        Raises UsageError for what is no terminal.
        """
        act = {"terminal": terminal, "operation": operation, "arguments": dict(arguments)}
        return decode(AppShown, self._ask("/app", act))

    def authority(self) -> str:
        """The certificate that who speaks to the lab's controller is to trust, as PEM. Raises UsageError where there is none."""
        return str(self._ask("/authority"))

    def traffic(self, gateway: str, window: str, identity: Identity = ADMINISTRATOR) -> Traffic:
        """What passed a gateway in the last "3h". Raises UsageError for an unknown gateway, and for what is no window.

        Raises CloudError for somebody who may not see it.
        """
        asked = {"gateway": gateway, "window": window, "identity": str(identity)}
        return decode(Traffic, self._ask("/monitor", asked))

    def mails(self, address: str = "") -> list[Mail]:
        """What was mailed to an address, or to anybody, since the lab came up."""
        return decode(list[Mail], self._ask(f"/mails?{urlencode({'address': address})}"))

    def metrics(self) -> str:
        """The lab in numbers, as Prometheus reads them."""
        return self._request("GET", "/metrics", None).decode()

    def events(self, *, after: int = 0, follow: bool = False) -> Iterator[Event]:
        """Events after the one with this number; with `follow`, those to come too, until the lab ends."""
        line = _Line(self.name)
        try:
            line.request("GET", f"/events?after={after}{'&follow' if follow else ''}")
            answer = line.getresponse()
            while text := answer.readline():
                yield decode(Event, json.loads(text))
        except (OSError, HTTPException, json.JSONDecodeError):
            return  # the lab has ended, maybe in the middle of a line
        finally:
            line.close()

    def log(self) -> str:
        return self._request("GET", "/log", None).decode()

    def down(self, *, keep: bool = False) -> None:
        """End the lab, and wait until nothing of it is left; with `keep`, its state stays for the next `up`."""
        self._end(lambda _holder: self._ask("/down", {"keep": keep}))

    def interrupt(self) -> None:
        """End a lab that is still coming up, and wait until nothing of it is left."""
        self._end(lambda holder: os.kill(holder, signal.SIGTERM))

    def _end(self, tell: Callable[[int], object]) -> None:
        try:
            holder = self.info().pid
            ended = os.pidfd_open(holder)
        except (LabEnded, ProcessLookupError):
            return  # somebody else has ended it
        try:
            with suppress(LabEnded):
                tell(holder)
            gone, _, _ = select.select([ended], [], [], ENDS_WITHIN)
        finally:
            os.close(ended)
        if not gone:
            raise MachineError(f"{self.name} has not ended within {ENDS_WITHIN:.0f} s; `saglab logs` may say why")

    def _ask(self, path: str, body: object = None) -> Any:
        return json.loads(self._request("GET" if body is None else "POST", path, body))

    def _request(self, method: str, path: str, body: object) -> bytes:
        line = _Line(self.name)
        try:
            line.request(method, path, None if body is None else json.dumps(body))
            answer = line.getresponse()
            said, status = answer.read(), answer.status
        except (OSError, HTTPException) as error:
            raise LabEnded(f"{self.name} has ended, or does not answer: {error or type(error).__name__}") from error
        finally:
            line.close()
        if status >= 400:
            _raise(said, status)
        return said


def labs_up() -> list[LabInfo]:
    """All labs that are up, but for those that end while they are asked."""
    told = []
    for name in living():
        with suppress(NoSuchLab, LabEnded):
            told.append(Client(name).info())
    return told


def _raise(said: bytes, status: int) -> None:
    """Raise the refusal that the supervisor told of."""
    try:
        refusal = json.loads(said)
        kind, message = refusal["error"], refusal["message"]
    except (ValueError, KeyError) as error:
        raise MachineError(f"the supervisor answers with status {status}: {said.decode(errors='replace')}") from error
    if kind == "refused":
        raise CloudError(refusal["code"], message)
    raise UsageError(message) if kind == "usage" else MachineError(message)
