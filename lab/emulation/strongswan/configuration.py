"""What charon is told: once, in a file without secrets, and of its peer over vici, where the key goes too.

The keywords are those of strongswan.conf(5), swanctl.conf(5) and the README of strongSwan's vici plugin.
"""

from __future__ import annotations

from typing import Any

from dataplane.ike.identity import Identity
from dataplane.ike.numbers import IdKind
from lab.emulation.gateway import Options
from lab.topology import ANY, Tunnel, TunnelPeer

CONNECTION, CHILD = "lab", "net"

_PLUGINS = (
    "random nonce aesni openssl hmac kdf gcm chapoly curve25519 kernel-libipsec kernel-netlink socket-default vici resolve"
)

# Negotiated for 0.0.0.0/0, charon puts a default route into a table of its own. The rule for that table comes after the main
# table's (32766): what goes into the tunnel is the Topology's to say. Messages are repeated for 31.5 s, as our handshakes are.
# Nothing of a key is logged at these levels. DNS servers that a client is given are written where nobody but the lab reads them:
# what the machine asks is the Topology's to say, too.
_CHARON = """
charon {{
  load = {plugins}
  install_virtual_ip = no
  routing_table = 220
  routing_table_prio = 40000
  retransmit_timeout = 0.5
  retransmit_base = 2
  retransmit_tries = 5
  plugins {{ resolve {{
    file = {resolver}
    resolvconf {{ path = {resolver}.none }}
  }} }}
  filelog {{ lab {{
    path = {log}
    default = 1
    esp = 2
    flush_line = yes
  }} }}
}}
"""
_PATIENCE = 10  # seconds of silence after which charon asks; our choice

_GROUPS = ("x25519", "ecp256")
_AEAD = {"aes-128-gcm": "aes128gcm16", "aes-256-gcm": "aes256gcm16", "chacha20-poly1305": "chacha20poly1305"}
_IKE_AEAD = ("aes256gcm16", "aes128gcm16", "chacha20poly1305")

_ANY_ADDRESS = str(ANY.network_address)  # by which a client asks for whichever address the peer gives
_PREFIX = {IdKind.KEY_ID: "keyid", IdKind.FQDN: "fqdn", IdKind.IPV4_ADDR: "ipv4"}


def charon_conf(log: str, resolver: str) -> str:
    """The text of strongswan.conf. `resolver` is the file that gets the DNS servers of a lease, as resolv.conf(5) has them."""
    return _CHARON.format(plugins=_PLUGINS, log=log, resolver=resolver)


def connection(tunnel: Tunnel, peer: TunnelPeer, options: Options) -> dict[str, Any]:
    """A message for vici's load-conn.

    Who speaks first begins at once, and again when the other end goes or does not answer; not when it was refused.
    """
    return {
        CONNECTION: {
            "version": "2",
            "local_addrs": [str(tunnel.address)],
            "remote_addrs": [str(peer.endpoint[0])] if peer.endpoint else ["%any"],
            "proposals": [f"{aead}-prfsha256-{group}" for aead in _IKE_AEAD for group in _GROUPS],
            "encap": "yes",
            "mobike": "no",
            "dpd_delay": f"{options.patience or _PATIENCE}s",
            "keyingtries": "0",
            "local": {"auth": "psk", "id": identity(peer.authentication.local)},
            "remote": {"auth": "psk", "id": identity(peer.authentication.remote)},
            "children": {CHILD: _child(peer, options.cipher)},
            **({"vips": [_ANY_ADDRESS]} if peer.request_lease else {}),
        }
    }


def _child(peer: TunnelPeer, cipher: str) -> dict[str, Any]:
    again = "start" if peer.speaks_first else "none"
    return {
        "local_ts": ["dynamic" if peer.request_lease else str(ANY)],
        "remote_ts": [str(ANY)],
        "esp_proposals": [f"{_AEAD[cipher]}-{group}" for group in _GROUPS],
        "start_action": again,
        "close_action": again,
        "dpd_action": "restart" if peer.speaks_first else "clear",
    }


def secret(peer: TunnelPeer) -> dict[str, Any]:
    """A message for vici's load-shared."""
    return {"id": CONNECTION, "type": "IKE", "data": peer.authentication.key, "owners": [identity(peer.authentication.remote)]}


def identity(who: Identity) -> str:
    """As swanctl.conf writes it: in hexadecimal, so that no letter of a serial number means something else."""
    return f"{_PREFIX[IdKind(who.kind)]}:#{who.data.hex()}"
