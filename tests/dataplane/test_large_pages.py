"""Which memory of a growing process is made of large pages, and that the kernel does so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataplane.linux import large_pages
from dataplane.linux.large_pages import GROWTH, INTERVAL, LARGE_PAGE, LargePages

START = 7 * LARGE_PAGE
NOW = 1000.0


class Process:
    """What a process's maps say, and which of its pages were made large."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.large: list[int] = []
        self.maps([])

    def maps(self, mappings: list[tuple[int, int, str]]) -> None:
        """Start, length, and what stands behind them."""
        lines = [f"{start:012x}-{start + length:012x} {what}\n" for start, length, what in mappings]
        self.file.write_text("".join(lines))

    def live(self, pages: LargePages, seconds: float) -> None:
        for tick in range(int(seconds * 10)):
            pages.follow(NOW + tick / 10)


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Process:
    process = Process(tmp_path / "maps")
    monkeypatch.setattr(large_pages, "_collapse", process.large.append)
    return process


@pytest.fixture
def pages(process: Process) -> Iterator[LargePages]:
    with process.file.open() as maps:
        yield LargePages(maps.fileno())


ANONYMOUS = "rw-p 00000000 00:00 0"
HEAP = f"{ANONYMOUS}                  [heap]"


@pytest.mark.parametrize("what", [ANONYMOUS, HEAP])
def test_what_has_grown_is_made_large_once(process: Process, pages: LargePages, what: str) -> None:
    process.maps([(START, GROWTH, what)])
    process.live(pages, 10 * INTERVAL)
    assert sorted(process.large) == list(range(START, START + GROWTH, LARGE_PAGE))


@pytest.mark.parametrize(
    "mappings",
    [
        pytest.param([(START, GROWTH - 4096, ANONYMOUS)], id="not enough"),
        pytest.param([(START, GROWTH, f"{ANONYMOUS} [stack]")], id="a stack"),
        pytest.param([(START, GROWTH, "rw-p 00000000 fe:00 77 /lib/x.so")], id="a file"),
        pytest.param([(START, GROWTH, "r--p 00000000 00:00 0")], id="nothing that is written"),
        pytest.param([(START, GROWTH, "rw-s 00000000 00:00 0")], id="shared"),
    ],
)
def test_what_stays_as_it_is(process: Process, pages: LargePages, mappings: list[tuple[int, int, str]]) -> None:
    process.maps(mappings)
    process.live(pages, 3 * INTERVAL)
    assert process.large == []


def test_a_large_page_has_to_fit(process: Process, pages: LargePages) -> None:
    process.maps([(START + 4096, GROWTH, ANONYMOUS), (START + 2 * GROWTH, LARGE_PAGE - 4096, ANONYMOUS)])
    process.live(pages, 3 * INTERVAL)
    assert sorted(process.large) == list(range(START + LARGE_PAGE, START + GROWTH, LARGE_PAGE))


def test_once_large_what_comes_is_made_large_too(process: Process, pages: LargePages) -> None:
    process.maps([(START, GROWTH, ANONYMOUS)])
    process.live(pages, 3 * INTERVAL)
    process.large.clear()
    process.maps([(START, GROWTH + LARGE_PAGE, ANONYMOUS)])
    for tick in range(100):
        pages.follow(NOW + 4 * INTERVAL + tick / 10)
    assert START + GROWTH in process.large


def test_one_at_a_time(process: Process, pages: LargePages) -> None:
    """For packets wait meanwhile."""
    process.maps([(START, GROWTH, ANONYMOUS)])
    counts = []
    for _ in range(4):
        pages.follow(NOW)
        counts.append(len(process.large))
    assert counts == [0, 1, 2, 3]


_GROWS = """
import mmap, re
from dataplane.linux.large_pages import GROWTH, LargePages, open_maps

def large():
    return int(re.search(r"AnonHugePages: +(\\d+)", open("/proc/self/smaps_rollup").read())[1]) * 1024

pages, before = LargePages(open_maps()), large()
memory = mmap.mmap(-1, 2 * GROWTH, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for place in range(0, 2 * GROWTH, 4096):
    memory[place] = place // 4096 % 251
for tick in range(200):
    pages.follow(tick)
assert all(memory[place] == place // 4096 % 251 for place in range(0, 2 * GROWTH, 4096))
print(large() - before >= GROWTH)
"""


def collapses() -> bool:
    """Whether this kernel makes large pages when asked: from Linux 6.1 on, if it was built with them."""
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    assert version is not None
    return (int(version[1]), int(version[2])) >= (6, 1) and Path("/sys/kernel/mm/transparent_hugepage").exists()


@pytest.mark.skipif(not collapses(), reason="this kernel is older than Linux 6.1, or has no large pages")
def test_the_kernel_does_it_and_the_content_stays() -> None:
    done = subprocess.run([sys.executable, "-c", _GROWS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
