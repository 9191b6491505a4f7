"""`saglab clean` ends what bears a dead lab's id, and nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.emulation.identity import VARIABLE, LabId
from lab.supervisor.remains import Remains, remains, remove_remains


@contextmanager
def process_of(lab: str | None) -> Iterator[subprocess.Popen[bytes]]:
    """A process that bears an id, or none."""
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE} | ({VARIABLE: lab} if lab else {})
    process = subprocess.Popen(["sleep", "60"], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def dead_lab() -> LabId:
    """The id of a lab whose holder has ended."""
    child = subprocess.Popen(["sleep", "60"])
    living = LabId.of_this_process("dead")
    with open(f"/proc/{child.pid}/stat") as stat:  # noqa: PTH123 - a file of the kernel
        started = int(stat.read().rpartition(")")[2].split()[19])
    child.kill()
    child.wait()
    return LabId("dead", living.namespace, child.pid, started)


def test_an_id_says_whose_it_is_and_whether_it_lives() -> None:
    mine = LabId.of_this_process("x")
    assert LabId.parse(str(mine)) == mine
    assert not mine.is_dead
    assert dead_lab().is_dead


def test_a_process_number_that_was_given_again_is_another_process() -> None:
    mine = LabId.of_this_process("x")
    assert LabId(mine.name, mine.namespace, mine.pid, mine.started - 1).is_dead


def test_a_lab_of_another_pid_namespace_is_not_judged() -> None:
    mine = LabId.of_this_process("x")
    assert not LabId(mine.name, mine.namespace + 1, 2**22 - 1, 1).is_dead


@pytest.mark.parametrize("text", ["", "x", "x:1:2", "x:1:2:y", "x:1:2:3:4"])
def test_what_is_no_id(text: str) -> None:
    assert LabId.parse(text) is None


def test_only_what_is_of_a_dead_lab_is_ended() -> None:
    with (
        process_of(str(dead_lab())) as old,
        process_of(str(LabId.of_this_process("x"))) as living,
        process_of(None) as other,
        process_of("no id") as odd,
    ):
        assert [process for process in remains() if process.pid == old.pid] == [Remains("dead", old.pid, "sleep 60")]
        ended = [process.pid for process in remove_remains()]
        assert old.pid in ended
        assert {living.pid, other.pid, odd.pid}.isdisjoint(ended)
        assert old.wait(5) == -9
        assert [process.poll() for process in (living, other, odd)] == [None] * 3
