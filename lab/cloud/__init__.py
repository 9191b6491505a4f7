"""What a customer configured at both providers: resources, their rules, their error codes.

`Cloud` holds the state; `cloud.aws` and `cloud.alibaba` are the providers' operations, under the providers' names;
`cloud.terminals` are people's own devices. Operations that change something are numbered and journalled; `describe_…` calls are
neither. `cloud.clock` says what time it is there, and moves it forward.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from lab.cloud.alibaba import Alibaba
from lab.cloud.alibaba.account import open_account
from lab.cloud.alibaba.app.session import TerminalWatch
from lab.cloud.alibaba.app.subscription import SoftwareCalendar
from lab.cloud.alibaba.device import DeviceWatch
from lab.cloud.alibaba.subscription import SubscriptionCalendar
from lab.cloud.attempts import Attempts
from lab.cloud.aws import Aws
from lab.cloud.aws.image import publish_images
from lab.cloud.clock import Clock
from lab.cloud.errors import CloudError
from lab.cloud.identity import ADMINISTRATOR, MAIN, Identity
from lab.cloud.journal import Journal, Operation
from lab.cloud.mail import Mail, Post
from lab.cloud.operation import Keeper, Provider, State, check_caller, check_own, is_operation
from lab.cloud.record import Record
from lab.cloud.store import Store
from lab.cloud.supply import Supply
from lab.cloud.terminals import Terminals

__all__ = ["Cloud", "CloudError", "Identity", "Journal", "Mail", "Operation", "Store", "Supply"]


class Cloud:
    """The state of both clouds, and the calls that change it.

    With a `seed` all identifiers, keys and addresses follow from the order of the calls; without, they are random.
    """

    def __init__(self, seed: bytes | None = None) -> None:
        self._assemble(State(Store(), Journal(), Supply(seed)))
        publish_images(self.store, self.supply)
        with self.store.transaction():
            open_account(self.store, self.supply, MAIN)

    def keep_with(self, keep: Keeper) -> None:
        """From here on, have every change kept before it counts; a change that cannot be kept is undone. Forks keep nothing."""
        self._state.keep = keep

    @property
    def attempts(self) -> Attempts:
        """The log-ons that failed. Forks have none of their own to tell of."""
        return self._state.attempts

    def send_with(self, post: Post) -> None:
        """From here on, have every mail delivered. Forks send nothing."""
        self._state.post = post

    @contextmanager
    def acting_as(self, identity: Identity) -> Iterator[None]:
        """Inside, calls are made by somebody else than the administrator of the account "main"."""
        before, self._state.caller = self._state.caller, identity
        try:
            yield
        finally:
            self._state.caller = before

    def check_monitors(self, identity: Identity, *records: Record) -> None:
        """Whether somebody may see what passes gateways or instances of Alibaba Cloud.

        Raises Forbidden for an end user, InvalidAccount.NotFound, and InvalidId.SMARTAG for what is another account's.
        """
        with self.acting_as(identity):
            check_caller(self.alibaba, "monitor")
            for record in records:
                check_own(self.alibaba, record)

    def call(
        self,
        provider: str,
        name: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] = MappingProxyType({}),
        identity: Identity = ADMINISTRATOR,
    ) -> Any:
        """Make a call by its name, as somebody. Raises CloudError."""
        operations: Provider = getattr(self, provider)
        method = getattr(operations, name)
        with self.acting_as(identity):
            if not is_operation(method):
                check_caller(operations, name)
            return method(*args, **kwargs)

    def fork(self) -> Cloud:
        """An independent copy that shares the supply of identifiers and numbers.

        What is done to the copy is unknown to the original; ids made by one are never made by the other.
        """
        return self._forked(self.supply)

    def twin(self) -> Cloud:
        """An independent copy with a supply of its own, so that the same calls make the same in both."""
        return self._forked(self.supply.twin())

    def _forked(self, supply: Supply) -> Cloud:
        fork = Cloud.__new__(Cloud)
        fork._assemble(State(self.store.fork(), self.journal.fork(), supply))
        return fork

    def _assemble(self, state: State) -> None:
        self._state = state
        self.store = state.store
        self.journal = state.journal
        self.supply = state.supply
        self.aws = Aws(state)
        self.alibaba = Alibaba(state)
        self.terminals = Terminals(state)
        self.clock = Clock(state, [SubscriptionCalendar(state), SoftwareCalendar(state)])
        state.watch_vcpe = DeviceWatch(state)
        state.watch_terminal = TerminalWatch(state)
