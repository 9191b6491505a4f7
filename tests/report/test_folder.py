"""What `saglab run --report` leaves: whole, safe, and asking for nothing. Runs are simulated; the page is one for both."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest

from lab.errors import MachineError
from lab.files.first import FIRST
from lab.report.folder import page as pages
from lab.report.folder.chronicle import MOST_FAILURES
from lab.report.folder.expectations import told
from lab.report.folder.markup import Markup, join, table, tag
from lab.results import Expectation, ReachRecord
from tests.supervisor.command import saglab

VOID = {"meta", "br", "img", "link", "input", "hr"}
FETCHING = ("src", "href", "srcset", "action", "data", "poster", "background", "xlink:href")


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed in its turn. Collects text, and whatever could be fetched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.fetched: list[tuple[str, str | None]] = []
        self.tags: set[str] = set()
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [(tag, value) for name, value in attrs if name in FETCHING]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [(tag, value) for name, value in attrs if name in FETCHING]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words.append(data)


def folder(directory: Path, *options: str, scenario: str = "vcpe-ping", status: int = 0) -> Path:
    saglab("run", scenario, "--simulate", "--report", str(directory), *options, status=status)
    return directory


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of vcpe-ping without steps 2.5 and 3.3.4, in a directory that was not there."""
    directory = tmp_path_factory.mktemp("run") / "reports" / "1"
    return folder(directory, "--skip", "2.5", "--skip", "3.3.4", status=1)


@pytest.fixture(scope="module")
def html(broken: Path) -> str:
    return (broken / "report.html").read_text(encoding="utf-8")


def test_files_are_there_and_nothing_else(broken: Path) -> None:
    assert sorted(path.name for path in broken.iterdir()) == ["junit.xml", "report.html", "report.json"]


def test_the_page_asks_for_nothing(html: str) -> None:
    read = Reader(html)
    assert read.fetched == []
    assert not read.tags & {"script", "iframe", "object", "embed", "link", "base", "form"}
    assert not re.search(r"url\(|@import|@font-face|javascript:", html)
    assert """content="default-src 'none'; style-src 'unsafe-inline'""" in html


HELD = {
    "the verdict": "vcpe-ping failed",
    "what was left out": "steps done, left out: 2.5, 3.3.4",
    "a step": "2.5 Disable the source/destination check of the vCPE (left out)",
    "a ping and its addresses": "app 10.0.1.10 → ecs 192.168.1.10",
    "what the network counted": "destination check of vcpe: ENI_SOURCE_DEST_CHECK_RESTRICTION; step 2.5 is missing",
    "a status": "VPN Status of vcpe-singapore Normal",
    "why a ping was lost": "The packet dies at aws , destination check of vcpe: ENI_SOURCE_DEST_CHECK_RESTRICTION",
    "what lets it pass": "source_dest_check=False)",
    "hop by hop": "source check of app: on; source 10.0.1.10 is its own",
    "the seed": "seed",
    "how it was made": "simulated: packets were walked in memory",
    "a timeline": "4.4 Ping from private address to private address, both ways",
}


@pytest.mark.parametrize("words", HELD.values(), ids=HELD.keys())
def test_what_the_page_holds(words: str, html: str) -> None:
    assert words in Reader(html).text


def test_json_has_the_run_and_what_is_more(broken: Path) -> None:
    said = json.loads((broken / "report.json").read_text())
    assert (said["scenario"], said["passed"], len(said["pings"])) == ("vcpe-ping", False, 3)
    assert re.fullmatch(r"[0-9a-f]{64}", said["made_by"]["seed"])
    assert [each["drop"]["code"] for each in said["explanations"]] == [
        "ENI_SOURCE_DEST_CHECK_RESTRICTION",
        "NO_ROUTE_TO_DESTINATION",
        "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS",
    ]
    starts = [moment["start"] for moment in said["timeline"]]
    assert starts == sorted(starts)
    assert {"step", "ping", "status"} <= {moment["kind"] for moment in said["timeline"]}


def test_junit_is_that_of_a_run(broken: Path) -> None:
    root = ElementTree.parse(broken / "junit.xml").getroot()  # noqa: S314 - our own
    assert root.find("testsuite").get("failures") == "4"  # type: ignore[union-attr]  # three pings, and their step


def test_a_run_that_passes_explains_nothing(tmp_path: Path) -> None:
    text = Reader((folder(tmp_path) / "report.html").read_text()).text
    assert "vcpe-ping passed" in text
    assert "What was not as expected" not in text


def test_who_reaches_whom_is_a_table(tmp_path: Path) -> None:
    text = Reader((folder(tmp_path, scenario="vcpe-multi-site") / "report.html").read_text()).text
    assert "from ╲ to hq shop store plant depot web db backup hq ✓ ✓ · · ✓ ✓ ·" in text


def test_a_lab_file_is_reported_with_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    saglab("init", str(file))
    file.write_text(file.read_text().replace("all from 10.0.0.0/16]   # 3.3.5", "tcp 443 from 10.0.0.0/16]"))
    saglab("check", str(file), "--report", str(tmp_path / "out"), status=1)
    text = Reader((tmp_path / "out" / "report.html").read_text()).text
    assert re.search(r"✗ app reaches ecs lab\.yaml:\d+ it does not", text)
    assert "✗ app → ecs, vcpe → ecs die at alibaba, security group, inbound of ecs: ECS_SG_RULES_MISMATCH" in text
    assert re.search(r"no rule allows icmp from 10\.0\.1\.10 to 192\.168\.1\.10 \(lab\.yaml:\d+\)", text)
    assert "Steps" not in text


@pytest.mark.parametrize("kind", get_args(Expectation), ids=lambda kind: kind.__name__)
def test_every_kind_of_expectation_has_its_row(kind: type) -> None:
    assert kind is ReachRecord or told.dispatch(kind) is not told.dispatch(object)


def test_what_an_app_shows_is_told(tmp_path: Path) -> None:
    text = Reader((folder(tmp_path, scenario="app-get-started") / "report.html").read_text()).text
    assert "✓ app of laptop shows Connected to Intranet" in text


def test_of_a_lab_file_the_line_and_the_change_are_told(tmp_path: Path) -> None:
    """In the words of the file, of what is lost and of what comes and must not; nothing is sent, so nothing counted is told."""
    text = FIRST.replace("            - all from 192.168.0.0/16   # 4.3\n", "")
    (tmp_path / "lab.yaml").write_text(text.replace("- ecs reaches app\n", "- app cannot reach ecs\n"), encoding="utf-8")
    saglab("check", str(tmp_path / "lab.yaml"), "--report", str(tmp_path), status=1)
    text = Reader((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert re.search(r"add `tcp 443 from 192\.168\.[01]\.0/\d\d` to the ingress of the security group app", text)
    assert "It does reach it, and must not. Let through by security group, outbound of app: allows all (lab.yaml:" in text
    assert "packets dropped" not in text


def test_a_report_is_replaced(tmp_path: Path) -> None:
    folder(tmp_path, "--skip", "2.5", status=1)
    before = (tmp_path / "report.html").read_text()
    folder(tmp_path)
    assert "failed" in before
    assert "What was not as expected" not in (tmp_path / "report.html").read_text()


def test_a_place_that_cannot_be_written_to_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = saglab("run", "vcpe-ping", "--simulate", "--report", str(tmp_path / "file"), status=2)
    assert "cannot write a report into" in said
    assert "✓" not in said


SCRIPT = '''"""Three hosts that nobody lets talk, and one with a <script>name</script>."""


def run(lab):
    vpc = lab.aws.create_vpc("10.0.0.0/16", name="aws")
    subnet = lab.aws.create_subnet(vpc.id, "10.0.1.0/24")
    image = lab.aws.describe_images(name="al2023-*")[0]
    group = lab.aws.create_security_group("shut", "admits nothing", vpc.id)
    names = ["<script>alert(1)</script>", "a&b", "c", "d", "e", "f"]
    hosts = [
        lab.aws.run_instances(image.id, subnet.id, security_group_ids=[group.id], name=name) for name in names
    ]
    with lab.step("1", "All of them"):
        lab.expect_reach(hosts, {(a.id, b.id) for a in hosts for b in hosts if a is not b})
    with lab.step("2", "One"):
        lab.expect_ping(hosts[0], hosts[1])
'''


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a run in which thirty-one echoes fail, between machines with bad names."""
    directory = tmp_path_factory.mktemp("many")
    (directory / "many.py").write_text(SCRIPT)
    return (folder(directory / "out", scenario=str(directory / "many.py"), status=1) / "report.html").read_text()


def test_names_are_only_text(many: str) -> None:
    read = Reader(many)
    assert "script" not in read.tags
    assert "<script>alert(1)</script> → a&b" in read.text


def test_no_more_is_explained_than_anybody_reads(many: str) -> None:
    assert many.count('class="card failed"') == MOST_FAILURES
    assert f"{31 - MOST_FAILURES} more failed and are not explained here." in many


def test_without_graphviz_the_network_is_there_as_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(*_arguments: object) -> str:
        raise MachineError("graphviz is missing")

    monkeypatch.setattr(pages, "to_svg", missing)
    html = (folder(tmp_path) / "report.html").read_text()
    assert "Not drawn: graphviz is missing." in html
    assert "flowchart LR" in html


ESCAPES = {
    "text is escaped": (tag("p", "<b>"), "<p>&lt;b&gt;</p>"),
    "markup is not": (tag("p", tag("b", "x")), "<p><b>x</b></p>"),
    "attributes are": (tag("p", title='"<'), '<p title="&quot;&lt;"></p>'),
    "words of Python's own": (tag("p", class_="a"), '<p class="a"></p>'),
    "what is joined": (join("<", Markup("<i>")), "&lt;<i>"),
    "cells": (table(("",), [("<",)], "a"), '<div class="scrolls"><table class="a"><tr><td>&lt;</td></tr></table></div>'),
}


@pytest.mark.parametrize(("made", "expected"), ESCAPES.values(), ids=ESCAPES.keys())
def test_what_is_no_markup_is_escaped(made: str, expected: str) -> None:
    assert made == expected
