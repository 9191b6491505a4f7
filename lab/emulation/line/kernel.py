"""A line that the kernel is: nftables takes each packet in, loses it or hands it over; netem and tbf delay what leaves.

    left ── ingress: down, mtu, loss, fwd ──► netem: delay, duplicate ──► tbf: rate ── right

Chance is the kernel's own, so nothing can be repeated. What it would do otherwise than our own line does, it is not asked for:
netem's jitter reorders, and its reordering only lets packets off their delay.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.emulation.line.direction import LONGEST_QUEUE
from lab.emulation.line.middle import Middle
from lab.errors import MachineError
from lab.impairments import Both, Impairments

_PARTS = 100_000_000  # of a share; numgen counts with 32 bits
_MOST_DELAYED = 100_000  # packets in netem's queue; its own 1000 would lose some at 220 ms and 5000 packets a second
_TICK = 0.004  # seconds; the slowest timer of common kernels, CONFIG_HZ=250
_SMALLEST_BURST = 10_000  # bytes; our choice, larger than any frame here


class CannotDo(MachineError):
    """The kernel cannot do this, or not as it is meant."""


class KernelLine:
    """Carries from the start on, until `stop`."""

    has_ended = False

    def __init__(self, middle: Middle, both: Both) -> None:
        """Raises CannotDo; then none is there."""
        self._middle = middle
        _check(both)
        ways = ((middle.left, both[0], middle.right), (middle.right, both[1], middle.left))
        try:
            chains = "\n".join(_chain(enters, wanted, leaves) for enters, wanted, leaves in ways)
            middle.machine.run_nft(f"{self._no_table}\ntable netdev {middle.left} {{\n{chains}\n}}")
        except MachineError as error:
            raise CannotDo(f"the kernel hands no packets on: {_last_words(error)}") from error
        try:
            for _, wanted, leaves in ways:
                self._shape(leaves, wanted)
        except MachineError as error:
            self.stop()
            raise CannotDo(str(error)) from error

    @property
    def _no_table(self) -> str:
        """Removes the table, whether or not there is one."""
        return f"table netdev {self._middle.left}\ndelete table netdev {self._middle.left}"

    def _shape(self, interface: str, wanted: Impairments) -> None:
        for place, discipline in _disciplines(wanted):
            command = ["tc", "qdisc", "add", "dev", interface, *place.split(), *discipline.split()]
            try:
                self._middle.machine.run(*command)
            except MachineError as error:
                raise MachineError(f"the kernel does not do {discipline.split()[0]}: {_last_words(error)}") from error

    def _unshape(self, interface: str) -> None:
        machine = self._middle.machine
        if "noqueue" not in machine.run("tc", "qdisc", "show", "dev", interface, "root"):
            machine.run("tc", "qdisc", "del", "dev", interface, "root")

    def stop(self) -> None:
        """Carry nothing any more. Raises MachineError."""
        self._middle.machine.run_nft(self._no_table)
        for interface in (self._middle.left, self._middle.right):
            self._unshape(interface)


def _check(both: Both) -> None:
    for wanted in both:
        if wanted.jitter:
            raise CannotDo("the kernel's jitter reorders packets")
        if wanted.reorder:
            raise CannotDo("the kernel reorders only what it delays")


def _last_words(error: MachineError) -> str:
    """What the command itself said, its first line."""
    return str(error).splitlines()[0].rpartition(": ")[2]


def _chain(enters: str, wanted: Impairments, leaves: str) -> str:
    rules = "\n".join(_rules(wanted, leaves))
    return f'chain {enters} {{\ntype filter hook ingress device "{enters}" priority 0; policy drop;\n{rules}\n}}'


def _rules(wanted: Impairments, leaves: str) -> Iterator[str]:
    if wanted.down or wanted.loss == 1:
        return
    if wanted.mtu is not None:
        yield f"meta length > {wanted.mtu} drop"
    if wanted.loss:
        yield f"numgen random mod {_PARTS} < {round(wanted.loss * _PARTS)} drop"
    yield f'fwd to "{leaves}"'


def _disciplines(wanted: Impairments) -> Iterator[tuple[str, str]]:
    """What `tc qdisc add dev …` is given for the interface that packets leave by: places, and what is to be there."""
    place = "root handle 1:"
    if wanted.delay or wanted.duplicate:
        delay = f" delay {wanted.delay * 1e6:.0f}us" if wanted.delay else ""
        duplicate = f" duplicate {wanted.duplicate:.6%}" if wanted.duplicate else ""
        yield place, f"netem limit {_MOST_DELAYED}{delay}{duplicate}"
        place = "parent 1:1 handle 2:"
    if wanted.rate is not None:
        burst = max(_SMALLEST_BURST, round(wanted.rate / 8 * _TICK))
        yield place, f"tbf rate {wanted.rate:.0f}bit burst {burst}b latency {LONGEST_QUEUE * 1e3:.0f}ms"
