"""A lab that is up, from Python: `lab.connect("demo").aws.describe_instances()`."""

from __future__ import annotations

import inspect
from typing import Any, cast

from lab.cloud.alibaba import Alibaba
from lab.cloud.aws import Aws
from lab.cloud.clock import Clock
from lab.cloud.identity import ADMINISTRATOR, Identity
from lab.cloud.mail import Mail
from lab.cloud.operation import Provider
from lab.cloud.terminals import Terminals
from lab.diagnosis import Diagnosis
from lab.explanation import Question
from lab.monitoring import Traffic
from lab.results import PingRecord
from lab.supervisor.answers import LinkInfo, Status, Traced
from lab.supervisor.client import Client
from lab.supervisor.operations import find_operation
from lab.supervisor.wire import decode


class Connection:
    """A running lab. The clouds' operations are called as in a scenario, and the network follows before a call returns.

    Every method raises UsageError when no such lab is up, and MachineError when it ends meanwhile.
    """

    def __init__(self, name: str, identity: Identity = ADMINISTRATOR) -> None:
        self._client = Client(name)
        self._identity = identity
        self._client.info()  # so that a wrong name is told of here
        self.aws = cast(Aws, _RemoteProvider(self._client, Aws, identity))
        self.alibaba = cast(Alibaba, _RemoteProvider(self._client, Alibaba, identity))
        self.clock = cast(Clock, _RemoteProvider(self._client, Clock, identity))
        self.terminals = cast(Terminals, _RemoteProvider(self._client, Terminals, identity))

    def status(self) -> Status:
        """Nodes and tunnels as they are now."""
        return self._client.status()

    def ping(self, source: str, destination: str, *, count: int = 4) -> PingRecord:
        """Ping a machine or an address from a machine; machines go by name or id."""
        return self._client.ping(source, destination, count)

    def links(self) -> list[LinkInfo]:
        """All links, and what they do to packets."""
        return self._client.links()

    def impair(self, link: str, impairments: str, *, seed: str | None = None) -> list[LinkInfo]:
        """Have a link do to packets what is said, such as "delay 20ms loss 1%", and return it as it is now."""
        return self._client.impair(link, impairments, seed)

    def make_good(self, link: str = "") -> list[LinkInfo]:
        """Let a link, or all of them, do nothing to packets any more. Returns those that did."""
        return self._client.impair(link, None)

    def trace(self, question: Question) -> Traced:
        """Send a packet, and say what becomes of it and why."""
        return self._client.trace(question)

    def diagnose(self, gateway: str = "") -> Diagnosis:
        """What is wrong with a gateway, by its name or id; the only one when it is empty."""
        return self._client.diagnose(gateway)

    def mails(self, address: str = "") -> list[Mail]:
        """What was mailed to an address, or to anybody, since the lab came up."""
        return self._client.mails(address)

    def traffic(self, gateway: str = "", window: str = "1h") -> Traffic:
        """What passed a gateway in a window of time: "1h", "90min", "2d", or "FROM/TO" (`lab.monitoring.Window.of`)."""
        return self._client.traffic(gateway, window, self._identity)


class _RemoteProvider:
    """Stands where a provider's operations are expected, and has the supervisor make each call."""

    def __init__(self, client: Client, provider: type[Provider], identity: Identity) -> None:
        self._client = client
        self._identity = identity
        self._provider = provider

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._provider, name)  # AttributeError for what is no operation
        operation = find_operation(self._provider.PROVIDER, name)
        signature = inspect.signature(method)

        def call(*args: Any, **kwargs: Any) -> Any:
            arguments = dict(list(signature.bind(None, *args, **kwargs).arguments.items())[1:])
            return decode(operation.returns, self._client.call(operation.provider, name, arguments, self._identity))

        return call


def connect(name: str, *, identity: str = "") -> Connection:
    """A lab that is up. `identity` is who makes the calls, as `saglab call --as` has it.

    Raises UsageError when there is no lab of this name.
    """
    return Connection(name, Identity.of(identity))
