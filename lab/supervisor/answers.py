"""What a supervisor tells of its lab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum


class Condition(StrEnum):
    STARTING = "starting"
    UP = "up"
    ENDING = "going down"


@dataclass(frozen=True, slots=True)
class LabInfo:
    """A lab in one line. `pid` is the process to signal, `since` seconds since 1970, `state` the directory of what is kept."""

    name: str
    scenario: str
    left_out: tuple[str, ...]
    condition: Condition
    since: float
    pid: int
    nodes: int
    state: str


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node of the network. `entry` is what to put before a command to run it there, from inside the lab."""

    name: str
    label: str
    kind: str
    provider: str
    resource: str
    addresses: tuple[str, ...]
    interfaces: tuple[str, ...]
    entry: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TunnelInfo:
    """One end of a tunnel, as its dataplane sees it. Times are in seconds, None where nothing has happened yet.

    `reason` says why the VPN status is Abnormal, as far as the dataplane knows. `bandwidth` is the most that this end sends, in
    bit/s, None where there is no limit.
    """

    node: str
    peer: str
    vpn_status: str
    reason: str
    endpoint: str
    ike: Mapping[str, str]
    cipher: str
    spi_in: str
    spi_out: str
    age: float | None
    rekey_in: float | None
    heard: float | None
    sent_packets: int
    sent_bytes: int
    received_packets: int
    received_bytes: int
    drops: Mapping[str, int]
    bandwidth: int | None = None


@dataclass(frozen=True, slots=True)
class AppShown:
    """What the SAG app of a terminal shows: a message, or the code that it was refused with, and what explains it.

    `address` and `dns` are what the tunnel brought, empty while there is none.
    """

    terminal: str
    shows: str
    refused: bool
    message: str
    user: str
    smart_ag_id: str
    address: str
    dns: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"dns": list(self.dns)}


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A gateway's device. `machine` is the node that runs as it, empty while none does; a reason is empty where all is Normal."""

    gateway: str
    serial_number: str
    role: str
    machine: str
    vpn_status: str
    vpn_reason: str
    control_status: str
    control_reason: str


@dataclass(frozen=True, slots=True)
class LinkInfo:
    """A link between two interfaces, each as NODE:INTERFACE, and what it does to packets, as it is said; empty for nothing.

    `by` is "line" for our own line, with its `seed`, and "kernel" for the kernel; `why` says why the line is there though no seed
    was given.
    """

    name: str
    ends: tuple[str, str]
    impairments: str
    by: str
    seed: str
    why: str


@dataclass(frozen=True, slots=True)
class Status:
    """`impaired` are the links that do something to packets."""

    lab: LabInfo
    nodes: tuple[NodeInfo, ...]
    tunnels: tuple[TunnelInfo, ...]
    impaired: tuple[LinkInfo, ...]
    devices: tuple[DeviceInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Traced:
    """A packet explained and sent: `text` for a terminal, `json` for a program."""

    reaches: bool
    agrees: bool
    text: str
    json: str
