"""Software of others that a tunnel is tried against: strongSwan as the other end, tshark as reader. No lab needs it."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.doctor.check import Check
from lab.doctor.tools import search_path

STRONGSWAN, TSHARK = "strongSwan", "tshark"

# Commands and files, and the Debian or Ubuntu package that brings each. The launcher has the same list.
_PLUGINS = "/usr/lib/ipsec/plugins/libstrongswan-"
PACKAGES = {
    STRONGSWAN: {
        "/usr/lib/ipsec/charon": "strongswan-charon",
        "swanctl": "strongswan-swanctl",
        f"{_PLUGINS}kernel-libipsec.so": "libcharon-extra-plugins",
        f"{_PLUGINS}openssl.so": "libstrongswan-standard-plugins",
        f"{_PLUGINS}chapoly.so": "libstrongswan-extra-plugins",
    },
    TSHARK: {"tshark": "tshark"},
}
_COMMANDS = {STRONGSWAN: "./saglab run vcpe-strongswan, or ./saglab test --interop", TSHARK: "./saglab test --interop"}

_UNITS = Path("/etc/systemd/system")
_SERVICE = "strongswan-starter.service"  # comes with strongswan-charon, and starts it for the machine itself
_PID = Path("/run/charon.pid")


def judges() -> list[Check]:
    """One check for each, and one that strongSwan does not serve the machine itself."""
    return [judge(STRONGSWAN), judge(TSHARK), _service()]


def judge(name: str) -> Check:
    """Whether all of it is there."""
    missing = sorted({package for file, package in PACKAGES[name].items() if not _is_there(file)})
    found = f"without {', '.join(missing)}" if missing else "found"
    return Check(name, not missing, False, found, f"as root, {_COMMANDS[name]} installs it; only they use it")


def _is_there(file: str) -> bool:
    return Path(file).exists() if file.startswith("/") else shutil.which(file, path=search_path()) is not None


def _service() -> Check:
    """A charon of the machine's own disturbs no lab, but answers the world on UDP 500 and 4500."""
    remedy = f"systemctl disable --now {_SERVICE}, unless this machine has tunnels of its own"
    found = "runs, and holds UDP 500 and 4500" if _runs() else "starts with the machine" if _starts() else ""
    return Check("strongSwan's own service", not found, False, found or "off", remedy)


def _runs() -> bool:
    try:
        return Path("/proc", _PID.read_text().strip(), "exe").readlink().name == "charon"
    except OSError:
        return False


def _starts() -> bool:
    masked = (_UNITS / _SERVICE).is_symlink() and (_UNITS / _SERVICE).readlink() == Path("/dev/null")
    return (_UNITS / "multi-user.target.wants" / _SERVICE).is_symlink() and not masked
