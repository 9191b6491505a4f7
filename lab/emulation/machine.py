"""A Mininet node that realises a node of the Topology."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import termios
import time
from collections.abc import Collection
from typing import Any

from lab.emulation.descriptors import aside
from lab.emulation.mininet import Node as MininetNode
from lab.emulation.namespace import NetworkNamespace
from lab.emulation.nftables import run_nft
from lab.emulation.rtnetlink import RouteSocket
from lab.errors import MachineError

_PROMPT = chr(127)  # by which Mininet knows that the shell waits for a command
_LOCAL_MODES = 3  # their place among those that termios returns
_PREPARATION = "unset HISTFILE; set +m\n"  # leave no history, tell of no jobs
_STARTS_WITHIN = 20.0  # seconds; a slow machine under emulation takes several
_LOOK_AGAIN = 0.5  # seconds after which is seen whether a silent shell still lives

_PARAMETERS: dict[str, str | int] = {
    "ipv6/conf/all/disable_ipv6": 1,
    "ipv6/conf/default/disable_ipv6": 1,
    "ipv4/ip_forward": 0,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/conf/all/accept_redirects": 0,
    "ipv4/conf/default/accept_redirects": 0,
    "ipv4/conf/all/send_redirects": 0,
    "ipv4/conf/default/send_redirects": 0,
    "ipv4/icmp_ratelimit": 0,
    "ipv4/ping_group_range": "0 2147483647",
}
_LOOPBACK = 1  # its number in every namespace


class Machine(MininetNode):  # type: ignore[misc]  # Mininet has no types
    """A shell in a network and mount namespace of its own, configured through netlink instead of commands.

    Every kernel parameter that matters is set here, because a new namespace may inherit the host's. With `ready` False it is only
    launched, so that many can start at the same time: `get_ready` comes before anything else. Both raise MachineError.
    """

    def __init__(self, name: str, *, ready: bool = True) -> None:
        self._namespace: NetworkNamespace | None = None
        self._lifeline: int | None = None
        super().__init__(name)
        if ready:
            self.get_ready()

    def startShell(self, mnopts: str | None = None) -> None:  # noqa: N802 - Mininet calls it
        """Launch what Mininet launches, but wait for nothing and start no program to set the terminal up."""
        self.master, self.slave = map(aside, pty.openpty())
        modes = termios.tcgetattr(self.slave)
        modes[_LOCAL_MODES] &= ~termios.ECHO
        termios.tcsetattr(self.slave, termios.TCSANOW, modes)
        shell = ["bash", "--norc", "--noediting", "-is", f"mininet:{self.name}"]
        terminal = {"stdin": self.slave, "stdout": self.slave, "stderr": self.slave, "close_fds": False}
        self.shell = self._popen(["mnexec", mnopts or "-cdn", *shell], env={**os.environ, "PS1": _PROMPT}, **terminal)
        self.stdin = self.stdout = os.fdopen(self.master)
        self.pid = self.shell.pid
        self.pollOut = select.poll()
        self.pollOut.register(self.stdout)
        self.inToNode[self.master] = self.outToNode[self.master] = self
        self.write(_PREPARATION)

    def get_ready(self) -> None:
        """Wait for the shell, and prepare its namespace. Raises MachineError."""
        self._await_prompts(2)  # one as it begins, one after the preparation
        self._lifeline = aside(os.pidfd_open(self.pid))
        self._namespace = NetworkNamespace(self.pid)
        self._namespace.set_sysctls(_PARAMETERS)
        self.kernel.set_up(_LOOPBACK)

    def _await_prompts(self, number: int) -> None:
        deadline = time.monotonic() + _STARTS_WITHIN
        said = ""
        while said.count(_PROMPT) < number:
            left = deadline - time.monotonic()
            if left <= 0 or self.shell.poll() is not None:
                raise MachineError(f"the shell of node {self.name} did not start: {said.strip()}")
            if self.pollOut.poll(1000 * min(left, _LOOK_AGAIN)):
                said += self.read()

    @property
    def namespace(self) -> NetworkNamespace:
        if self._namespace is None:
            raise MachineError(f"node {self.name} is not ready")
        return self._namespace

    @property
    def lifeline(self) -> int:
        """A descriptor that is readable once the node's process has ended, and with it the node."""
        if self._lifeline is None:
            raise MachineError(f"node {self.name} is not ready")
        return self._lifeline

    @property
    def has_ended(self) -> bool:
        return self.shell is None or self.shell.poll() is not None

    @property
    def kernel(self) -> RouteSocket:
        """Its links, addresses, routes and rules."""
        return self.namespace.kernel

    @property
    def netlink(self) -> Any:
        """pyroute2's IPRoute."""
        return self.namespace.netlink

    def popen(self, *command: Any, **options: Any) -> Any:
        """Start a process in the node, out of reach of the terminal's Ctrl-C.

        By nsenter, because mnexec would leave a chroot that saglab itself runs in: a mount namespace's root is the host's.
        """
        return super().popen(*command, **({"mncmd": self.entry(), "start_new_session": True} | options))

    def entry(self) -> list[str]:
        """What to put before a command to run it in the node."""
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", "--root", "--wd", "--"]

    def run(self, *command: str, stdin: str = "") -> str:
        """Run a command in the node and return what it printed. Raises MachineError with its own words when it fails."""
        process = self.popen(*command, stdin=-1)
        out, err = process.communicate(stdin.encode())
        if process.returncode != 0:
            said = err.decode(errors="replace").strip() or out.decode(errors="replace").strip()
            raise MachineError(f"{command[0]} failed in node {self.name} with status {process.returncode}: {said}")
        return str(out.decode(errors="replace"))

    def run_nft(self, commands: str, *, json: bool = False) -> str:
        """What nft prints when it carries out the commands in the node, in one transaction. Raises MachineError."""
        try:
            return run_nft(self.namespace, commands, json=json)
        except MachineError as error:
            raise MachineError(f"node {self.name}: {error}") from error

    def add_veth_pair(self, name: str) -> None:
        """A device that leads nowhere: a veth pair whose other end nobody reads."""
        self.kernel.add_veth(name, f"{name}-end")
        for end in (name, f"{name}-end"):
            self.kernel.set_up(self.interface_index(end))

    def set_forwarding(self, enabled: bool) -> None:
        self.namespace.set_sysctls({"ipv4/ip_forward": int(enabled)})

    def interface_index(self, name: str) -> int:
        """The kernel's index of an interface. Raises MachineError when the node has none of that name."""
        found = self.kernel.index(name)
        if found is None:
            raise MachineError(f"node {self.name} has no interface {name}")
        return found

    def hang_up(self) -> None:
        """Tell the shell to end, and do not wait. `terminate` does both."""
        if self.shell is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(self.pid, signal.SIGHUP)

    def terminate(self) -> None:
        if self._namespace is not None:
            self._namespace.close()
            self._namespace = None
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        super().terminate()


def terminate_all(machines: Collection[Machine]) -> None:
    """End several at the same time."""
    for machine in machines:
        machine.hang_up()
    for machine in machines:
        machine.terminate()
