"""The underlay: UDP sockets of ESP and its keepalives, of the IKE that shares their port (RFC 3948), and of IKE alone."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from typing import NamedTuple, TypeVar

from dataplane.errors import LocalError
from dataplane.packets import Buffer, Endpoint, PathReport

# linux/in.h, asm-generic/socket.h; Python's socket module does not name them
_IP_MTU_DISCOVER = 10
_IP_PMTUDISC_PROBE = 3
_IP_RECVERR = 11
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33
_SO_RXQ_OVFL = 40
_SO_ATTACH_REUSEPORT_CBPF = 51

# linux/filter.h: a program for sockets that share a port, which returns the number of the one that gets a datagram. It sees the
# payload; of one shorter than what it looks at, socket 0 is the answer.
_INSTRUCTION = struct.Struct("HBBI")
_IKE_TO_THE_SECOND = b"".join(
    _INSTRUCTION.pack(*instruction)
    for instruction in (
        (0x20, 0, 0, 0),  # load the first word: an SPI, or
        (0x15, 0, 1, 0),  # 0 for IKE (RFC 3948 §2.2)
        (0x06, 0, 0, 1),  # return 1
        (0x06, 0, 0, 0),  # return 0
    )
)
_PROGRAM = struct.Struct("HxxxxxxP")

# linux/errqueue.h: struct sock_extended_err, behind which the address of the router stands
_EXTENDED_ERROR = struct.Struct("IBBBxII")
_SO_EE_ORIGIN_LOCAL = 1
_SOCKADDR_LENGTH = 16

# linux/udp.h
_SOL_UDP = 17
_UDP_SEGMENT = 103
_UDP_GRO = 104

_SEGMENT = struct.Struct("H")
_STRIDE = struct.Struct("i")
_COUNT = struct.Struct("I")
_ANCILLARY_LENGTH = socket.CMSG_SPACE(1) + socket.CMSG_SPACE(_STRIDE.size) + socket.CMSG_SPACE(_COUNT.size)
_ERROR_LENGTH = socket.CMSG_SPACE(_EXTENDED_ERROR.size + _SOCKADDR_LENGTH) + _ANCILLARY_LENGTH
_QUOTED_LENGTH = 64  # bytes of a returned payload that are looked at

REPORTS_KEPT = 64
"""Reports that wait to be taken, and that are read at a time. Our choice: later ones say nothing new."""

ATTEMPTS = 8
"""Of a call that the kernel answers with news of earlier datagrams. Our choice: more would only serve who floods us with ICMP."""

BUFFER_SIZE = 4 * 1024 * 1024
"""Bytes of each socket buffer. Our choice: some 40 ms of a gigabit a second, so that a pause of the process loses nothing."""


Result = TypeVar("Result")
Ancillary = tuple[int, int, bytes]


class UnderlayError(LocalError):
    """The underlay's address and port cannot be had."""


class Received(NamedTuple):
    """What one read gave: `length` bytes, of which every `stride` are a datagram, all of one sender and one TOS byte."""

    length: int
    stride: int
    endpoint: Endpoint
    tos: int


class UnderlaySocket:
    """An open UDP socket that never blocks and never lets the kernel fragment what it sends."""

    def __init__(self, underlay: socket.socket) -> None:
        """Take over what `open_underlay` returned."""
        underlay.setblocking(False)  # a socket that came by its descriptor does not know it yet
        self._socket = underlay
        self.reports: deque[PathReport] = deque(maxlen=REPORTS_KEPT)
        """What was heard of the paths, until it is taken."""
        self.overflows = 0
        """Datagrams that came while the receive buffer was full, modulo 2^32. The kernel says so with the next one."""

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    @property
    def endpoint(self) -> Endpoint:
        """What it is bound to."""
        endpoint: Endpoint = self._socket.getsockname()
        return endpoint

    def gather(self, *, wanted: bool) -> None:
        """Have the kernel hand over several datagrams of one size in one read, or each alone. udp(7), UDP_GRO."""
        with contextlib.suppress(OSError):  # older than Linux 5.0, which hands over each alone
            self._socket.setsockopt(_SOL_UDP, _UDP_GRO, wanted)

    def leave_ike_to_next(self) -> bool:
        """Have the kernel give IKE to the socket that is bound next to the same port, which both share. Returns whether it will.

        So a flood of IKE fills no buffer but its own, and ESP need not wait behind it.
        """
        program = ctypes.create_string_buffer(_IKE_TO_THE_SECOND, len(_IKE_TO_THE_SECOND))
        length = len(_IKE_TO_THE_SECOND) // _INSTRUCTION.size
        try:
            self._socket.setsockopt(
                socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, _PROGRAM.pack(length, ctypes.addressof(program))
            )
        except OSError:
            return False  # older than Linux 4.5
        return True

    def receive_into(self, buffer: memoryview) -> Received:
        """Read a datagram, or several if they were gathered. Raises BlockingIOError when none waits."""
        try:
            length, ancillary, _, endpoint = self._socket.recvmsg_into((buffer,), _ANCILLARY_LENGTH)
        except BlockingIOError:
            raise
        except OSError as error:
            length, ancillary, _, endpoint = self._receive_again(error, buffer)
        stride, tos = length, 0
        for level, kind, data in ancillary:
            if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS):
                tos = data[0]
            elif (level, kind) == (_SOL_UDP, _UDP_GRO):
                (stride,) = _STRIDE.unpack(data)
            elif (level, kind) == (socket.SOL_SOCKET, _SO_RXQ_OVFL):
                (self.overflows,) = _COUNT.unpack(data)
        return Received(length, stride, endpoint, tos)

    def _receive_again(self, error: OSError, buffer: memoryview) -> tuple[int, list[Ancillary], int, Endpoint]:
        try:
            return self._again(error, self._socket.recvmsg_into, (buffer,), _ANCILLARY_LENGTH)
        except BlockingIOError:
            raise
        except OSError as lasting:  # no datagram is at fault: ICMP comes faster than we read
            raise BlockingIOError(errno.EAGAIN, "nothing but news of earlier datagrams") from lasting

    def send(self, payload: Buffer, endpoint: Endpoint, tos: int = 0) -> None:
        """Send one datagram. Raises BlockingIOError when the buffer is full, OSError when the kernel refuses it."""
        if tos:
            ancillary = [(socket.IPPROTO_IP, socket.IP_TOS, bytes([tos]))]
            self._despite_errors(self._socket.sendmsg, [payload], ancillary, 0, endpoint)
            return
        try:
            self._socket.sendto(payload, endpoint)
        except BlockingIOError:
            raise
        except OSError as error:
            self._again(error, self._socket.sendto, payload, endpoint)

    def send_batch(self, parts: Sequence[Buffer], segment: int, endpoint: Endpoint, tos: int) -> None:
        """Send a datagram for every `segment` bytes of `parts` together: udp(7), UDP_SEGMENT.

        Raises BlockingIOError when the buffer is full, OSError when the kernel refuses all of them.
        """
        ancillary = [(_SOL_UDP, _UDP_SEGMENT, _SEGMENT.pack(segment))]
        if tos:
            ancillary.append((socket.IPPROTO_IP, socket.IP_TOS, bytes([tos])))
        self._despite_errors(self._socket.sendmsg, parts, ancillary, 0, endpoint)

    def take_reports(self) -> list[PathReport]:
        """What was heard of the paths since the last call."""
        reports = list(self.reports)
        self.reports.clear()
        return reports

    def _despite_errors(self, call: Callable[..., Result], *arguments: object) -> Result:
        """The kernel answers a call with what ICMP said about an earlier datagram, once. That must not cost the one at hand."""
        try:
            return call(*arguments)
        except BlockingIOError:
            raise
        except OSError as error:
            return self._again(error, call, *arguments)

    def _again(self, error: OSError, call: Callable[..., Result], *arguments: object) -> Result:
        """Repeat a call that failed. Raises its error if that was about the call itself."""
        if error.errno == errno.ENOBUFS:
            raise error  # a queue behind the socket is full
        try:
            return _persist(call, *arguments)
        finally:
            self.drain_errors()  # or the socket would go on waking us

    def drain_errors(self) -> None:
        """Read what the kernel has to say about datagrams sent before; a socket with such news is ready for reading.

        No more than is kept at a time: a flood of ICMP must not hold up what else there is to do.
        """
        for _ in range(REPORTS_KEPT):
            try:
                quoted, ancillary, _, endpoint = self._socket.recvmsg(_QUOTED_LENGTH, _ERROR_LENGTH, socket.MSG_ERRQUEUE)
            except BlockingIOError:
                return
            for level, kind, data in ancillary:
                if (level, kind) == (socket.IPPROTO_IP, _IP_RECVERR):
                    self._note(endpoint, quoted, data)

    def _note(self, endpoint: Endpoint, quoted: bytes, error: bytes) -> None:
        """Keep what is about sizes. What else ICMP says is not authentic, and a peer's silence tells as much."""
        number, origin, _, _, mtu, _ = _EXTENDED_ERROR.unpack_from(error)
        if number == errno.EMSGSIZE:
            self.reports.append(PathReport(endpoint, mtu, quoted, origin == _SO_EE_ORIGIN_LOCAL))


def _persist(call: Callable[..., Result], *arguments: object) -> Result:
    """Between two attempts ICMP may have brought more news; an error that is about the datagram at hand comes each time."""
    for _ in range(ATTEMPTS - 2):
        try:
            return call(*arguments)
        except BlockingIOError:
            raise
        except OSError:
            continue
    return call(*arguments)


def open_underlay(address: IPv4Address, port: int, *, shared: bool = False) -> socket.socket:
    """A socket bound to the underlay's address and port. Several may share them where each says so. Raises UnderlayError."""
    underlay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        _configure(underlay)
        underlay.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        underlay.bind((str(address), port))
    except OSError as error:
        underlay.close()
        raise UnderlayError(_explain(address, port, error)) from error
    return underlay


def _configure(underlay: socket.socket) -> None:
    underlay.setblocking(False)
    # DF on every datagram, and no heed to what ICMP made the kernel believe of the path: the engine judges that.
    underlay.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_PROBE)
    underlay.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    underlay.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    underlay.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
    underlay.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, BUFFER_SIZE)
    underlay.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER_SIZE)


def _explain(address: IPv4Address, port: int, error: OSError) -> str:
    reasons = {
        errno.EADDRINUSE: "another process uses this port; end it or choose another port",
        errno.EADDRNOTAVAIL: "no interface has this address",
        errno.EPERM: "setting the socket's buffers needs root (CAP_NET_ADMIN)",
        errno.EACCES: "a port below 1024 needs root (CAP_NET_BIND_SERVICE)",
    }
    return f"underlay {address} port {port}: {reasons.get(error.errno or 0, error.strerror)}"
