"""The tunnels of a running network, from what its dataplanes say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.supervisor.answers import TunnelInfo
from lab.vpn import NORMAL, PEER_NOT_HEARD


def tunnels_of(said: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> tuple[TunnelInfo, ...]:
    """One for each peer of each dataplane. `said` is each dataplane's status by node, `names` what a person calls the nodes."""
    return tuple(_tunnel(names[node], peer, state) for node, status in said.items() for peer, state in status["peers"].items())


def _tunnel(node: str, peer: str, state: Mapping[str, Any]) -> TunnelInfo:
    ike, status = state["ike"], state["vpn_status"]
    return TunnelInfo(
        node=node,
        peer=peer,
        vpn_status=status,
        reason="" if status == NORMAL else ike["failure"] or PEER_NOT_HEARD,
        endpoint="{}:{}".format(*state["endpoint"]) if state["endpoint"] else "",
        ike={name: str(value) for name, value in ike.items() if value is not None},
        cipher=state["cipher"] or "",
        spi_in=_spi(state["spi_in"]),
        spi_out=_spi(state["spi_out"]),
        age=state["age"],
        rekey_in=state["rekey_in"],
        heard=state["heard"],
        sent_packets=state["sent_packets"],
        sent_bytes=state["sent_bytes"],
        received_packets=state["received_packets"],
        received_bytes=state["received_bytes"],
        drops=dict(state["drops"]),
    )


def _spi(value: int | None) -> str:
    return "" if value is None else f"{value:#010x}"
