"""The lines of a network: which links pass one, and of what kind it is.

With a seed, it is our own line. Without one, the kernel does it if it can do all of it; else our own does, with a seed drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count
from secrets import token_hex

from lab.emulation.line.kernel import CannotDo, KernelLine
from lab.emulation.line.middle import Middle
from lab.emulation.line.process import CUT_UP, LineProcess
from lab.emulation.machine import Machine
from lab.impairments import Order
from lab.topology import Link, Topology

_DRAWN = 4  # bytes of a seed that nobody gave; our choice: short enough to be typed again


@dataclass(frozen=True, slots=True)
class Way:
    """How an order is carried out: by our own line with a `seed`, or, where that is empty, by the kernel.

    `why` says why the seed was drawn; empty where it was asked for.
    """

    seed: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Running:
    line: LineProcess | KernelLine
    order: Order
    way: Way


class Lines:
    """Lines in a node of their own, which `make_machine` makes for the first of them, and which ends after the last.

    `machines` are those of the network.
    """

    def __init__(self, machines: Mapping[str, Machine], make_machine: Callable[[], Machine]) -> None:
        self._machines = machines
        self._make_machine = make_machine
        self._machine: Machine | None = None
        self._middles: dict[Link, Middle] = {}
        self._running: dict[Link, _Running] = {}
        self._numbers = count()

    def middles(self, links: Mapping[Link, Order]) -> Mapping[Link, Middle]:
        """Where the lines of these links are to be."""
        return {link: self._middles.get(link) or self._new_middle(link) for link in links}

    def _new_middle(self, link: Link) -> Middle:
        if self._machine is None:
            self._machine = self._make_machine()
        number = next(self._numbers)
        self._middles[link] = Middle(self._machine, f"left{number}", f"right{number}")
        return self._middles[link]

    def stop_obsolete(self, orders: Mapping[Link, Order]) -> None:
        """End the lines of links that have no order any more."""
        for link in [link for link in self._middles if link not in orders]:
            if link in self._running:
                self._running.pop(link).line.stop()
            del self._middles[link]

    def carry_out(self, orders: Mapping[Link, Order], topology: Topology) -> None:
        """Have each link, which passes its middle, do what is ordered; a line that has died is started anew.

        Raises MachineError.
        """
        for link, order in orders.items():
            running = self._running.get(link)
            if running is None:
                self._cut_up(link)
            elif not running.line.has_ended and (running.order == order or self._changed(link, running, order)):
                continue
            else:
                del self._running[link]
                running.line.stop()
            self._running[link] = self._start(link, order, _place(link, topology))
        if not self._middles:
            self._end_machine()

    def _cut_up(self, link: Link) -> None:
        for node, interface in (link.a, link.b):
            self._machines[node].run("ethtool", "-K", interface, *CUT_UP)

    def _changed(self, link: Link, running: _Running, order: Order) -> bool:
        """Whether a line of our own could be told to do something else by the same seed."""
        if not isinstance(running.line, LineProcess) or order.seed is None or order.seed != running.order.seed:
            return False
        running.line.set(order.both)
        self._running[link] = replace(running, order=order)
        return True

    def _start(self, link: Link, order: Order, place: str) -> _Running:
        middle, seed, why = self._middles[link], order.seed, ""
        if seed is None:
            try:
                return _Running(KernelLine(middle, order.both), order, Way())
            except CannotDo as error:
                seed, why = token_hex(_DRAWN), str(error)
        own = sha256(f"{seed} {place}".encode()).hexdigest()  # two lines of one seed lose different packets
        line = LineProcess(middle.machine, middle.left, middle.right, order.both, own)
        return _Running(line, order, Way(seed, why))

    def ways(self) -> Mapping[Link, Way]:
        """How the order for each link is carried out."""
        return {link: running.way for link, running in self._running.items()}

    def pids(self) -> dict[Link, int]:
        """The processes that are lines of our own."""
        return {link: running.line.pid for link, running in self._running.items() if isinstance(running.line, LineProcess)}

    def lifelines(self) -> Iterator[int]:
        """Descriptors of all lines that may die: each is readable once it has."""
        for running in self._running.values():
            if isinstance(running.line, LineProcess):
                yield running.line.lifeline
        if self._machine is not None:
            yield self._machine.lifeline

    @property
    def machine_has_ended(self) -> bool:
        return self._machine is not None and self._machine.has_ended

    def ended(self) -> list[Link]:
        """The links whose lines have died."""
        return [link for link, running in self._running.items() if running.line.has_ended]

    def stop(self) -> None:
        for running in self._running.values():
            if isinstance(running.line, LineProcess):  # the others end with their node
                running.line.stop()
        self._running.clear()
        self._end_machine()

    def _end_machine(self) -> None:
        if self._machine is not None:
            self._machine.terminate()
            self._machine = None


def _place(link: Link, topology: Topology) -> str:
    """What a link is known by in every lab of a scenario: generated names differ."""
    return " ".join(topology.by_name[node].label for node, _ in (link.a, link.b))
