"""The SAG apps of a lab's terminals: their requests go over the network that runs, if one does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lab.app import LOGGED_OFF, LOGGED_ON, App, shown_of
from lab.app_desk import AppDesk, Made
from lab.backend import Backend
from lab.cloud import CloudError, Identity
from lab.cloud.alibaba import AppSession, SagApp
from lab.clouds import Clouds
from lab.compiler.app import stranded_sessions
from lab.errors import UsageError
from lab.logon import CONNECT, DISCONNECT, LOG_OFF, LOG_ON, SERVICE_UNAVAILABLE, AppAnswer, AppRequest, AppVisit
from lab.status import CONTROLLER_UNREACHABLE

if TYPE_CHECKING:
    from lab.topology import Topology

_UNHEARD = (CONTROLLER_UNREACHABLE, SERVICE_UNAVAILABLE)  # what an app is told of whom the provider has not heard
CONNECTED_WITHIN = 3.0  # seconds until an app says why it is not connected; our choice, as for a status of a gateway

Follow = Callable[[], "Topology"]  # make the running network what the clouds are


class Apps:
    """`follow` needs a `backend`. Without one the provider is asked directly, and so it is for steps that are left out."""

    def __init__(self, clouds: Clouds, backend: Backend | None, follow: Follow) -> None:
        self._clouds = clouds
        self._backend = backend
        self._follow = follow
        self._apps: dict[str, App] = {}
        self._desk = AppDesk(clouds.real.store, self._make)

    def of(self, terminal_id: str) -> App:
        """One goes on with the session that its terminal has, whichever way that was begun."""
        app = self._apps.setdefault(terminal_id, App(self._ask, self._show, terminal_id))
        for session in self._clouds.real.store.by(AppSession, "terminal_id", terminal_id):
            app.resume(session.id, self._desk.token(session.id))
        return app

    def use(self, terminal_id: str, operation: str, arguments: Mapping[str, str]) -> None:
        """Let the user of a terminal's app do something. Raises UsageError for what he cannot do."""
        app = self.of(terminal_id)
        acts = {CONNECT: app.connect, DISCONNECT: app.disconnect, LOG_OFF: app.log_off}
        if operation == LOG_ON:
            app.log_on(**arguments)
        elif operation in acts:
            acts[operation]()
        elif operation:
            raise UsageError(f"an app cannot {operation!r}; it can {', '.join((LOG_ON, *acts))}")

    def serve(self, visit: AppVisit) -> AppAnswer:
        """What the provider does with a request that came by itself."""
        return self._desk.serve(visit)

    def _ask(self, terminal_id: str, request: AppRequest) -> AppAnswer:
        if self._backend is None or self._clouds.leaving_out or terminal_id not in self._follow().by_name:
            return self._desk.decide(terminal_id, request)
        answers = self._backend.ask_apps({terminal_id: request}, self._desk.serve)
        self._follow()
        return answers[terminal_id]

    def reconnect(self, backend: Backend) -> bool:
        """Let every app connect anew whose terminal has come to another network. Returns whether there was one.

        One that does not succeed is not connected any more.
        """
        stranded = stranded_sessions(self._clouds.real)
        answers = backend.ask_apps(self._connecting(stranded), self._desk.serve)
        for session in stranded:
            if answers[session.terminal_id].code:
                self._make("disconnect_app", {"session_id": session.id}, Identity(user=session.user_name))
        return bool(stranded)

    def renew(self, nodes: Collection[str] | None = None) -> bool:
        """Connect anew what was connected to points of presence, or from terminals, that have died: of all or of these nodes.

        Their secrets are spent. The apps do it, all at once. The network may be half dead: for whom that does not reach the
        controller, and where no network runs yet, the provider does it. Returns whether there were any.
        """
        store = self._clouds.real.store
        ended = [
            session
            for session in store.all(AppSession)
            if session.connected
            and (nodes is None or {session.terminal_id, store.get(SagApp, session.smart_ag_id).ccn_id} & set(nodes))
        ]
        requests = self._connecting(ended)
        answers = self._backend.ask_apps(requests, self._desk.serve) if self._backend is not None and nodes is not None else {}
        for terminal_id, request in requests.items():
            if terminal_id not in answers or answers[terminal_id].code in _UNHEARD:
                self._desk.decide(terminal_id, request)
        return bool(ended)

    def _connecting(self, sessions: Iterable[AppSession]) -> dict[str, AppRequest]:
        """The requests to connect anew, by terminal."""
        return {one.terminal_id: AppRequest(CONNECT, {"token": self._desk.token(one.id)}) for one in sessions}

    def _show(self, session_id: str) -> str:
        session = self._clouds.real.store.find(AppSession, session_id)
        if session is None:
            return LOGGED_OFF
        if not session.connected or self._backend is None:
            return LOGGED_ON
        self._follow()
        return shown_of([end.reason for end in self._backend.vpn_ends(session_id, within=CONNECTED_WITHIN)])

    def _make(self, name: str, arguments: Mapping[str, Any], identity: Identity) -> Made:
        """What a user is refused is the app's to show, and no mistake of the script's."""
        noted = len(self._clouds.refusals)
        try:
            result = self._clouds.call("alibaba", name, (), dict(arguments), identity)
        except CloudError:
            del self._clouds.refusals[noted:]
            raise
        return result, self._clouds.refusals[-1] if len(self._clouds.refusals) > noted else None
