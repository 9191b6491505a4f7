"""What charon's log tells that it answers no question about: why there is no tunnel, and what it dropped."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from dataplane.errors import DropReason
from dataplane.ike.events import Reason

# charon's words, in the order of src/libipsec of strongSwan 5.9.8 to 6.0. "unsupported payload" is not among them: that is what
# it calls the dummy packets (RFC 4303 §2.6) with which our dataplane looks for the path's MTU.
_DROPS = {
    "does not belong to an installed SA": DropReason.UNKNOWN_SPI,
    "due to policy": DropReason.OUTSIDE_SELECTOR,
    "no matching outbound IPsec policy": DropReason.PEER_NOT_HEARD,
    "could not find an outbound IPsec SA": DropReason.PEER_NOT_HEARD,
    "failed to parse ESP header": DropReason.MALFORMED_ESP,
    "parsing ESP payload failed: invalid": DropReason.MALFORMED_PACKET,
    "ESP sequence number verification failed": DropReason.REPLAYED,
    "ESP decryption or ICV verification failed": DropReason.AUTHENTICATION_FAILED,
}

# Said by the other end, or to it. strongSwan's short names of notifications are those of its messages' listings.
_TOLD = re.compile(r"received (\w+) notify|generating IKE_\w+ response \d+ \[.*\bN\((\w+)\) \]|(giving up after \d+ retransmits)")
_SHORT = {
    "AUTH_FAILED": Reason.AUTHENTICATION_FAILED,
    "NO_PROP": Reason.NO_PROPOSAL_CHOSEN,
    "TS_UNACCEPT": Reason.TS_UNACCEPTABLE,
    "INVAL_SYN": Reason.INVALID_SYNTAX,
}


class Journal:
    """A log file that grows. Every line is read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.drops: Counter[DropReason] = Counter()
        self.failure: Reason | None = None
        self._read = 0

    def read_on(self) -> None:
        """Take in the lines that were written since."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self._take(line)

    def _take(self, line: str) -> None:
        if "[ESP]" in line:
            self.drops.update(self._meant(reason) for words, reason in _DROPS.items() if words in line)
        elif (told := _TOLD.search(line)) is not None:
            reason = _reason(told)
            self.failure = self.failure if reason is None else reason
        elif "IKE_SA lab[" in line and "established between" in line:
            self.failure = None

    def _meant(self, reason: DropReason) -> DropReason:
        """A peer that was refused, or refused us, is not merely silent."""
        refused = reason is DropReason.PEER_NOT_HEARD and self.failure is Reason.AUTHENTICATION_FAILED
        return DropReason.AUTHENTICATION_FAILED if refused else reason


def _reason(told: re.Match[str]) -> Reason | None:
    """None for a notification that is no refusal."""
    by_peer, by_us, silence = told.groups()
    if silence:
        return Reason.NO_ANSWER
    return _SHORT.get(by_us) if by_us else Reason.__members__.get(by_peer)
