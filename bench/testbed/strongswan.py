"""strongSwan with ESP in user space (kernel-libipsec), AES-GCM in UDP."""

from __future__ import annotations

from pathlib import Path as File

from lab.emulation.machine import Machine
from testbed.path import NET_A, NET_B, WAN_P, WAN_V, Path
from testbed.waiting import cover_run, until

CHARON = "/usr/lib/ipsec/charon"
_TUN = "ipsec0"
_PLUGINS = "random nonce aesni openssl hmac kdf gcm curve25519 kernel-libipsec kernel-netlink socket-default vici"

_SETTINGS = """
charon {{
  load = {plugins}
  install_virtual_ip = no
}}
"""

_CONNECTION = """
connections {{ bench {{
  version = 2
  local_addrs = {here}
  remote_addrs = {there}
  proposals = aes256gcm16-prfsha256-x25519
  encap = yes
  mobike = no
  local {{ auth = psk
    id = {here} }}
  remote {{ auth = psk
    id = {there} }}
  children {{ net {{
    local_ts = {behind}
    remote_ts = {beyond}
    esp_proposals = {esp}-x25519 }} }}
}} }}
secrets {{ ike {{ secret = "not a secret" }} }}
"""


def start(path: Path, esp: str) -> None:
    """`esp` is a cipher as strongSwan names it. Raises MachineError."""
    ends = ((path.p, WAN_P, WAN_V, NET_B, NET_A), (path.v, WAN_V, WAN_P, NET_A, NET_B))
    for gateway, here, there, behind, beyond in ends:
        directory = path.directory(gateway)
        (directory / "strongswan.conf").write_text(_SETTINGS.format(plugins=_PLUGINS))
        fields = {"here": here, "there": there, "behind": behind, "beyond": beyond, "esp": esp}
        (directory / "swanctl.conf").write_text(_CONNECTION.format(**fields))
        cover_run(gateway)
        path.spawn(gateway, "env", f"STRONGSWAN_CONF={directory}/strongswan.conf", CHARON)
        until(f"charon of {gateway.name} to listen", File(f"/proc/{gateway.pid}/root/run/charon.vici").exists)
        _swanctl(gateway, directory, "--load-all", "--file", f"{directory}/swanctl.conf")
    _swanctl(path.v, path.directory(path.v), "--initiate", "--child", "net")
    path.route_into(_TUN)


def _swanctl(gateway: Machine, directory: File, *arguments: str) -> None:
    gateway.run("env", f"STRONGSWAN_CONF={directory}/strongswan.conf", "swanctl", *arguments)
