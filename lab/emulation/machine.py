"""A Mininet node that realises a node of the Topology."""

from __future__ import annotations

from typing import Any

from mininet.node import Node as MininetNode

from lab.emulation.namespace import NetworkNamespace
from lab.errors import MachineError


class Machine(MininetNode):  # type: ignore[misc]  # Mininet has no types
    """A shell in a network and mount namespace of its own, configured through netlink instead of commands.

    Every kernel parameter that matters is set here, because a new namespace may inherit the host's.
    """

    def __init__(self, name: str, **params: Any) -> None:
        super().__init__(name, **params)
        self.namespace = NetworkNamespace(self.pid)
        self.namespace.set_sysctls(
            {
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
        )
        self.netlink = self.namespace.netlink
        self.netlink.link("set", index=1, state="up")

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

    def add_veth_pair(self, name: str) -> None:
        """A device that leads nowhere: a veth pair whose other end nobody reads."""
        self.netlink.link("add", kind="veth", ifname=name, peer={"ifname": f"{name}-end"})
        for end in (name, f"{name}-end"):
            self.netlink.link("set", index=self.interface_index(end), state="up")

    def set_forwarding(self, enabled: bool) -> None:
        self.namespace.set_sysctls({"ipv4/ip_forward": int(enabled)})

    def interface_index(self, name: str) -> int:
        """The kernel's index of an interface. Raises MachineError when the node has none of that name."""
        found = self.netlink.link_lookup(ifname=name)
        if not found:
            raise MachineError(f"node {self.name} has no interface {name}")
        return int(found[0])

    def terminate(self) -> None:
        self.namespace.close()
        super().terminate()
