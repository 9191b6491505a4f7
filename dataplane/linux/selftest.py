"""What this kernel does right of what we would have it do. Asked once at start, for some versions do it wrong.

Linux 6.6.44 refused to take super-packets at TUN devices; some of the 7.0 series mixed up what UDP GSO cut.
"""

from __future__ import annotations

import select
import struct

from dataplane import ipv4
from dataplane.linux.tun import Tun
from dataplane.linux.udp import UnderlaySocket
from dataplane.memory import zeros
from dataplane.superpacket import ACK, TCP_CHECKSUM, TCP_HEADER_LENGTH, UDP_CHECKSUM, UDP_HEADER_LENGTH
from dataplane.virtio import GSO_TCPV4, GSO_UDP_L4, NEEDS_CHECKSUM, Offload

LOOPBACK = 0x7F000001
SIZE = 100
PIECES = 3
PATIENCE = 0.05  # seconds
"""Our choice. Where nothing comes back, the loopback interface is down, and nothing can be told."""

_TCP = struct.Struct("!HHIIBBHHH")
_UDP = struct.Struct("!HHHH")


def takes_superpackets(tun: Tun, protocol: int) -> bool:
    """Whether the device takes super-packets of TCP or UDP. It is given one that the kernel then drops: a martian."""
    payload = bytes(SIZE * PIECES)
    if protocol == ipv4.PROTOCOL_TCP:
        head = _TCP.pack(1, 1, 0, 0, TCP_HEADER_LENGTH // 4 << 4, ACK, 0, 0, 0)
        gso_type, place = GSO_TCPV4, TCP_CHECKSUM
    else:
        head = _UDP.pack(1, 1, UDP_HEADER_LENGTH + len(payload), 0)
        gso_type, place = GSO_UDP_L4, UDP_CHECKSUM
    header = ipv4.build_header(
        protocol=protocol, source=LOOPBACK, destination=LOOPBACK, payload_length=len(head) + len(payload), tos=0, ttl=1
    )
    offload = Offload(NEEDS_CHECKSUM, gso_type, len(header) + len(head), SIZE, len(header), place)
    try:
        tun.write_superpacket(offload.pack(), (header, head, payload))
    except OSError:
        return False
    return True


def sends_batches(underlay: UnderlaySocket) -> bool:
    """Whether what leaves in one system call comes as the datagrams that it should be: we send some to ourselves."""
    wanted = [bytes([number + 1]) * SIZE for number in range(PIECES)] + [b"\xff" * (SIZE // 2)]
    try:
        underlay.send_batch([b"".join(wanted)], SIZE, underlay.endpoint, 0)
    except OSError:
        return False
    came = _receive_own(underlay, len(wanted))
    return came == wanted or not came


def _receive_own(underlay: UnderlaySocket, most: int) -> list[bytes]:
    """What we sent to ourselves, datagram by datagram. Whatever else comes meanwhile is lost, as it was before we started."""
    buffer = zeros(65536)
    came: list[bytes] = []
    poll = select.poll()
    poll.register(underlay, select.POLLIN)
    while len(came) < most and poll.poll(PATIENCE * 1000):
        try:
            length, stride, endpoint, _ = underlay.receive_into(buffer)
        except BlockingIOError:
            continue  # the kernel had something to say about a datagram
        if endpoint == underlay.endpoint and stride:
            came += [bytes(buffer[start : min(start + stride, length)]) for start in range(0, length, stride)]
    return came
