"""Names: three rules, one for each kind of thing that the documents let a customer name.

The document lists digits and signs as permitted and asks for a letter or a Chinese character in the first place only (S0-014).
We take letters and Chinese characters in every place: a name of one letter and digits alone is not what it can mean. A letter is
one of a to z in either case, a Chinese character one of the CJK Unified Ideographs (Unicode, U+4E00 to U+9FFF).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.cloud.errors import CloudError

_FIRST = "a-zA-Z\u4e00-\u9fff"


@dataclass(frozen=True, slots=True)
class NameRule:
    """What a name may be: its length in characters, and the signs beside letters, Chinese characters and digits."""

    thing: str
    shortest: int
    longest: int
    signs: str

    def check(self, name: str) -> None:
        """Raises InvalidName."""
        if not self.shortest <= len(name) <= self.longest:
            raise self._refusal(name, f"it has {len(name)} characters, and must have {self.shortest} to {self.longest}")
        if not re.match(f"[{_FIRST}]", name):
            raise self._refusal(name, "it must start with a letter or a Chinese character")
        if not re.fullmatch(f"[{_FIRST}0-9{re.escape(self.signs)}]*", name):
            raise self._refusal(name, f"it may hold letters, Chinese characters, digits and {' '.join(self.signs)} only")

    def _refusal(self, name: str, why: str) -> CloudError:
        return CloudError("InvalidName", f"the {self.thing} name '{name}' is not valid: {why}")


GATEWAY_NAME = NameRule("instance", 2, 128, "._-")  # document 000…, step 1.3
CCN_NAME = NameRule("CCN", 2, 100, "_-")
CEN_NAME = NameRule("CEN", 2, 100, "_-")  # document 000…, step 3.3.3

_RESOURCE_LENGTH = 128


def check_resource_name(name: str, code: str) -> None:
    """Names of VPCs, vSwitches, groups and ECS instances: up to 128 characters, no beginning of a URL. Raises `code`."""
    if len(name) > _RESOURCE_LENGTH:
        raise CloudError(code, f"the name '{name}' has {len(name)} characters, and may have {_RESOURCE_LENGTH}")
    if name.startswith(("http://", "https://")):
        raise CloudError(code, f"the name '{name}' may not start with http:// or https://")
