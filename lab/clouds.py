"""Two clouds in step: one in which everything was done, one in which some calls were left out.

A script that leaves a step out goes on with the ids that the step would have returned. They come from the cloud in which it was
done; in the other one nobody knows them, so a call that needs them is refused there with the provider's own code. Both
clouds start from one seed and are kept at the same place of their supply, so whatever was done in both bears the same id.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, cast

from lab.cloud import Cloud, CloudError, Identity
from lab.cloud.alibaba import Alibaba
from lab.cloud.aws import Aws
from lab.cloud.clock import Clock
from lab.cloud.identity import ADMINISTRATOR
from lab.cloud.terminals import Terminals
from lab.results import Refusal


class Clouds:
    """`real` is what the run has; `plan` what it would have with nothing left out, or None when nothing is to be left out."""

    def __init__(self, *, seed: bytes | None = None, twin: bool) -> None:
        self.seed = seed or secrets.token_bytes(32)
        self.real = Cloud(self.seed)
        self.plan = Cloud(self.seed) if twin else None
        self.leaving_out = False
        self.refusals: list[Refusal] = []
        self.before_call: Callable[[], None] = _nothing
        """Lets the clouds take note of what came of itself, before somebody calls."""
        self.aws = cast(Aws, _Provider(self, "aws"))
        self.alibaba = self.alibaba_as(ADMINISTRATOR)
        self.clock = cast(Clock, _Provider(self, "clock"))
        self.terminals = cast(Terminals, _Provider(self, "terminals"))

    def forget_plan(self) -> None:
        """From here on nothing is left out, and what is done is done in the real cloud only."""
        self.plan = None

    def stand_for(self, other: Clouds) -> None:
        """From here on calls are made in the other's clouds, also by whoever holds one of these providers."""
        self.real, self.plan, self.before_call = other.real, other.plan, other.before_call

    def alibaba_as(self, identity: Identity) -> Alibaba:
        """Alibaba Cloud as somebody calls it who is not the administrator of the account "main"."""
        return cast(Alibaba, _Provider(self, "alibaba", identity))

    def call(self, provider: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], identity: Identity) -> Any:
        """Make a call in both clouds, or in the plan only while leaving out.

        With a plan, a refusal is noted and the plan's result returned; without, it is noted and raised (CloudError).
        """
        def make(cloud: Cloud) -> Any:
            return cloud.call(provider, name, args, kwargs, identity)

        if self.plan is None:
            return self._noting(provider, name, lambda: make(self.real))
        planned = make(self.plan)
        try:
            if self.leaving_out:
                return planned
            return self._noting(provider, name, lambda: make(self.real))
        except CloudError:
            return planned
        finally:
            self.real.supply.move_to(self.plan.supply.position)

    def salts(self, count: int) -> list[bytes]:
        """So many, which no other password has."""
        supply = (self.plan or self.real).supply
        salts = [supply.salt(supply.operation_number()) for _ in range(count)]
        self.real.supply.move_to(supply.position)
        return salts

    def _noting(self, provider: str, name: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except CloudError as error:
            self.refusals.append(Refusal(f"{provider}.{name}", error.code, error.message))
            raise


class _Provider:
    """Stands where a provider's operations are expected, and makes each call through Clouds."""

    def __init__(self, clouds: Clouds, provider: str, identity: Identity = ADMINISTRATOR) -> None:
        self._clouds = clouds
        self._provider = provider
        self._identity = identity

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(getattr(self._clouds.real, self._provider), name)
        if name.startswith("_") or not callable(attribute):
            return attribute
        return lambda *args, **kwargs: self._call(name, args, kwargs)

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._clouds.before_call()
        return self._clouds.call(self._provider, name, args, kwargs, self._identity)


def _nothing() -> None: ...
