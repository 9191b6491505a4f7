"""What a running worker may do and read: nothing but carry packets."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from dataplane.config import WORKER_USER
from tests.dataplane.test_process import Process, process, running

__all__ = ["process"]

pytestmark = [
    pytest.mark.emulation,
    pytest.mark.skipif(os.geteuid() != 0, reason="a TUN device and a network namespace need root"),
]

ME = str(WORKER_USER)
STATUS = {
    "Uid": [ME] * 4,  # real, effective, saved, of the file system
    "Gid": [ME] * 4,
    "Groups": [],
    "CapInh": ["0" * 16],
    "CapPrm": ["0" * 16],
    "CapEff": ["0" * 16],
    "CapBnd": ["0" * 16],
    "CapAmb": ["0" * 16],
    "NoNewPrivs": ["1"],
    "Seccomp": ["2"],  # a filter
}


def worker_of(handle: subprocess.Popen[str]) -> int:
    (pid,) = Path(f"/proc/{handle.pid}/task/{handle.pid}/children").read_text().split()
    return int(pid)


def status_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, value in (line.split(":", 1) for line in lines)}


@pytest.mark.parametrize("user", [WORKER_USER, 61111, "nobody"])
def test_worker_has_no_privilege(process: Process, user: int | str) -> None:
    process.config["user"] = user
    with running(process) as handle:
        status = status_of(worker_of(handle))
        me = subprocess.run(["id", "-u", str(user)], capture_output=True, text=True, check=False).stdout.strip() or str(user)
        expected = STATUS | {"Uid": [me] * 4, "Gid": [status["Gid"][0] if user == "nobody" else me] * 4}
        assert {name: status[name] for name in STATUS} == expected
        assert status["Gid"][0] != "0"
        limits = Path(f"/proc/{worker_of(handle)}/limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits)
        assert Path(f"/proc/{worker_of(handle)}/mem").stat().st_uid == 0  # it is not dumpable, so /proc gives it to root
