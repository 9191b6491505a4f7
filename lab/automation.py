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

    def add(self, handler: Handler) -> None:
        self.settle()
        self._handlers.append(handler)

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
