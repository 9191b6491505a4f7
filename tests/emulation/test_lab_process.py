"""The tests' own way into a lab: results come back, errors are not lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.emulation.host import ROOT, on_host
from tests.emulation.lab_process import LabProcess, in_lab

pytestmark = pytest.mark.emulation


def fail() -> None:
    raise ValueError("told to the test")


def test_a_result_comes_back_from_another_pid_namespace() -> None:
    here = os.getpid()
    ours, theirs = in_lab(lambda: (here, os.getpid()))
    assert ours == here
    assert theirs == 2


def test_an_error_comes_back() -> None:
    with pytest.raises(AssertionError, match="told to the test"):
        in_lab(fail)


def test_a_lab_that_dies_is_an_error() -> None:
    with pytest.raises(AssertionError, match="without an answer"):
        LabProcess(lambda: os._exit(0)).result()


def test_a_host_of_its_own_has_no_links_and_a_read_only_checkout() -> None:
    def look() -> tuple[list[str], bool]:
        links = [line.split(":")[0] for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
        try:
            (ROOT / "left-behind").touch()
        except OSError as error:
            return [link.strip() for link in links], error.errno == errno.EROFS
        return [link.strip() for link in links], False

    assert on_host(look).result() == (["lo"], True)
