"""What the families of verbs share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn, TypeAlias

from lab.errors import MachineError

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class Parser(argparse.ArgumentParser):
    """One whose verbs refuse what they do not know by themselves, and so with their own usage; argparse leaves it to the top."""

    def parse_known_args(  # type: ignore[override]  # argparse's own has overloads for other kinds of namespace
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self._refuse(unknown)
        return options, unknown

    def _refuse(self, unknown: list[str]) -> NoReturn:
        takes_a_lab = "--lab" in self._option_string_actions
        hint = "; a lab is named by --lab LAB" if takes_a_lab and not unknown[0].startswith("-") else ""
        self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")


def require_machine() -> None:
    """Raises MachineError when no lab can run here."""
    from lab import doctor

    missing = [check for check in doctor.require_for_running() if not check.ok]
    if missing:
        raise MachineError("a lab cannot run here: " + "; ".join(f"{c.name}: {c.found}. {c.remedy}" for c in missing))
