"""The tunnels of a running network, from what its dataplanes say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.status import NORMAL, PEER_NOT_HEARD
from lab.supervisor.answers import TunnelInfo


def tunnels_of(said: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> tuple[TunnelInfo, ...]:
    """One for each peer of each dataplane. `said` is each dataplane's status by node, `names` what a person calls the nodes."""
    return tuple(_tunnel(names[node], peer, state) for node, status in said.items() for peer, state in status["peers"].items())


def _tunnel(node: str, peer: str, state: Mapping[str, Any]) -> TunnelInfo:
    """Of software that tells less than our dataplane, what it does not tell stays empty."""
    ike, status, endpoint = state["ike"], state["vpn_status"], state.get("endpoint")
    return TunnelInfo(
        node=node,
        peer=peer,
        vpn_status=status,
        reason="" if status == NORMAL else ike.get("failure") or PEER_NOT_HEARD,
        endpoint="{}:{}".format(*endpoint) if endpoint else "",
        ike={name: str(value) for name, value in ike.items() if value is not None},
        cipher=state.get("cipher") or "",
        spi_in=_spi(state.get("spi_in")),
        spi_out=_spi(state.get("spi_out")),
        age=state.get("age"),
        rekey_in=state.get("rekey_in"),
        heard=state.get("heard"),
        sent_packets=state.get("sent_packets", 0),
        sent_bytes=state.get("sent_bytes", 0),
        received_packets=state.get("received_packets", 0),
        received_bytes=state.get("received_bytes", 0),
        drops=dict(state["drops"]),
        bandwidth=state.get("bandwidth"),
    )


def _spi(value: int | None) -> str:
    return "" if value is None else f"{value:#010x}"
