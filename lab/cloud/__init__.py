"""What a customer configured at both providers: resources, their rules, their error codes.

`Cloud` holds the state; `cloud.aws` and `cloud.alibaba` are the providers' operations, under the providers' names. Operations
that change something are numbered and journalled; `describe_…` calls are neither. `cloud.clock` says what time it is there, and
moves it forward.
"""

from __future__ import annotations

from lab.cloud.alibaba import Alibaba
from lab.cloud.alibaba.device import DeviceWatch
from lab.cloud.alibaba.subscription import SubscriptionCalendar
from lab.cloud.aws import Aws
from lab.cloud.aws.image import publish_images
from lab.cloud.clock import Clock
from lab.cloud.errors import CloudError
from lab.cloud.journal import Journal, Operation
from lab.cloud.operation import Keeper, State
from lab.cloud.store import Store
from lab.cloud.supply import Supply

__all__ = ["Cloud", "CloudError", "Journal", "Operation", "Store", "Supply"]


class Cloud:
    """The state of both clouds, and the calls that change it.

    With a `seed` all identifiers, keys and addresses follow from the order of the calls; without, they are random.
    """

    def __init__(self, seed: bytes | None = None) -> None:
        self._assemble(State(Store(), Journal(), Supply(seed)))
        publish_images(self.store, self.supply)

    def keep_with(self, keep: Keeper) -> None:
        """From here on, have every change kept before it counts; a change that cannot be kept is undone. Forks keep nothing."""
        self._state.keep = keep

    def fork(self) -> Cloud:
        """An independent copy that shares the supply of identifiers and numbers.

        What is done to the copy is unknown to the original; ids made by one are never made by the other.
        """
        twin = Cloud.__new__(Cloud)
        twin._assemble(State(self.store.fork(), self.journal.fork(), self.supply))
        return twin

    def _assemble(self, state: State) -> None:
        self._state = state
        self.store = state.store
        self.journal = state.journal
        self.supply = state.supply
        self.aws = Aws(state)
        self.alibaba = Alibaba(state)
        self.clock = Clock(state, [SubscriptionCalendar(state)])
        state.watch_vcpe = DeviceWatch(state)
