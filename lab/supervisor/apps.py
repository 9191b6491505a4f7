"""The SAG apps of a lab that is up, as they are told of."""

from __future__ import annotations

from lab.app import App
from lab.cloud import Cloud
from lab.cloud.alibaba import AppSession, SagApp
from lab.cloud.terminals import Terminal
from lab.errors import UsageError
from lab.supervisor.answers import AppShown


def find_terminal(cloud: Cloud, word: str) -> Terminal:
    """The terminal with this id or name. Raises UsageError when there is not exactly one."""
    terminals = cloud.terminals.describe_terminals()
    found = [one for one in terminals if one.id == word] or [one for one in terminals if one.name == word]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{len(found)} terminals are called {word!r}: {', '.join(one.id for one in found)}; give the id")
    raise UsageError(f"no terminal {word!r}; there are: {', '.join(sorted(one.name or one.id for one in terminals)) or 'none'}")


def app_shown(cloud: Cloud, terminal: Terminal, app: App) -> AppShown:
    shows, message = app.shows()
    session = next(iter(cloud.store.by(AppSession, "terminal_id", terminal.id)), None)
    connected = session is not None and session.connected
    return AppShown(
        terminal=terminal.name or terminal.id,
        shows=shows,
        refused=app.was_refused,
        message=message,
        user=session.user_name if session is not None else "",
        smart_ag_id=session.smart_ag_id if session is not None else "",
        address=str(session.address) if session is not None and connected else "",
        dns=tuple(map(str, cloud.store.get(SagApp, session.smart_ag_id).dns)) if session is not None and connected else (),
    )
