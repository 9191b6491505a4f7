"""The documentation's site: it builds without a warning, its links lead somewhere, and its pages ask for nothing outside."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from lab.cloud.alibaba.resources import SmartAccessGateway
from lab.reasons import Reason

pytest.importorskip("sphinx", reason="the extra docs is not installed")

DOCS = Path(__file__).parent.parent / "docs"


@dataclass(frozen=True)
class Site:
    """A copy of docs/, and what is built of it: what it needs may be written beside the pages."""

    docs: Path
    built: Path

    def build(self) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "-c", str(self.docs / "site")]
        return subprocess.run([*line, str(self.docs), str(self.built)], capture_output=True, text=True, check=False)

    def page(self, name: str) -> str:
        return (self.built / f"{name}.html").read_text(encoding="utf-8")

    def pages(self) -> Iterator[Path]:
        yield from (path for path in self.built.rglob("*.html") if "_static" not in path.parts)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    directory = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, directory / "docs", ignore=shutil.ignore_patterns("reference", "__pycache__"))
    found = Site(directory / "docs", directory / "built")
    done = found.build()
    assert done.returncode == 0, done.stderr
    return found


class _Links(HTMLParser):
    """What a page leads to, what it loads, and the places in it that can be led to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given["id"]} if "id" in given else set()
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in ("link", "script", "img", "iframe"):
            self.loaded += [given[name] for name in ("href", "src") if name in given]


def test_every_link_leads_somewhere(site: Site) -> None:
    read = {page.resolve(): _Links(page) for page in site.pages()}
    lost = []
    for page, found in read.items():
        for link in found.links:
            path, _, place = link.partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            target = (page.parent / unquote(path)).resolve() if path else page
            if not target.exists() or (place and target in read and unquote(place) not in read[target].places):
                lost.append(f"{page.name}: {link}")
    assert lost == []


def test_pages_load_nothing_from_elsewhere(site: Site) -> None:
    loaded = [what for page in site.pages() for what in _Links(page).loaded]
    assert loaded
    assert [what for what in loaded if re.match(r"(?:[a-z]+:)?//", what)] == []


# Pages that are made from the code, and what they have to hold.
MADE = {
    "verbs": ("reference/verbs", ["saglab drill start", "usage: saglab diagram"]),
    "operations": ("reference/operations", ["aws.create_vpc", "alibaba.bind_smart_access_gateway", "clock.move_forward"]),
    "error codes": ("reference/error-codes", [SmartAccessGateway.NOT_FOUND, "InvalidVpc.Range", "lab/cloud/aws/vpc.py"]),
    "keys of a lab file": ("reference/lab-file-keys", ["cidr_block", "AWS: Vpc", "SmartAccessGateway"]),
    "reasons": ("reasons", list(Reason)),
}


@pytest.mark.parametrize(("page", "words"), MADE.values(), ids=MADE.keys())
def test_the_reference_is_made_from_the_code(page: str, words: list[str], site: Site) -> None:
    text = re.sub(r"<[^>]+>", "", site.page(page))
    assert [word for word in words if word not in text] == []


def test_a_link_to_source_code_becomes_its_name(site: Site) -> None:
    assert "lab/teaching/faults.py" in site.page("teaching")
    assert 'href="../lab/teaching/faults.py"' not in site.page("teaching")


def test_a_link_that_leads_nowhere_fails_the_build(site: Site) -> None:
    page = site.docs / "teaching.md"
    before = page.read_text(encoding="utf-8")
    page.write_text(f"{before}\nSee [nothing](nowhere.md) and [no place](reasons.md#nowhere).\n", encoding="utf-8")
    done = site.build()
    page.write_text(before, encoding="utf-8")
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr
    assert "reasons.md#nowhere" in done.stderr or "'nowhere'" in done.stderr
