"""A shell in a running lab, from which every node is a word away."""

from __future__ import annotations

import re
import shlex
import subprocess

from lab.emulation.emulation import Emulation
from lab.emulation.sandbox import RUNTIME
from lab.topology import Topology

_SAFE = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


def short_names(topology: Topology) -> dict[str, str]:
    """A short name for each node, by its full one: the label where that is plain and unique, else the generated name."""
    labels = [node.label for node in topology.nodes]
    return {
        node.name: node.label if _SAFE.fullmatch(node.label) and labels.count(node.label) == 1 else node.name
        for node in topology.nodes
    }


def open_shell(emulation: Emulation) -> None:
    """An interactive bash on the caller's terminal; `on NODE COMMAND` runs a command in a node. Returns when it ends."""
    names = short_names(emulation.topology)
    start = RUNTIME / "shell.bash"
    start.write_text(_script({names[node]: " ".join(machine.entry()) for node, machine in emulation.machines.items()}))
    subprocess.run(["bash", "--rcfile", str(start), "-i"], check=False)


def _script(nodes: dict[str, str]) -> str:
    cases = "\n".join(f"    {shlex.quote(name)}) enter='{entry}' ;;" for name, entry in nodes.items())
    listing = " ".join(nodes)
    return f"""
on() {{
  local enter
  case ${{1-}} in
{cases}
    *) echo "usage: on NODE COMMAND…; the nodes are: {listing}" >&2; return 2 ;;
  esac
  shift
  if [ $# = 0 ]; then set -- bash --norc -i; fi
  $enter "$@"
}}
PS1='[lab] \\w # '
echo "The lab is up. on NODE COMMAND… runs a command in a node: {listing}"
echo "Without a command it opens a shell there. exit takes the lab down."
"""
