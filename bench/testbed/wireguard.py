"""wireguard-go, WireGuard in user space."""

from __future__ import annotations

from functools import partial

from lab.emulation.machine import Machine
from testbed.path import NET_A, NET_B, WAN_P, WAN_V, Path
from testbed.waiting import cover_run, until

_TUN, _PORT = "tun0", "51820"


def start(path: Path) -> None:
    """Raises MachineError."""
    private = {gateway: gateway.run("wg", "genkey") for gateway in (path.v, path.p)}
    public = {gateway: gateway.run("wg", "pubkey", stdin=key).strip() for gateway, key in private.items()}
    for gateway in (path.v, path.p):
        cover_run(gateway)
        path.spawn(gateway, "wireguard-go", "--foreground", _TUN)
    for gateway, peer, address, network in ((path.v, path.p, WAN_P, NET_B), (path.p, path.v, WAN_V, NET_A)):
        until(f"wireguard-go of {gateway.name} to listen", partial(_listens, gateway))
        others = ("peer", public[peer], "endpoint", f"{address}:{_PORT}", "allowed-ips", network)
        gateway.run("wg", "set", _TUN, "listen-port", _PORT, "private-key", "/dev/stdin", *others, stdin=private[gateway])
    path.route_into(_TUN)


def _listens(gateway: Machine) -> bool:
    process = gateway.popen("wg", "show", _TUN)
    process.communicate()
    return bool(process.returncode == 0)
