"""Labs that are up, for a person at a terminal: what there is, and how a lab's nodes and tunnels do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.cloud.alibaba.resources import STANDBY_ROLE
from lab.status import NORMAL, text_of
from lab.supervisor.answers import DeviceInfo, LabInfo, LinkInfo, NodeInfo, Status, TunnelInfo
from lab.supervisor.events import Event

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def print_labs(console: Console, up: Sequence[LabInfo], kept: Sequence[tuple[str, Path]]) -> None:
    """A line for each lab; those that are only kept stand below."""
    if not up and not kept:
        console.print("no lab is up; `saglab up vcpe-ping` brings one up")
        return
    table = _table("lab", "scenario", "state", "nodes", "for")
    for lab in up:
        age = duration(time.time() - lab.since)
        table.add_row(f"[bold]{lab.name}[/bold]", _scenario(lab), lab.condition, str(lab.nodes), age)
    for name, directory in kept:
        table.add_row(f"[bold]{escape(name)}[/bold]", "", "[yellow]kept[/yellow]", "", f"[dim]in {escape(str(directory))}[/dim]")
    console.print(table)


def print_status(console: Console, status: Status) -> None:
    """The lab, a table of its nodes, and one entry for each end of each tunnel."""
    lab = status.lab
    console.print(f"[bold]{lab.name}[/bold]  {_scenario(lab)}, {lab.condition} for {duration(time.time() - lab.since)}\n")
    console.print(_nodes(status.nodes))
    print_impaired(console, status.impaired)
    if status.devices:
        console.print("\n[bold]devices[/bold]")
        console.print(_devices(status.devices))
    if status.tunnels:
        console.print("\n[bold]tunnels[/bold]")
    for tunnel in status.tunnels:
        _print_tunnel(console, tunnel)


def print_links(console: Console, links: Sequence[LinkInfo]) -> None:
    """A line for each link; why a seed was drawn, which is no mistake of anybody's, stands below."""
    table = _table("link", "from", "to", "does", "by")
    for link in links:
        by = f"line, seed {escape(link.seed)}" if link.by == "line" else link.by
        does = link.impairments or ("nothing" if by else "")
        table.add_row(f"[bold]{link.name}[/bold]", *link.ends, f"[yellow]{does}[/yellow]", by)
    console.print(table)
    for why in dict.fromkeys(link.why for link in links if link.why):
        console.print(f"[dim]a line of saglab's own does it, with a seed that was drawn, because {escape(why)}[/dim]")


def print_impaired(console: Console, links: Sequence[LinkInfo]) -> None:
    """The links that do something to packets, if there are any."""
    impaired = [link for link in links if link.by]
    if impaired:
        console.print("\n[bold]impaired links[/bold]")
        print_links(console, impaired)


def print_event(console: Console, event: Event) -> None:
    clock = time.strftime("%H:%M:%S", time.localtime(event.time))
    console.print(f"[dim]{clock}[/dim] {event.kind:12} {escape(event.text)}", soft_wrap=True)


def duration(seconds: float) -> str:
    """A time as a person says it: "4 s", "12 min"."""
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"


def _scenario(lab: LabInfo) -> str:
    left_out = f" [yellow]without step {', '.join(lab.left_out)}[/yellow]" if lab.left_out else ""
    return f"{escape(lab.scenario)}{left_out}"


def _nodes(nodes: Sequence[NodeInfo]) -> Table:
    table = _table("node", "is", "cloud", "addresses", "resource")
    for node in nodes:
        addresses = ", ".join(dict.fromkeys(node.addresses))
        table.add_row(f"[bold]{node.name}[/bold]", node.kind, node.provider, addresses, node.resource)
    return table


def _devices(devices: Sequence[DeviceInfo]) -> Table:
    table = _table("gateway", "serial number", "role", "machine", "VPN Status", "Control Status")
    for device in devices:
        table.add_row(escape(device.gateway), device.serial_number, device.role, *_performance(device))
    return table


def _performance(device: DeviceInfo) -> tuple[str, str, str]:
    """Its machine and its two statuses. That no machine is a standby device is not Abnormal."""
    if not device.machine and device.role == STANDBY_ROLE:
        return "[dim]none, not needed[/dim]", "", ""
    vpn = _status(device.vpn_status, device.vpn_reason)
    return device.machine or "none yet", vpn, _status(device.control_status, device.control_reason)


def _status(status: str, reason: str) -> str:
    colour = "green" if status == NORMAL else "red"
    return f"[{colour}]{status}[/{colour}]" + (f" [red]{reason}[/red]" if reason else "")


def _print_tunnel(console: Console, tunnel: TunnelInfo) -> None:
    colour = "green" if tunnel.vpn_status == NORMAL else "red"
    reason = f", [red]{tunnel.reason}[/red], {escape(text_of(tunnel.reason))}" if tunnel.reason else ""
    console.print(f"[bold]{tunnel.node}[/bold] {tunnel.peer}: VPN status [{colour}]{tunnel.vpn_status}[/{colour}]{reason}")
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=10, justify="right", style="dim")
    grid.add_column(overflow="fold")
    for name, value in _facts(tunnel):
        if value:
            grid.add_row(name, value)
    console.print(grid)


def _facts(tunnel: TunnelInfo) -> list[tuple[str, str]]:
    heard = "never" if tunnel.heard is None else f"{duration(tunnel.heard)} ago"
    peer = f"{tunnel.endpoint or 'not known yet'}, last heard {heard}"
    times = [f"{duration(tunnel.age)} old"] if tunnel.age is not None else []
    times += [f"new keys in {duration(tunnel.rekey_in)}"] if tunnel.rekey_in is not None else []
    spis = f"SPI in {tunnel.spi_in}, out {tunnel.spi_out}" if tunnel.spi_out else ""
    drops = ", ".join(f"[red]{reason}[/red] {packets}" for reason, packets in tunnel.drops.items())
    sent, received = _traffic(tunnel.sent_packets, tunnel.sent_bytes), _traffic(tunnel.received_packets, tunnel.received_bytes)
    return [
        ("peer", peer),
        ("IKE", _ike(tunnel)),
        ("ESP", ", ".join(filter(None, [tunnel.cipher, spis, *times]))),
        ("traffic", f"sent {sent}, received {received}"),
        ("limit", f"{tunnel.bandwidth / 1e6:g} Mbit/s sent at most" if tunnel.bandwidth else ""),
        ("dropped", drops),
    ]


def _ike(tunnel: TunnelInfo) -> str:
    ike = tunnel.ike
    if not ike:
        return ""
    suite = " ".join(ike[name] for name in ("cipher", "prf", "group") if name in ike)
    spis = f"SPI {ike['spi_i']} {ike['spi_r']}" if "spi_i" in ike and "spi_r" in ike else ""
    return ", ".join(filter(None, [ike.get("state", ""), suite, spis]))


def _traffic(packets: int, octets: int) -> str:
    return f"{packets} packets ({octets} bytes)"


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
