"""What a diagnosis is made of (smartag 2018-03-13, DiagnoseSmartAccessGateway: details, items, levels, advice)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it works, and will not always, or not for everybody
    ERROR = "error"
    UNCHECKED = "unchecked"  # nobody to ask, or something else has to be mended first


class Check(StrEnum):
    """What is looked at, in the order in which it is told: what comes first is needed by what comes later."""

    SUBSCRIPTION = "subscription"
    KEY = "serial number and key"
    CONTROLLER = "controller"
    CCN = "CCN binding"
    TUNNEL = "tunnel"
    MTU = "MTU"
    CEN = "CEN binding"
    CONFLICTS = "conflicts"
    ROUTES = "routes"
    SECURITY_GROUPS = "security groups"
    SOURCE_DEST_CHECK = "source/destination check"


@dataclass(frozen=True, slots=True)
class Item:
    """`finding` and `advice` are sentences without a full stop; the advice may be a call as it is typed, or empty."""

    check: Check
    level: Level
    finding: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """At least one item of every check."""

    smart_ag_id: str
    items: tuple[Item, ...]

    @property
    def errors(self) -> tuple[Item, ...]:
        return self.at(Level.ERROR)

    def at(self, level: Level) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.level is level)
