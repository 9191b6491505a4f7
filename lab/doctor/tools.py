"""The commands a lab calls, a library, and the Debian or Ubuntu package that brings each."""

from __future__ import annotations

import ctypes
import os
import shutil
from dataclasses import replace

from lab.doctor.check import Check

# The launcher `saglab` has the same list, because it has to work before any Python does.
PACKAGES = {
    "mnexec": "mininet",
    "ip": "iproute2",
    "tc": "iproute2",
    "nft": "nftables",
    "ping": "iputils-ping",
    "fping": "fping",
    "ifconfig": "net-tools",
    "ethtool": "ethtool",
    "tcpdump": "tcpdump",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "modprobe": "kmod",
    "ps": "procps",
    "dnsmasq": "dnsmasq-base",  # PrivateZone's servers, and the public resolver
    "getent": "libc-bin",
    "libseccomp.so.2": "libseccomp2",  # with which a dataplane's worker gives up system calls
}

# What lays drawings out; the launcher installs it for who asks for one.
DRAWING = {"dot": "graphviz"}

_SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # not on an ordinary user's PATH


def commands() -> list[Check]:
    """One check for each command, and for the library."""
    return [(_library if ".so." in name else _command)(name, package) for name, package in PACKAGES.items()]


def drawing() -> list[Check]:
    """One check for each command that only drawings need."""
    remedy = "as root, ./saglab diagram SCENARIO --output FILE.svg installs it; other drawings are text and need nothing"
    return [replace(_command(name, package), required=False, remedy=remedy) for name, package in DRAWING.items()]


def _command(name: str, package: str) -> Check:
    path = shutil.which(name, path=search_path())
    remedy = f"install the package {package}: as root, ./saglab doctor --install"
    return Check(f"command {name}", path is not None, True, path or "not found", remedy)


def _library(name: str, package: str) -> Check:
    remedy = f"install the package {package}: as root, ./saglab doctor --install"
    try:
        ctypes.CDLL(name)
    except OSError:
        return Check(f"library {name}", False, True, "not found", remedy)
    return Check(f"library {name}", True, True, "found", remedy)


def search_path() -> str:
    """PATH, with the directories of system commands at its end."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_DIRECTORIES))
