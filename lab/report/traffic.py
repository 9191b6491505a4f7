"""The traffic of a gateway: a curve and a table for a person, JSON and CSV for a program."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Sequence
from io import StringIO

import plotille
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lab.monitoring import Point, Traffic
from lab.monitoring.client_metrics import UNITS, Metric, accounts_of, is_of_clients, metrics_of
from lab.supervisor.wire import encode

_HEIGHT = 10  # lines of a curve
_SCALE = 13  # columns left of it
_BESIDE = 27  # columns left and right of it
_WIDEST = 160
_LONG = 24 * 3600  # seconds; from here on the time axis has days
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))

COLUMNS = ("time", "device", "seconds", "rx_bytes", "tx_bytes", "rx_bit_s", "tx_bit_s", "dropped", "drops_per_minute")


def print_traffic(console: Console, traffic: Traffic, *, title: str) -> None:
    """Bit rates over time, drops if there are any, and what each device carried."""
    points = traffic.points
    ends = f"{_clock(traffic, traffic.start)} to {_clock(traffic, traffic.end)}"
    console.print(f"[bold]{escape(title)}[/bold]  {ends}, a point every {traffic.resolution} s\n")
    if not points:
        console.print("nothing has been counted in this time; a lab is watched as long as it is up")
        return
    console.print(_curves(console, traffic, {"received": ("green", _received), "sent": ("blue", _sent)}, "bit/s"))
    if any(point.dropped for point in points):
        console.print(_curves(console, traffic, {"dropped": ("red", _dropped)}, "packets/min"))
    console.print(_table(traffic))
    if is_of_clients(traffic):
        console.print(Text("\n"), _metric_table(traffic))


def _received(point: Point) -> float:
    return point.received_rate


def _sent(point: Point) -> float:
    return point.sent_rate


def _dropped(point: Point) -> float:
    return point.drops_per_minute


Lines = dict[str, tuple[str, Callable[[Point], float]]]
"""By name, the colour of a line and what it shows."""


def _curves(console: Console, traffic: Traffic, lines: Lines, unit: str) -> Text:
    values = {name: [read(point) for point in traffic.points] for name, (_, read) in lines.items()}
    highest = max(max(its) for its in values.values())
    scale, prefix = next((one for one in _PREFIXES if highest >= one[0]), _PREFIXES[-1])
    figure = plotille.Figure()
    figure.width, figure.height = min(console.width, _WIDEST) - _BESIDE, _HEIGHT
    figure.with_colors = console.is_terminal and not console.no_color
    figure.origin = False
    figure.x_label, figure.y_label = "", f"{prefix}{unit}"
    figure.x_ticks_fkt = lambda moment, _next: _clock(traffic, moment)
    figure.y_ticks_fkt = lambda value, _next: f"{value:.1f}"
    figure.set_x_limits(min_=traffic.start, max_=traffic.end)
    figure.set_y_limits(min_=0.0, max_=1.1 * highest / scale or 1.0)
    times = [point.start for point in traffic.points]
    for name, (colour, _) in lines.items():
        figure.plot(times, [value / scale for value in values[name]], label=name, lc=colour if figure.with_colors else None)
    told = Text.from_ansi(figure.show())
    told.append(f"\n{' ' * _SCALE}")
    for name, (colour, _) in lines.items():
        told.append(f"━ {name}  ", style=colour)
    told.append("\n")
    return told


def _clock(traffic: Traffic, moment: float) -> str:
    long = traffic.end - traffic.start >= _LONG
    return time.strftime("%d. %H:%M" if long else "%H:%M:%S" if traffic.resolution < 60 else "%H:%M", time.localtime(moment))


def _table(traffic: Traffic) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("device")
    for heading in ("received", "mean", "peak", "sent", "mean", "peak", "dropped"):
        table.add_column(heading, justify="right")
    for device in traffic.devices:
        table.add_row(device.serial_number, *_figures(device.points))
    if len(traffic.devices) > 1:
        table.add_row("together", *_figures(traffic.points), style="bold")
    return table


def _metric_table(traffic: Traffic) -> Table:
    """The document's eight metrics, in a unit that suits each value."""
    accounts = accounts_of(traffic)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("metric")
    for heading in ("instance", *accounts):
        table.add_column(heading, justify="right")
    columns = [metrics_of(traffic, account) for account in ("", *accounts)]
    for row in zip(*columns, strict=True):
        table.add_row(row[0].name, *map(_in_a_unit, row))
    return table


def _in_a_unit(metric: Metric) -> str:
    units = UNITS[metric.name]
    unit = next((name for name, size in reversed(units.items()) if metric.value >= size), next(iter(units)))
    return f"{metric.in_unit(unit):.3g} {unit}"


def _figures(points: Sequence[Point]) -> list[str]:
    seconds = sum(point.seconds for point in points)
    received, sent = sum(point.received_bytes for point in points), sum(point.sent_bytes for point in points)
    return [
        _with_prefix(received, "B"),
        _with_prefix(8 * received / seconds, "bit/s"),
        _with_prefix(max(map(_received, points)), "bit/s"),
        _with_prefix(sent, "B"),
        _with_prefix(8 * sent / seconds, "bit/s"),
        _with_prefix(max(map(_sent, points)), "bit/s"),
        str(sum(point.dropped for point in points)),
    ]


def _with_prefix(value: float, unit: str) -> str:
    """1234567, "bit/s" → "1.23 Mbit/s"."""
    scale, prefix = next((one for one in _PREFIXES if value >= one[0]), _PREFIXES[-1])
    return f"{value / scale:.3g} {prefix}{unit}"


def traffic_json(traffic: Traffic) -> str:
    """The points as they are kept, with their rates. Times are in seconds since 1970."""
    told = encode(traffic)
    for device, written in zip(traffic.devices, told["devices"], strict=True):
        for point, fields in zip(device.points, written["points"], strict=True):
            fields |= {
                "received_bit_s": round(point.received_rate, 1),
                "sent_bit_s": round(point.sent_rate, 1),
                "drops_per_minute": round(point.drops_per_minute, 2),
            }
    return json.dumps(told, indent=2) + "\n"


def traffic_csv(traffic: Traffic) -> str:
    """A line for each bucket of each device; times are UTC."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for device in traffic.devices:
        writer.writerows(_row(device.serial_number, point) for point in device.points)
    return file.getvalue()


def _row(serial_number: str, point: Point) -> tuple[str | int | float, ...]:
    return (
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(point.start)),
        serial_number,
        round(point.seconds, 3),
        point.received_bytes,
        point.sent_bytes,
        round(point.received_rate, 1),
        round(point.sent_rate, 1),
        point.dropped,
        round(point.drops_per_minute, 2),
    )
