"""A lab in numbers, as Prometheus reads them (exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lab.monitoring import Counters, Device
from lab.status import NORMAL
from lab.supervisor.answers import TunnelInfo

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_DEVICE = ("gateway", "name", "device")


class _Numbers(Collector):
    """`names` are those of the gateways by their ids; a gateway may have none."""

    def __init__(
        self, nodes: int, tunnels: Collection[TunnelInfo], totals: Mapping[Device, Counters], names: Mapping[str, str]
    ) -> None:
        self._nodes = nodes
        self._tunnels = tunnels
        self._totals = totals
        self._names = names

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("saglab_nodes", "Nodes of the lab.", self._nodes)
        yield self._normal()
        yield self._counter("received_bytes", "Bytes of inner packets that a device received.", lambda it: it.received_bytes)
        yield self._counter("sent_bytes", "Bytes of inner packets that a device sent.", lambda it: it.sent_bytes)
        yield self._counter("dropped_packets", "Packets that one end of a device's tunnel dropped.", lambda it: it.dropped)

    def _normal(self) -> Metric:
        normal = GaugeMetricFamily("saglab_tunnel_normal", "1 where VPN Status is Normal.", labels=("node", "tunnel"))
        for tunnel in self._tunnels:
            normal.add_metric((tunnel.node, tunnel.peer), float(tunnel.vpn_status == NORMAL))
        return normal

    def _counter(self, what: str, text: str, read: Callable[[Counters], int]) -> Metric:
        counter = CounterMetricFamily(f"saglab_gateway_{what}", text, labels=_DEVICE)
        for device, counters in self._totals.items():
            labels = (device.smart_ag_id, self._names.get(device.smart_ag_id, ""), device.serial_number)
            counter.add_metric(labels, read(counters))
        return counter


def exposition(
    nodes: int, tunnels: Collection[TunnelInfo], totals: Mapping[Device, Counters], names: Mapping[str, str]
) -> str:
    registry = CollectorRegistry()
    registry.register(_Numbers(nodes, tunnels, totals, names))
    return generate_latest(registry).decode()
