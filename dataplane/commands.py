"""What a running dataplane answers on its control socket: one JSON object in, one out. It performs no I/O."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dataplane.assembly import build_peer
from dataplane.config import parse_bandwidth, parse_eni_check, parse_peer, parse_peer_keys
from dataplane.engine import Engine
from dataplane.errors import DropReason, LocalError
from dataplane.fields import Fields, show
from dataplane.ike.policy import Lease
from dataplane.negotiated import NegotiatedPeer
from dataplane.peer import RemoteGateway

PEER_NAME_LENGTH = 128
REKEYED = {"child": "the security associations of ESP", "ike": "that of IKE"}

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
        message = json.loads(line.decode())  # bytes it would try in other encodings too
    except (ValueError, RecursionError):
        raise LocalError("the line is no JSON") from None
    if not isinstance(message, dict):
        raise LocalError(f"{show(message)} is no JSON object")
    return message


def _obey(name: str, engine: Engine, message: Mapping[str, Any], now: float) -> Answer:
    op = message.get("op")
    if op == "status":
        return {"name": name, **_status(engine, message, now)}
    change = _CHANGES.get(op) if isinstance(op, str) else None
    if change is None:
        raise LocalError(f"op {show(op)} is unknown; known: status, {', '.join(_CHANGES)}")
    errors: list[str] = []
    change(engine, message, errors)
    return {}


def _status(engine: Engine, message: Mapping[str, Any], now: float) -> Answer:
    """Of all peers, or of those alone that `peers` names: who has a thousand need not be told of all of them each time."""
    errors: list[str] = []
    fields = Fields(message, "", errors)
    fields.only("op", "peers")
    names = fields.items("peers") if "peers" in fields else list(engine.peers)
    errors += [f"peers: {show(name)} is no peer" for name in names if not isinstance(name, str) or name not in engine.peers]
    _raise(errors)
    return status(engine, now, names)


def _set_prefixes(engine: Engine, message: Mapping[str, Any], errors: list[str]) -> None:
    fields = Fields(message, "", errors)
    fields.only("op", "peer", "prefixes", "take_over")
    peer = fields.text("peer", longest=PEER_NAME_LENGTH)
    prefixes = fields.prefixes("prefixes")
    take_over = fields.flag("take_over", default=False)
    _raise(errors)
    engine.set_prefixes(peer, prefixes, take_over=take_over)


def _set_eni_check(engine: Engine, message: Mapping[str, Any], errors: list[str]) -> None:
    fields = Fields({key: value for key, value in message.items() if key != "op"}, "", errors)
    check = parse_eni_check(fields)
    _raise(errors)
    engine.check = check


def _add_peer(engine: Engine, message: Mapping[str, Any], errors: list[str]) -> None:
    fields = Fields(message, "", errors, secret=True)
    fields.only("op", "peer", "keys")
    peer = parse_peer(fields.nested("peer"))
    keys = parse_peer_keys(fields.nested("keys"), peer)
    _raise(errors)
    engine.add_peer(build_peer(peer, keys, engine.keylog, engine.meters))


def _remove_peer(engine: Engine, message: Mapping[str, Any], errors: list[str]) -> None:
    fields = Fields(message, "", errors)
    fields.only("op", "peer")
    name = fields.text("peer", longest=PEER_NAME_LENGTH)
    _raise(errors)
    engine.remove_peer(name)


def _set_bandwidth(engine: Engine, message: Mapping[str, Any], errors: list[str]) -> None:
    """Without the member "bandwidth", or "inbound_bandwidth", there is no such limit any more."""
    fields = Fields(message, "", errors)
    fields.only("op", "peer", "bandwidth", "inbound_bandwidth")
    peer = fields.text("peer", longest=PEER_NAME_LENGTH)
    bandwidth, inbound = parse_bandwidth(fields, "bandwidth"), parse_bandwidth(fields, "inbound_bandwidth")
    _raise(errors)
    engine.set_bandwidth(peer, bandwidth, inbound)


def _rekey(engine: Engine, message: Mapping[str, Any], errors: list[str]) -> None:
    fields = Fields(message, "", errors)
    fields.only("op", "peer", "what")
    peer = fields.text("peer", longest=PEER_NAME_LENGTH)
    what = fields.choice("what", REKEYED)
    _raise(errors)
    engine.rekey(peer, what)


_CHANGES: Mapping[str, Callable[[Engine, Mapping[str, Any], list[str]], None]] = {
    "set_prefixes": _set_prefixes,
    "set_eni_check": _set_eni_check,
    "set_bandwidth": _set_bandwidth,
    "add_peer": _add_peer,
    "remove_peer": _remove_peer,
    "rekey": _rekey,
}


def _raise(errors: list[str]) -> None:
    if errors:
        raise LocalError("; ".join(errors))


def status(engine: Engine, now: float, names: Iterable[str] | None = None) -> Answer:
    """What the engine counted, for the peers of these `names`, or for all. Times are in seconds; bytes are of inner packets."""
    return {
        "uptime": now - engine.started_at,
        "peers": {name: _peer_status(engine.peers[name], now) for name in (engine.peers if names is None else names)},
        "drops": _drops(engine.drops),
        "keepalives_received": engine.keepalives_received,
    }


def _peer_status(peer: RemoteGateway, now: float) -> Answer:
    return {
        "endpoint": list(peer.endpoint) if peer.endpoint else None,
        "heard": None if peer.heard_at is None else now - peer.heard_at,
        **_associations(peer),
        "prefixes": [str(prefix) for prefix in peer.prefixes],
        "mtu": peer.path.mtu,
        "bandwidth": peer.bandwidth,
        "inbound_bandwidth": peer.inbound_bandwidth,
        **_traffic(peer),
        **(_ike_status(peer, now) if isinstance(peer, NegotiatedPeer) else {}),
    }


def _associations(peer: RemoteGateway) -> Answer:
    """What is sent through, and the latest that is received through; None while there is nothing."""
    outbound = peer.outbound
    return {
        "cipher": None if outbound is None else outbound.suite.name,
        "spi_in": peer.inbound_spi,
        "spi_out": None if outbound is None else outbound.spi,
    }


def _traffic(peer: RemoteGateway) -> Answer:
    sent, received = peer.counters.sent, peer.counters.received
    return {
        "sent_packets": sent.packets,
        "sent_bytes": sent.bytes,
        "sent_dummies": sent.dummies,
        "sent_keepalives": sent.keepalives,
        "received_packets": received.packets,
        "received_bytes": received.bytes,
        "received_dummies": received.dummies,
        "drops": _drops(peer.counters.drops),
    }


def _ike_status(peer: NegotiatedPeer, now: float) -> Answer:
    """`failure` says why the last conversation, or the last attempt at one, came to nothing. The words are the document's."""
    session = peer.session
    suite = None if session is None else session.current.suite
    return {
        "vpn_status": "Abnormal" if peer.outbound is None else "Normal",
        **_child_status(peer, now),
        "ike": {
            "identity": str(peer.policy.local),
            "remote_identity": str(peer.policy.remote),
            "state": "IDLE" if session is None else session.state.name,
            "established": None if peer.established_at is None else now - peer.established_at,
            "cipher": None if suite is None else suite.cipher.name,
            "prf": None if suite is None else suite.prf.name,
            "group": None if suite is None else suite.group.name,
            "spi_i": None if session is None else session.current.spi_i.hex(),
            "spi_r": None if session is None else session.current.spi_r.hex(),
            "rekey_in": None if session is None else _until(session.current.rekey_at, now),
            "rekeys": peer.ike_rekeys,
            "child_rekeys": peer.child_rekeys,
            "failure": None if peer.failure is None else str(peer.failure),
            "lease": _lease_status(peer.obtained or peer.policy.lease),
            "spent": peer.policy.spent,
        },
    }


def _lease_status(lease: Lease | None) -> Answer | None:
    """What the peer leased to this end, or is leased by it."""
    return None if lease is None else {"address": str(lease.address), "dns": [str(server) for server in lease.dns]}


def _child_status(peer: NegotiatedPeer, now: float) -> Answer:
    """How old the latest child is, and when it is to be replaced; None while there is none, or its replacement is under way."""
    pair = peer.pairs.get(peer.inbound_spi) if peer.inbound_spi is not None else None
    child = None if pair is None else pair.session.children.get(pair.inbound.spi)
    return {
        "age": None if child is None else now - child.made_at,
        "rekey_in": None if child is None else _until(child.rekey_at, now),
    }


def _until(moment: float | None, now: float) -> float | None:
    return None if moment is None else max(0.0, moment - now)


def _drops(drops: Counter[DropReason]) -> dict[str, int]:
    return {str(reason): count for reason, count in drops.items()}
