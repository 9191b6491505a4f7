"""What a controller knows of its devices: who they are, when each was heard, and what that makes of its Control Status.

Performs no I/O and reads no clock: times are seconds of whatever clock the caller has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lab.phoning import Entry
from lab.status import NOT_REPORTING, WRONG_KEY

# Our choices, in seconds between two reports of a device: of one alone, and of one that another waits to take over from. Many
# devices report less often, so that a lab of hundreds spends no processor on it.
ALONE, PAIRED = 1.0, 0.25
SHARE = 0.01  # for each device of the register
# Reports; a device that misses so many is gone. For one alone nobody takes over, so nothing is won by haste, and a machine that
# has more to do than it can is not to be taken for a dead device.
MISSED_ALONE, MISSED_PAIRED = 5, 3


@dataclass(frozen=True, slots=True)
class Report:
    """What a device says of itself. `serves` is whether its dataplane answers it; the rest are that one's counts."""

    serves: bool
    sent_bytes: int = 0
    received_bytes: int = 0
    dropped_packets: int = 0


@dataclass(slots=True)
class _Heard:
    """The last of a device: when, what it said, whether it is counted as online, and whether somebody had a wrong key."""

    when: float | None = None
    report: Report | None = None
    online: bool | None = None
    knocked: bool = False


class Roll:
    """The register with what was heard. In one that is `timeless` a device reports once, and is never gone."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._heard: dict[str, _Heard] = {}
        self._every: float | None = None

    def load(self, register: Iterable[Entry], *, every: float | None = None, anew: bool = False) -> None:
        """Another register. Of a device that is another now, or if all begins `anew`, nothing is known any more.

        `every` is how often devices report, if not as often as this module has it.
        """
        before, self._entries = self._entries, {entry.serial_number: entry for entry in register}
        same = {name for name, entry in self._entries.items() if not anew and _is_same(before.get(name), entry)}
        self._heard = {name: self._heard[name] if name in same else _Heard() for name in self._entries}
        self._every = every

    def find(self, serial_number: str) -> Entry | None:
        return self._entries.get(serial_number)

    def every(self, entry: Entry) -> float:
        """How many seconds are between two reports of a device."""
        return self._every or max(PAIRED if entry.is_paired else ALONE, SHARE * len(self._entries))

    def knocked(self, entry: Entry) -> None:
        """Somebody came with this serial number and a wrong key."""
        self._heard[entry.serial_number].knocked = True

    def heard(self, entry: Entry, report: Report, *, now: float) -> None:
        known = self._heard[entry.serial_number]
        known.when, known.report, known.knocked = now, report, False

    def bury(self, serial_numbers: Iterable[str]) -> None:
        """These serve nobody any more, until they say otherwise."""
        for known in (self._heard[name] for name in serial_numbers if name in self._heard):
            known.online = False
            if known.report is not None:
                known.report = replace(known.report, serves=False)

    def reasons(self, *, now: float) -> dict[str, str]:
        """Why the Control Status of each device is Abnormal, empty where it is Normal."""
        return {name: self._reason(entry, self._heard[name], now) for name, entry in self._entries.items()}

    def reports(self) -> dict[str, Report]:
        """The last of each device that was heard."""
        return {name: known.report for name, known in self._heard.items() if known.report is not None}

    def changes(self, *, now: float) -> list[tuple[str, bool]]:
        """The devices that went online or offline since the last call. One that was never heard is told of as neither."""
        changed = []
        for name, entry in self._entries.items():
            known = self._heard[name]
            online = known.report is not None and known.report.serves and not self._is_gone(entry, known, now)
            if known.when is not None and known.online != online:
                known.online = online
                changed.append((name, online))
        return changed

    def _reason(self, entry: Entry, known: _Heard, now: float) -> str:
        if known.when is not None and not self._is_gone(entry, known, now):
            return entry.withheld
        return WRONG_KEY if known.knocked else NOT_REPORTING

    def _is_gone(self, entry: Entry, known: _Heard, now: float) -> bool:
        missed = MISSED_PAIRED if entry.is_paired else MISSED_ALONE
        return known.when is None or now - known.when > missed * self.every(entry)


def _is_same(before: Entry | None, after: Entry) -> bool:
    """Whether it is the same machine that is the same device."""
    return before is not None and (before.key, before.holder) == (after.key, after.holder)
