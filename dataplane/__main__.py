"""`python -m dataplane --config FILE`: one gateway's tunnels, between a TUN device and UDP/4500, with IKE there and on UDP/500.

Writes "ready" and a newline to standard output once packets pass. Ends with 0 when told to (SIGTERM, SIGINT), with 2 when it
cannot start, each reason on a line of standard error, and with 1 when the TUN device is taken away from under it, or its worker
is killed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dataplane.config import Config, ConfigError, parse_config
from dataplane.errors import LocalError
from dataplane.linux.agent import Agent
from dataplane.linux.grants import Grants
from dataplane.linux.privileges import Identity, identity_of, require_root
from dataplane.linux.status import CANNOT_START, complain
from dataplane.linux.worker import work


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to end. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dataplane", description="A gateway's packet engine.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration, a JSON object")
    path = parser.parse_args(arguments).config
    try:
        config, identity = load(path)
        require_root()
        keys = _take_over(config.keys_fd)
    except LocalError as error:
        return complain(error, CANNOT_START)
    agent = Agent(Grants(config))
    agent.start(lambda channel: work(config, identity, keys, channel))
    os.close(keys)  # unread
    return agent.serve()


def load(path: Path) -> tuple[Config, Identity]:
    """A configuration, and whom its worker becomes. Raises LocalError."""
    config = parse_config(_read_file(path))
    return config, identity_of(config.user)


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LocalError(f"configuration {path}: {error.strerror}") from error


def _take_over(descriptor: int) -> int:
    """The inherited file of the keys, under a number of our own: what is opened from now on could take a wrong one's place."""
    try:
        keys = os.dup(descriptor)
        os.close(descriptor)
    except OSError as error:
        raise ConfigError([f"keys_fd: {descriptor} cannot be read: {error.strerror}"]) from error
    return keys


if __name__ == "__main__":
    sys.exit(main())
