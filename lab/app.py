"""The SAG app on a terminal, as a scenario speaks of it (document 002…, 5.2): what its user does, and what it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.logon import CONNECT, DISCONNECT, LOG_OFF, LOG_ON, AppAnswer, AppRequest

CONNECTED = "Connected to Intranet"  # 5.2 step 2
LOGGED_ON, LOGGED_OFF = "Logged on", "Logged off"


Ask = Callable[[str, AppRequest], AppAnswer]  # make a request from a terminal; afterwards the network is as it has to be
Show = Callable[[str], str]  # what the app of a session shows


class App:
    """`told` is what the service told it last. Nothing raises: what is refused is shown, by its code."""

    def __init__(self, ask: Ask, show: Show, terminal_id: str) -> None:
        self._ask_service = ask
        self._show = show
        self._terminal_id = terminal_id
        self._token = ""
        self._session_id = ""
        self._known: set[str] = set()
        self._refused: AppAnswer | None = None
        self.told = AppAnswer()

    def log_on(self, *, user_name: str, password: str, smart_ag_id: str = "", enterprise_code: str = "") -> None:
        """Enter what came by mail, and log on."""
        given = {"user_name": user_name, "password": password, "smart_ag_id": smart_ag_id, "enterprise_code": enterprise_code}
        self._ask(LOG_ON, given)
        if "token" in self.told.told:
            self._go_on(self.told.told["session"], self.told.told["token"])

    def resume(self, session_id: str, token: str) -> None:
        """Go on with a session that was begun elsewhere. One that this app has known is nothing new."""
        if session_id not in self._known:
            self._go_on(session_id, token)
            self._refused = None

    def _go_on(self, session_id: str, token: str) -> None:
        self._session_id, self._token = session_id, token
        self._known.add(session_id)

    def connect(self) -> None:
        """Click CONNECT."""
        self._ask(CONNECT, {"token": self._token})

    def disconnect(self) -> None:
        """Leave the network, and stay logged on."""
        self._ask(DISCONNECT, {"token": self._token})

    def log_off(self) -> None:
        self._ask(LOG_OFF, {"token": self._token})

    def _ask(self, operation: str, arguments: dict[str, str]) -> None:
        self.told = self._ask_service(self._terminal_id, AppRequest(operation, arguments))
        self._refused = self.told if self.told.code else None

    @property
    def was_refused(self) -> bool:
        return self._refused is not None

    def shows(self) -> tuple[str, str]:
        """A message; or the code that what was asked for last was refused with, and what explains it."""
        if self._refused is not None:
            return self._refused.code, self._refused.message
        return self._show(self._session_id), ""


def shown_of(reasons: Sequence[str]) -> str:
    """What an app shows whose tunnel has ends with these reasons not to be connected, empty for none."""
    if not reasons:
        return LOGGED_ON
    return next((reason for reason in reasons if reason), CONNECTED)
