"""`saglab capture`: what passes the interfaces of a lab that is up."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from lab.cli.completion import completed_by
from lab.cli.labs import add_lab, the_lab
from lab.cli.status import PASSED
from lab.cli.verbs import Verbs
from lab.errors import UsageError
from lab.report.terminal import make_console

if TYPE_CHECKING:
    from lab.emulation.capture import Point
    from lab.supervisor.answers import NodeInfo
    from lab.supervisor.client import Client


def add_verbs(verbs: Verbs) -> None:
    capture = verbs.add_parser(
        "capture",
        help="show, or write into a file, what passes interfaces of a lab",
        description="Capture until Ctrl-C or the lab's end. With --write, many points go into one pcapng file that names them; "
        "without a point, all interfaces of the lab. Without --write, one point is shown as tcpdump shows it.",
        epilog="Example: saglab capture vcpe:eth0 internet --write wan.pcapng. Or: saglab capture --write - | wireshark -k -i -",
    )
    points = capture.add_argument("points", metavar="NODE[:IFACE]", nargs="*", help="a node, or one interface of it")
    completed_by(points, lambda options: [node.name for node in the_lab(options).status().nodes])
    capture.add_argument("--write", metavar="FILE", help="write pcapng into a file; - for standard output")
    add_lab(capture)
    capture.set_defaults(handler=_capture)


def _capture(options: argparse.Namespace) -> int:
    points = _points(the_lab(options), options.points)
    if options.write is None:
        _show(points, options.points)
    return _write(points, options.write)


def _show(points: list[Point], asked: list[str]) -> NoReturn:
    """Become tcpdump at one interface of a node, or at all of them.

    It listens at all and picks one by its number: that stays when a link is made anew, and tcpdump at the interface would end.
    """
    if len(asked) != 1:
        raise UsageError("one node or interface can be shown; for several give --write FILE")
    one = ["ifindex", str(points[0].index())] if len(points) == 1 else []
    sys.stdout.flush()
    command = [*points[0].entry, "tcpdump", "-n", "-l", "-i", "any", *one]
    os.execvp(command[0], command)  # noqa: S606 - generated names


def _points(lab: Client, wanted: list[str]) -> list[Point]:
    """Raises UsageError for what does not exist."""
    from lab.emulation.capture import Point

    nodes = {node.name: node for node in lab.status().nodes}
    way_in = lab.way_in()
    found = []
    for word in wanted or nodes:
        name, _, interface = word.partition(":")
        node = nodes.get(name)
        if node is None:
            raise UsageError(f"{lab.name} has no node {name!r}; there are: {', '.join(nodes)}")
        entry = (*way_in, *node.entry)
        found += [Point(f"{name}:{each}", entry, each) for each in _interfaces(node, interface)]
    return found


def _interfaces(node: NodeInfo, wanted: str) -> tuple[str, ...]:
    if wanted and wanted not in node.interfaces:
        raise UsageError(f"{node.name} has no interface {wanted!r}; there are: {', '.join(node.interfaces)}")
    return (wanted,) if wanted else node.interfaces


def _write(points: list[Point], path: str) -> int:
    from lab.emulation.recording import Recording

    console = make_console(stderr=True)
    with _interruption() as interruption:
        recording = Recording(_open(path))
        recording.add(points)
        console.print(f"capturing at {', '.join(point.name for point in points)}; Ctrl-C ends it")
        recording.follow(interruption, lambda point: console.print(f"{point.name} was made anew, and is captured again"))
        missed = recording.stop()
    console.print(f"{recording.packets} packets" + (f"; [yellow]{missed} were missed[/yellow]" if missed else ", none missed"))
    return PASSED


@contextmanager
def _interruption() -> Iterator[int]:
    """A descriptor that is readable once Ctrl-C was pressed. It interrupts nothing: what has passed is still to be written."""
    asleep, awaken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    handler, before = signal.signal(signal.SIGINT, lambda *_: None), signal.set_wakeup_fd(awaken)
    try:
        yield asleep
    finally:
        signal.set_wakeup_fd(before)
        signal.signal(signal.SIGINT, handler)
        os.close(asleep)
        os.close(awaken)


def _open(path: str) -> int:
    try:
        return os.dup(1) if path == "-" else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
