"""OpenVPN in user space: AES-256-GCM, TLS between two certificates that know each other by fingerprint."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path as File

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from testbed.path import INNER_MTU, WAN_P, WAN_V, Path

_TUN = "tun0"
_CERTIFICATE, _KEY = "own.crt", "own.key"
_BUFFER = str(4 * 1024 * 1024)  # what our own dataplane asks for
_CIPHER = ("--disable-dco", "--data-ciphers", "AES-256-GCM", "--cipher", "AES-256-GCM")
_TUNED = ("--sndbuf", _BUFFER, "--rcvbuf", _BUFFER, "--txqueuelen", "5000", "--fast-io")


def start(path: Path) -> None:
    """Raises MachineError."""
    ends = {path.v: (WAN_P, ("--tls-client",)), path.p: (WAN_V, ("--tls-server", "--dh", "none"))}
    prints = {gateway: _certificate(path.directory(gateway)) for gateway in ends}
    for gateway, peer in ((path.v, path.p), (path.p, path.v)):
        remote, role = ends[gateway]
        files = ("--cd", str(path.directory(gateway)), "--cert", _CERTIFICATE, "--key", _KEY)
        tun = ("--dev", _TUN, "--dev-type", "tun", "--tun-mtu", str(INNER_MTU), "--ifconfig-noexec")
        known = ("--peer-fingerprint", prints[peer])
        path.spawn(gateway, "openvpn", "--remote", remote, "--proto", "udp", *role, *files, *known, *tun, *_CIPHER, *_TUNED)
    path.route_into(_TUN)


def _certificate(directory: File) -> str:
    """Write a certificate, good for a day, and its key. Returns its fingerprint as OpenVPN writes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, directory.name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / _CERTIFICATE).write_bytes(certificate.public_bytes(pem))
    (directory / _KEY).write_bytes(key.private_bytes(pem, *plain))
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()
