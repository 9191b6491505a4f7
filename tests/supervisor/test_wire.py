"""Values there and back through JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Literal

import pytest

from lab.cloud import Cloud
from lab.cloud.aws import Instance, Vpc
from lab.drops import Drop, Filter, Place
from lab.origin import Origin
from lab.results import Blame, Dies, Outcome, PingRecord, PingResult, Refused, RunResult, StepResult
from lab.supervisor.wire import WireError, decode, encode

BLAME = Blame(Drop("n", Place(Filter.ROUTE, "NO_ROUTE_TO_DESTINATION", Origin("rtb-1", "aws.create_vpc"), ""), 1), "aws")
PING = PingRecord("1", "i-1", "app", "ecs", IPv4Address("10.0.1.10"), None, 4, PingResult(4, 0, None), [BLAME])
STEP = StepResult("1", "t", (Dies("app", "ecs", "SG_HAS_NO_RULES"), Refused("3.1", "Code")), Outcome.LEFT_OUT, 0.5)

VALUES: dict[str, tuple[Any, object]] = {
    "word": (str, "x"),
    "number": (int, 4),
    "whole number for a float": (float, 4.0),
    "truth": (bool, False),
    "nothing": (str | None, None),
    "address": (IPv4Address, IPv4Address("10.0.0.1")),
    "block or word": (str | IPv4Network, "10.0.0.0/16"),
    "choice": (Literal["allow", "deny"], "deny"),
    "pair": (tuple[int, str], (1, "x")),
    "row": (tuple[int, ...], (1, 2, 3)),
    "sequence": (Sequence[str], ("a", "b")),
    "mapping": (Mapping[str, int], {"a": 1}),
    "enumeration": (Outcome, Outcome.FAILED),
    "ping with a drop": (PingRecord, PING),
    "step with both kinds of effect": (StepResult, STEP),
    "run": (RunResult, RunResult("x", steps=[STEP], pings=[PING], stray=[BLAME])),
}


@pytest.mark.parametrize(("kind", "value"), VALUES.values(), ids=VALUES.keys())
def test_a_value_comes_back(kind: Any, value: object) -> None:
    assert decode(kind, json.loads(json.dumps(encode(value)))) == value


def test_resources_come_back() -> None:
    cloud = Cloud(b"seed")
    vpc = cloud.aws.create_vpc("10.0.0.0/16", name="x")
    subnet = cloud.aws.create_subnet(vpc.id, "10.0.1.0/24")
    instance = cloud.aws.run_instances(cloud.aws.describe_images()[0].id, subnet.id, user_data="k")
    assert decode(Vpc, encode(vpc)) == vpc
    assert decode(tuple[Instance, ...], encode((instance,))) == (instance,)


REFUSED: dict[str, tuple[Any, object]] = {
    "word for a number": (int, "4"),
    "truth for a number": (int, True),
    "number for truth": (bool, 1),
    "no address": (IPv4Address, "10.0.0.256"),
    "no choice": (Literal["allow"], "deny"),
    "pair of three": (tuple[int, int], [1, 2, 3]),
    "object for a list": (tuple[int, ...], {"a": 1}),
    "none of both": (int | None, "x"),
    "unknown value": (Outcome, "maybe"),
    "a field too many": (Dies, {"source": "a", "destination": "b", "reason": "c", "more": 1}),
    "a field missing": (Dies, {"source": "a", "destination": "b"}),
}


@pytest.mark.parametrize(("kind", "data"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_of_the_kind_is_refused(kind: Any, data: object) -> None:
    with pytest.raises(WireError):
        decode(kind, data)


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(WireError, match="object has no form"):
        encode({"x": object()})
