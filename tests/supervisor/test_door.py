"""Who may speak to a lab, and how labs are found."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from threading import Thread

import pytest

from lab.errors import MachineError, UsageError
from lab.supervisor.client import Client, labs_up
from lab.supervisor.door import LabEnded, NameTaken, NoSuchLab, check_name, connect, is_admitted, listen, living, peer_of

NAME = f"door-{os.getpid()}"


@pytest.mark.parametrize("name", ["a", "vcpe-ping", "lab2", "x" * 31])
def test_what_can_name_a_lab(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "-x", "Lab", "a/b", "ä", "a b", "x" * 32])
def test_what_cannot_name_a_lab(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a lab"):
        check_name(name)


def test_a_lab_is_found_while_its_door_is_open_and_leaves_nothing() -> None:
    with listen(NAME):
        assert NAME in living()
        with pytest.raises(NameTaken, match="is up already"):
            listen(NAME)
        with connect(NAME, 1) as connection:
            assert peer_of(connection).pid == os.getpid()
    assert NAME not in living()
    with pytest.raises(NoSuchLab, match="no lab called"):
        connect(NAME, 1)


@pytest.fixture
def ending() -> Iterator[None]:
    """A lab that ends when it is asked something."""

    def end() -> None:
        connection, _ = door.accept()
        door.close()
        connection.close()

    with listen(NAME) as door:
        supervisor = Thread(target=end)
        supervisor.start()
        yield
        supervisor.join()


@pytest.mark.usefixtures("ending")
def test_a_lab_that_ends_while_it_is_asked_tells_so() -> None:
    with pytest.raises(LabEnded, match=f"{NAME} has ended"):
        Client(NAME).info()


@pytest.mark.usefixtures("ending")
def test_a_lab_that_ends_while_it_is_asked_is_not_in_the_list() -> None:
    assert NAME not in [lab.name for lab in labs_up()]


@pytest.mark.usefixtures("ending")
def test_a_lab_that_ends_by_itself_need_not_be_ended() -> None:
    Client(NAME).down()


@pytest.mark.emulation
@pytest.mark.parametrize(("user", "admitted"), [(0, True), (65534, False)], ids=["root", "nobody"])
@pytest.mark.usefixtures("nobody_may_read")
def test_only_root_is_admitted(user: int, admitted: bool) -> None:
    with listen(NAME) as door:
        line = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0saglab/{NAME}'); s.recv(1)"
        python = [os.path.realpath(sys.executable), "-c", line]
        visitor = subprocess.Popen(["setpriv", "--reuid", str(user), "--clear-groups", *python])
        connection, _ = door.accept()
        with connection:
            assert is_admitted(connection) is admitted
    visitor.wait()


@pytest.mark.emulation
@pytest.mark.usefixtures("nobody_may_read")
def test_a_door_that_is_not_roots_is_not_trusted() -> None:
    bind = f"import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0saglab/{NAME}-x'); s.listen()"
    line = f"{bind}; print(flush=True); s.accept()"
    command = ["setpriv", "--reuid", "65534", "--clear-groups", os.path.realpath(sys.executable), "-c", line]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as impostor:
        assert impostor.stdout is not None
        impostor.stdout.readline()
        with pytest.raises(MachineError, match="belongs to user 65534"):
            connect(f"{NAME}-x", 1)
