"""An agent with workers of a test's own making, in a network namespace of its own."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dataplane.config import Config, parse_config
from dataplane.linux.agent import Agent
from dataplane.linux.channel import Channel
from dataplane.linux.grants import Grants

CLONE_NEWNET = 0x40000000
Work = Callable[[Channel], int]


def configuration(directory: Path, **changes: Any) -> Config:
    document = {
        "name": "vcpe",
        "tun": {"name": "tun0"},
        "underlay": {"address": "127.0.0.1", "port": 4500},
        "icmp_source": "10.0.1.10",
        "control": str(directory / "vcpe.sock"),
        "keys_fd": 3,
        "eni_check": None,
        "peers": [],
    }
    return parse_config(json.dumps(document | changes))


def serve(config: Config, *works: Work, before: Callable[[], None] = lambda: None) -> tuple[int, list[str]]:
    """The exit status of an agent that serves these workers, and the lines that they and it wrote.

    `before` runs in the agent's process, with its privileges, in the new namespace.
    """
    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if pid == 0:
            _end_with(lambda: _serve(config, works, before), output.fileno())
        _, status = os.waitpid(pid, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read().decode().splitlines()


def _serve(config: Config, works: tuple[Work, ...], before: Callable[[], None]) -> int:
    if ctypes.CDLL(None).unshare(CLONE_NEWNET):
        raise OSError("unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    before()
    agent = Agent(Grants(config))
    for work in works:
        agent.start(work)
    return agent.serve()


def _end_with(function: Callable[[], int], output: int) -> None:
    """End this forked process with the function's result, and never return into pytest."""
    status = 99
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        # pytest puts objects of its own in their place
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        status = function()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
