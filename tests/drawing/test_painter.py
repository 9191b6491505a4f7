"""What a picture shows: boxes in boxes, who stands where, what is broken and why. Scenarios are the cases."""

from __future__ import annotations

from functools import cache

import pytest

from lab.cli import find_scenario
from lab.drawing import Picture, asked_walks, expected_walks, paint
from lab.drawing.picture import LineKind, Look
from lab.errors import UsageError
from lab.explanation import Question
from lab.session import Lab
from lab.status import StatusEnd


def lab_of(scenario: str, *skip: str) -> Lab:
    lab = Lab(scenario, skip=skip)
    find_scenario(scenario).run(lab)
    return lab


@cache
def picture(scenario: str, *skip: str, way: tuple[str, str] | None = None) -> Picture:
    lab = lab_of(scenario, *skip)
    topology = lab.compile()
    walks = asked_walks(topology, Question(*way)) if way else expected_walks(topology, lab.result)
    return paint(lab.cloud, topology, walks, title=scenario, way=way is not None)


def titles(found: Picture) -> dict[str, str]:
    return {figure.id: figure.title for figure in found.figures}


def home_of(found: Picture, title: str) -> list[str]:
    """The titles of the boxes around a figure, from the inside out."""
    boxes = {box.id: box for box in found.boxes}
    (inside,) = {figure.inside for figure in found.figures if figure.title == title}
    around = []
    while inside:
        around.append(boxes[inside].title)
        inside = boxes[inside].inside
    return around


HOMES = {
    "a machine in AWS": ("vcpe-ping", "app", ["VPC aws", "AWS"]),
    "a machine in Alibaba Cloud": ("vcpe-ping", "ecs", ["VPC alibaba", "Alibaba Cloud"]),
    "the point of presence": ("vcpe-ping", "ccn-singapore", ["Alibaba Cloud"]),
    "the internet": ("vcpe-ping", "internet", []),
    "an edge node": ("vcpe-ens", "vcpe", ["Network edge", "Alibaba Cloud, edge nodes"]),
    "a region among several": ("vcpe-multi-site", "backup", ["VPC backup-vpc", "ap-northeast-1", "Alibaba Cloud"]),
}


@pytest.mark.parametrize(("scenario", "title", "around"), HOMES.values(), ids=HOMES.keys())
def test_what_stands_in_which_box(scenario: str, title: str, around: list[str]) -> None:
    assert home_of(picture(scenario), title) == around


def test_lines_lead_from_the_customer_to_alibaba_cloud() -> None:
    found = picture("vcpe-ping")
    names = titles(found)
    lines = {(names[line.a], names[line.b], line.kind) for line in found.lines}
    assert {("app", "router", LineKind.CABLE), ("router", "vcpe", LineKind.CABLE), ("router", "ecs", LineKind.CABLE)} <= lines
    assert ("vcpe", "ccn-singapore", LineKind.TUNNEL) in lines


def test_addresses_are_those_that_a_customer_knows() -> None:
    lines = {figure.title: figure.lines for figure in picture("vcpe-ping").figures}
    assert lines["vcpe"] == ("gateway", "10.0.2.10", "203.0.113.10 outside")
    assert lines["ccn-singapore"] == ("CCN point of presence", "198.51.100.10")


def test_nothing_is_broken_where_all_is_as_expected() -> None:
    for scenario in ("vcpe-ping", "vcpe-ens", "vcpe-multi-site"):
        found = picture(scenario)
        assert (found.faults, {thing.look for thing in (*found.figures, *found.lines)}) == ((), {Look.PLAIN})


# For a step left out: where it shows (both ends of a line, or one figure), what is said there, how a sentence begins.
BROKEN = {
    "2.5": (("router", "vcpe"), "destination check of vcpe: ENI_SOURCE_DEST_CHECK_RESTRICTION", "app → ecs dies at aws"),
    "3.1": (("vcpe", "ccn-singapore"), "tunnel: OUTSIDE_SELECTOR", "app → ecs, vcpe → ecs die at ccn-singapore"),
    "3.3.5": (("router", "ecs"), "security group, inbound of ecs: ECS_SG_RULES_MISMATCH", "app → ecs, vcpe → ecs die at alibaba"),
    "2.3.address": (("router", "internet"), "internet gateway: IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", "app → ecs, ecs → app"),
    "2.3.key": (("vcpe",), "route table: SAG_DEVICE_NOT_ASSOCIATED", "app → ecs dies at vcpe"),
    "3.3": (("vcpe",), "route table: NO_ROUTE_TO_DESTINATION", "app → ecs dies at vcpe"),
}


@pytest.mark.parametrize(("step", "expected"), BROKEN.items(), ids=BROKEN.keys())
def test_what_is_broken_is_marked_and_said(step: str, expected: tuple[tuple[str, ...], str, str]) -> None:
    where, trouble, sentence = expected
    found = picture("vcpe-ping", step)
    names = titles(found)
    broken = [((figure.title,), figure) for figure in found.figures if figure.look is Look.BROKEN]
    broken += [((names[line.a], names[line.b]), line) for line in found.lines if line.look is Look.BROKEN]
    assert trouble in [str(one) for ends, thing in broken if ends == where for one in thing.troubles], broken
    assert any(fault.startswith(sentence) for fault in found.faults), found.faults


def test_a_tunnel_that_nothing_passes_is_red_when_it_is_not_open() -> None:
    found = picture("vcpe-ping", "2.3.address", way=("app", "vcpe"))
    (tunnel,) = [line for line in found.lines if line.kind is LineKind.TUNNEL]
    assert [str(trouble) for trouble in tunnel.troubles] == ["VPN Status: NO_ANSWER", "VPN Status: PEER_NOT_HEARD"]
    assert found.faults == ("the tunnel of vcpe is not open: NO_ANSWER, the other end does not answer",)


def test_a_running_network_says_itself_how_its_tunnels_are() -> None:
    lab = lab_of("vcpe-ping")
    found = paint(lab.cloud, lab.compile(), ask=lambda _tunnel: [StatusEnd("vcpe", "NO_ANSWER")])
    assert found.faults == ("the tunnel of vcpe is not open: NO_ANSWER, the other end does not answer",)


def test_a_way_is_shown_and_what_is_beside_it_is_faint() -> None:
    found = picture("vcpe-ping", way=("app", "ecs"))
    looks = {figure.title: figure.look for figure in found.figures}
    assert (looks["app"], looks["hybrid"], looks["internet"]) == (Look.PASSED, Look.PASSED, Look.FAINT)
    (tunnel,) = [line for line in found.lines if line.kind is LineKind.TUNNEL]
    assert tunnel.look is Look.PASSED


def test_a_way_that_ends_early() -> None:
    found = picture("vcpe-ping", "2.5", way=("app", "ecs"))
    looks = {figure.title: figure.look for figure in found.figures}
    assert (looks["app"], looks["ecs"]) == (Look.PASSED, Look.FAINT)
    assert [line.look for line in found.lines].count(Look.BROKEN) == 1


def test_an_unknown_machine() -> None:
    with pytest.raises(UsageError, match="no machine 'nobody' runs"):
        asked_walks(lab_of("vcpe-ping").compile(), Question("nobody", "ecs"))
