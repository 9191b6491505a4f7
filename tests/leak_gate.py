"""What a lab of these tests could leave on the machine, looked at before and after a test: cheap enough for every one of them.

Other people's labs may come and go meanwhile. So a process counts when it bears the mark of this run of the tests; links, routes,
rules, tables and mounts of the host when they look as a lab's do; parameters when a lab sets them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.nftables.main import NFTables

MARK = "SAGLAB_TEST"
"""In the environment of everything that a test starts: a number that no other run of the tests has."""

WITHIN = 60.0
"""Seconds after a test within which what it has ended must be gone; a busy machine takes its time."""

_LINKS = re.compile(r"(eni|vpc|ccn|igw|sag|lan)-|(tun\d|sink|sink-end|igw|wan|cen|eth0|left|right)$")
_TABLE = "saglab"
_INET = 1  # NFPROTO_INET of linux/netfilter.h
_RULE_PRIORITY = 100
_PARAMETERS = (
    *(f"ipv4/conf/{device}/rp_filter" for device in ("all", "default")),
    *(f"ipv4/conf/{device}/accept_redirects" for device in ("all", "default")),
    *(f"ipv6/conf/{device}/disable_ipv6" for device in ("all", "default")),
    *("ipv4/ip_forward", "ipv4/icmp_ratelimit", "ipv4/ping_group_range", "core/rmem_max", "core/wmem_max"),
)
_PLACES = [Path("/dev/shm"), Path("/run/netns")]  # noqa: S108
_MOUNTS = re.compile(r" /(dev/shm|run/netns|dev/net)\S* | - (nsfs|proc) ")
_HOSTS_FILES = [Path("/etc/resolv.conf"), Path("/etc/hosts"), Path("/etc/nsswitch.conf")]


@dataclass(frozen=True)
class Look:
    """What there is, a line for each thing."""

    processes: frozenset[str]
    links: frozenset[str]
    rules: frozenset[str]
    tables: frozenset[str]
    parameters: frozenset[str]
    mounts: frozenset[str]
    files: frozenset[str]
    hosts_files: frozenset[str]

    def left_since(self, before: Look) -> dict[str, list[str]]:
        """What is there now and was not; of parameters and the host's own files, what has changed."""
        pairs = {field.name: getattr(self, field.name) - getattr(before, field.name) for field in fields(self)}
        return {kind: sorted(lines) for kind, lines in pairs.items() if lines}


def look() -> Look:
    return Look(
        processes=frozenset(_processes()),
        links=frozenset(name for name in _links() if _LINKS.match(name)),
        rules=frozenset(_rules()),
        tables=frozenset(_tables()),
        parameters=frozenset(f"{name} = {Path('/proc/sys/net', name).read_text().strip()}" for name in _there(_PARAMETERS)),
        mounts=frozenset(line for line in Path("/proc/self/mountinfo").read_text().splitlines() if _MOUNTS.search(line)),
        files=frozenset(str(path) for place in _PLACES if place.is_dir() for path in place.iterdir()),
        hosts_files=frozenset(f"{path}: {path.read_bytes()!r}" for path in _HOSTS_FILES if path.exists()),
    )


def left_after(before: Look) -> dict[str, list[str]]:
    """What is left, once what was ended has had its time."""
    deadline = time.monotonic() + WITHIN
    while left := look().left_since(before):
        if time.monotonic() > deadline:
            return left
        time.sleep(0.02)  # a poll of the condition, with the deadline above
    return {}


def mark() -> None:
    """Have everything that is started from here on bear the mark."""
    os.environ[MARK] = f"{os.getpid()}-{time.time_ns()}"


def _processes() -> Iterator[str]:
    marked = f"{MARK}={os.environ[MARK]}".encode()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if marked in Path(entry.path, "environ").read_bytes():
                    command = Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    yield f"{entry.name} {command.strip()}"
            except OSError:
                continue  # it has ended, or is not ours to look into


def _links() -> Iterator[str]:
    for line in Path("/proc/net/dev").read_text().splitlines()[2:]:
        yield line.split(":")[0].strip()


def _rules() -> Iterator[str]:
    with IPRoute() as netlink:
        for rule in netlink.get_rules(family=2):
            if rule.get("FRA_PRIORITY") == _RULE_PRIORITY:
                yield f"iif {rule.get('FRA_IIFNAME')} lookup {rule.get('FRA_TABLE')}"


def _tables() -> Iterator[str]:
    with NFTables(nfgen_family=_INET) as netfilter:
        for table in netfilter.get_tables():
            if table.get_attr("NFTA_TABLE_NAME") == _TABLE:
                yield _TABLE


def _there(names: tuple[str, ...]) -> Iterator[str]:
    return (name for name in names if Path("/proc/sys/net", name).exists())
