"""tinc 1.0 in router mode, with its own choice of cipher."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from testbed.path import NET_A, NET_B, WAN_P, WAN_V, Path

_TUN = "tun0"
_BUFFER = 4 * 1024 * 1024  # what our own dataplane asks for

_SETTINGS = """
Name = {name}
DeviceType = tun
Interface = {device}
AddressFamily = ipv4
UDPSndBuf = {buffer}
UDPRcvBuf = {buffer}
{connect}
"""

_HOST = """
Address = {address}
Subnet = {network}
PMTUDiscovery = no
{key}
"""


def start(path: Path) -> None:
    """Raises MachineError."""
    keys = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("v", "p")}
    hosts = {"v": _host(WAN_V, NET_A, keys["v"]), "p": _host(WAN_P, NET_B, keys["p"])}
    for gateway, connect in ((path.p, ""), (path.v, "ConnectTo = p")):
        directory = path.directory(gateway)
        (directory / "hosts").mkdir()
        (directory / "tinc.conf").write_text(_SETTINGS.format(name=gateway.name, device=_TUN, connect=connect, buffer=_BUFFER))
        (directory / "rsa_key.priv").write_bytes(_private(keys[gateway.name]))
        for name, text in hosts.items():
            (directory / "hosts" / name).write_text(text)
        path.spawn(gateway, "tincd", "--config", str(directory), "--pidfile", f"{directory}/pid", "--no-detach")
    path.route_into(_TUN)


def _host(address: str, network: str, key: rsa.RSAPrivateKey) -> str:
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    return _HOST.format(address=address, network=network, key=public.decode())


def _private(key: rsa.RSAPrivateKey) -> bytes:
    form, plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain)
