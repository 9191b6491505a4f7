"""A gateway that many others call: peers for it, and the process that calls in their name."""

from __future__ import annotations

import json
from typing import Any

from lab.emulation.machine import Machine
from testbed.many import GATEWAY_NAME, name_of, network_of, psk_of
from testbed.path import Path
from testbed.programs import Program, ask


def add_peers(path: Path, gateway: Machine, first: int, count: int) -> None:
    """Let the gateway serve so many peers more."""
    us = {"type": "fqdn", "value": GATEWAY_NAME}
    for number in range(first, first + count):
        ike = {"identity": us, "remote_identity": {"type": "key_id", "value": name_of(number)}}
        peer = {"name": name_of(number), "prefixes": [str(network_of(number))], "ike": ike}
        ask(path, gateway, op="add_peer", peer=peer, keys={"psk": psk_of(number).hex()})


class Callers:
    """The process of many.py on a node of the path, or of another program that takes the same."""

    def __init__(self, node: Machine, address: str, gateway: str, port: int, program: str = "many") -> None:
        self._program = Program(node, program, address, gateway, port)
        self._program.line()

    def ask(self, do: str, **message: Any) -> dict[str, Any]:
        """Raises MachineError when the process is gone."""
        self._program.tell({"do": do, **message})
        answer: dict[str, Any] = json.loads(self._program.line())
        return answer
