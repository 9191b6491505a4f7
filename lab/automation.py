"""What a customer's own scripts do by themselves: they are told each event of the provider's, and make calls because of it."""

from __future__ import annotations

from collections.abc import Callable

from lab.cloud import Cloud
from lab.cloud.alibaba import SystemEvent

Handler = Callable[[SystemEvent], None]


class Automations:
    """The scripts of one cloud. An event from before a script was added is no news to it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._handlers: list[Handler] = []
        self._told = 0
        self._known = 0  # calls that were made before the last script was added: it may speak of what they made

    @property
    def handlers(self) -> tuple[Handler, ...]:
        return tuple(self._handlers)

    def add(self, handler: Handler) -> None:
        self.settle()
        self._handlers.append(handler)
        self._known = len(self._cloud.journal)

    def fit(self, cloud: Cloud) -> bool:
        """Whether all that the scripts may speak of was made in another cloud, too."""
        there = {resource for call in cloud.journal for resource in call.touched}
        return all(there.issuperset(call.touched) for call in tuple(self._cloud.journal)[: self._known])

    def settle(self) -> list[SystemEvent]:
        """Tell every script of what is new, and of what comes of that. Returns these events."""
        news = []
        while len(events := self._cloud.alibaba.describe_system_event_attribute()) > self._told:
            event = events[self._told]
            self._told += 1
            news.append(event)
            for handler in self._handlers:
                handler(event)
        return news
