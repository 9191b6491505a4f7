"""What a running dataplane answers on its control socket: one JSON object in, one out. It performs no I/O."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from dataplane.config import parse_eni_check, parse_peer, parse_peer_keys
from dataplane.engine import Engine, build_peer
from dataplane.errors import DropReason, LocalError
from dataplane.fields import Fields, show
from dataplane.peer import Peer

PEER_NAME_LENGTH = 128

Answer = dict[str, Any]
"""A JSON object."""


def answer(name: str, engine: Engine, line: bytes, now: float) -> bytes:
    """Obey one line. A line that makes no sense is answered with {"error": …} and changes nothing."""
    try:
        reply = _obey(name, engine, _parse(line), now)
    except LocalError as error:
        reply = {"error": str(error)}
    return json.dumps(reply).encode() + b"\n"


def _parse(line: bytes) -> Mapping[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise LocalError("the line is no JSON") from None
    if not isinstance(message, dict):
        raise LocalError(f"{show(message)} is no JSON object")
    return message


def _obey(name: str, engine: Engine, message: Mapping[str, Any], now: float) -> Answer:
    op = message.get("op")
    if op == "status":
        return {"name": name, **status(engine, now)}
    change = _CHANGES.get(op) if isinstance(op, str) else None
    if change is None:
        raise LocalError(f"op {show(op)} is unknown; known: status, {', '.join(_CHANGES)}")
    errors: list[str] = []
    change(engine, message, errors)
    return {}


def _set_prefixes(engine: Engine, message: Mapping[str, Any], errors: list[str]) -> None:
    fields = Fields(message, "", errors)
    fields.only("op", "peer", "prefixes")
    peer = fields.text("peer", longest=PEER_NAME_LENGTH)
    prefixes = fields.prefixes("prefixes")
    _raise(errors)
    engine.set_prefixes(peer, prefixes)


def _set_eni_check(engine: Engine, message: Mapping[str, Any], errors: list[str]) -> None:
    fields = Fields({key: value for key, value in message.items() if key != "op"}, "", errors)
    check = parse_eni_check(fields)
    _raise(errors)
    engine.check = check


def _add_peer(engine: Engine, message: Mapping[str, Any], errors: list[str]) -> None:
    fields = Fields(message, "", errors, secret=True)
    fields.only("op", "peer", "keys")
    peer = parse_peer(fields.nested("peer"))
    keys = parse_peer_keys(fields.nested("keys"), peer.suite)
    _raise(errors)
    engine.add_peer(build_peer(peer, keys))


def _remove_peer(engine: Engine, message: Mapping[str, Any], errors: list[str]) -> None:
    fields = Fields(message, "", errors)
    fields.only("op", "peer")
    name = fields.text("peer", longest=PEER_NAME_LENGTH)
    _raise(errors)
    engine.remove_peer(name)


_CHANGES: Mapping[str, Callable[[Engine, Mapping[str, Any], list[str]], None]] = {
    "set_prefixes": _set_prefixes,
    "set_eni_check": _set_eni_check,
    "add_peer": _add_peer,
    "remove_peer": _remove_peer,
}


def _raise(errors: list[str]) -> None:
    if errors:
        raise LocalError("; ".join(errors))


def status(engine: Engine, now: float) -> Answer:
    """What the engine counted. Times are in seconds; bytes are those of inner packets."""
    return {
        "uptime": now - engine.started_at,
        "peers": {name: _peer_status(peer, now) for name, peer in engine.peers.items()},
        "drops": _drops(engine.drops),
        "keepalives_received": engine.keepalives_received,
    }


def _peer_status(peer: Peer, now: float) -> Answer:
    sent, received = peer.counters.sent, peer.counters.received
    return {
        "endpoint": list(peer.endpoint) if peer.endpoint else None,
        "heard": None if peer.heard_at is None else now - peer.heard_at,
        "cipher": peer.outbound.suite.name,
        "spi_in": peer.inbound.spi,
        "spi_out": peer.outbound.spi,
        "prefixes": [str(prefix) for prefix in peer.prefixes],
        "sent_packets": sent.packets,
        "sent_bytes": sent.bytes,
        "sent_dummies": sent.dummies,
        "sent_keepalives": sent.keepalives,
        "received_packets": received.packets,
        "received_bytes": received.bytes,
        "received_dummies": received.dummies,
        "drops": _drops(peer.counters.drops),
    }


def _drops(drops: Counter[DropReason]) -> dict[str, int]:
    return {str(reason): count for reason, count in drops.items()}
