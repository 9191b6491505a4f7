"""What all operations on people's own devices share."""

from __future__ import annotations

from typing import ClassVar

from lab.cloud.operation import Provider


class TerminalsBase(Provider):
    PROVIDER: ClassVar[str] = "terminals"

    def _check_caller(self, name: str) -> None:
        """Everybody may do everything with their own devices, and who owns which is nobody's business here."""

    def _id(self, prefix: str) -> str:
        return self._supply.alibaba_id(prefix)
