"""A line's end: the frames that arrive at an interface, and those that are sent from it. packet(7)."""

from __future__ import annotations

import errno
import socket

from lab.errors import MachineError

# linux/if_packet.h, linux/if_ether.h, asm-generic/socket.h; Python's socket module does not name them
_SOL_PACKET = 263
_PACKET_VNET_HDR = 15
_PACKET_QDISC_BYPASS = 20
_PACKET_IGNORE_OUTGOING = 23
_ETH_P_ALL = 3
_SO_RCVBUFFORCE = 33

HEADER = 10  # bytes of a virtio_net_hdr before each frame: what of its checksum is left open (linux/virtio_net.h)
_GSO_TYPE = 1  # where it stands in the header

_BUFFER = 32 * 1024 * 1024  # bytes that may wait to be read; our choice: a tenth of a second of 2 Gbit/s
_LARGEST = HEADER + 14 + 65535


class Port:
    """A raw socket on an interface, which never blocks. A frame is read and sent together with the header before it.

    `super_frames` counts what arrived not cut up, and is treated as one frame: the ends of the link should cut. `refused` counts
    what the kernel would not send.
    """

    def __init__(self, interface: str) -> None:
        """Raises MachineError when there is no such interface, or no right to listen on it."""
        self.interface = interface
        self.super_frames = self.refused = 0
        self._buffer = memoryview(bytearray(_LARGEST))
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            for option in (_PACKET_VNET_HDR, _PACKET_QDISC_BYPASS, _PACKET_IGNORE_OUTGOING):
                self._socket.setsockopt(_SOL_PACKET, option, 1)
            self._socket.bind((interface, _ETH_P_ALL))
        except OSError as error:
            self._socket.close()
            raise MachineError(f"a line cannot have the interface {interface}: {error.strerror}") from error

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> bytes | None:
        """A header and its frame; None when none waits, or the interface is down. Raises MachineError when it is gone."""
        try:
            length = self._socket.recv_into(self._buffer)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno == errno.ENETDOWN:
                return None
            raise MachineError(f"a line has lost the interface {self.interface}: {error.strerror}") from error
        self.super_frames += self._buffer[_GSO_TYPE] != 0
        return bytes(self._buffer[:length])

    def send(self, frame: bytes) -> None:
        try:
            self._socket.send(frame)
        except OSError:  # its queue is full, or it is down: a wire has no way to complain either
            self.refused += 1
