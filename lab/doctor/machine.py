"""The machine as it is: privileges, Python, processor, memory, control groups. Reads, and tries nothing."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path

from lab.doctor.check import Check

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")

_OLDEST_PYTHON = (3, 11)  # as in pyproject.toml
_WITHOUT_DISTUTILS = (3, 12)  # Mininet imports distutils, which setuptools then brings
_CORES = 2  # document "Connect AWS to Alibaba Cloud through SAG vCPE", step 2.2: 2 cores and 4 GB, or 1 core and 2 GB
_MEMORY = 1 << 30  # bytes; our choice: the smallest machine on which the documented lab was tried

# Bits of a capability set, linux/capability.h
_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21}


def privileges() -> list[Check]:
    """Whether this process may build networks: root, with the capabilities that a container may have taken away."""
    if os.geteuid() != 0:
        return [Check("root", False, True, f"user {os.geteuid()}", "run it as root: sudo ./saglab …")]
    effective = effective_capabilities((_PROC / "self/status").read_text())
    missing = [name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1]
    found = f"root without {', '.join(missing)}" if missing else "root, with the capabilities a lab needs"
    return [Check("root", not missing, True, found, "use a virtual machine, or a privileged container")]


def effective_capabilities(status: str) -> int:
    """The effective set as a bit mask, from the text of /proc/PID/status. Raises ValueError when it has none."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    raise ValueError("/proc/self/status has no line CapEff")


def software() -> list[Check]:
    """The Python below the lab, and Mininet with what it imports."""
    version = platform.python_version()
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    remedy = f"Python {oldest} or newer: Debian 12, Ubuntu 24.04"
    python = Check("Python", sys.version_info >= _OLDEST_PYTHON, True, version, remedy)
    modules = ["mininet"] if sys.version_info < _WITHOUT_DISTUTILS else ["mininet", "setuptools"]
    return [python, *map(_module, modules)]


def _module(name: str) -> Check:
    found = importlib.util.find_spec(name) is not None
    remedy = "make the Python environment again: ./saglab doctor --install"
    return Check(f"Python module {name}", found, True, "found" if found else "not found", remedy)


def hardware() -> list[Check]:
    """What a lab can do without, but which says how far this machine carries."""
    return [_cores(), _memory(), _aes(), _cgroups()]


def _cores() -> Check:
    cores = len(os.sched_getaffinity(0))
    return Check("processor cores", cores >= _CORES, False, str(cores), f"{_CORES} cores; with fewer, tunnels are slower")


def _memory() -> Check:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Check("memory", size >= _MEMORY, False, f"{size / (1 << 30):.1f} GiB", "1 GiB or more")


def _aes() -> Check:
    found = has_aes((_PROC / "cpuinfo").read_text())
    remedy = "use --cipher chacha20-poly1305, which is fast without them"
    return Check("AES instructions", found, False, "yes" if found else "no", remedy)


def has_aes(cpuinfo: str) -> bool:
    """Whether the first processor in the text of /proc/cpuinfo lists AES ("flags" on x86, "Features" on ARM)."""
    for line in cpuinfo.splitlines():
        name, _, values = line.partition(":")
        if name.strip() in {"flags", "Features"}:
            return "aes" in values.split()
    return False


def _cgroups() -> Check:
    version = "2" if (_CGROUP / "cgroup.controllers").exists() else "1" if any(_CGROUP.glob("*/tasks")) else "none mounted"
    return Check("cgroup version", version != "none mounted", False, version, "mount -t cgroup2 cgroup2 /sys/fs/cgroup")
