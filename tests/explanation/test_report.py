"""What a person reads at 80 columns without colour, and what a program reads."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from rich.console import Console

from lab.cli import find_scenario
from lab.drops import Drop, Filter, Place
from lab.explanation import Explanation, Question, Replay, explain, explain_scenario
from lab.origin import Origin
from lab.reasons import Reason
from lab.report.explanation import explanation_json, print_explanation
from lab.supervisor.observation import Observation, disagreements
from tests.explanation.build import joined

SCENARIO = find_scenario("vcpe-ping")


def explained(*left_out: str, question: Question | None = None) -> Explanation:
    return explain_scenario(Replay(SCENARIO, left_out), question or Question("app", "ecs"))


def printed(explanation: Explanation, *, width: int = 80, colour: bool = False, **more: Any) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, force_terminal=colour, color_system="truecolor" if colour else None)
    print_explanation(console, explanation, scenario="vcpe-ping", **more)
    return out.getvalue()


def plain(text: str) -> str:
    """Without the blanks at line ends, and every id's random part written as x."""
    text = re.sub(r"\b([a-z]{2,4})-[0-9a-z]{17}\b", r"\1-xxxxxxxxxxxxxxxxx", text)
    return "\n".join(line.rstrip() for line in text.splitlines())


DEAD = """\
vcpe-ping  app 10.0.1.10 → ecs 192.168.1.10
left out: step 2.5

there  icmp echo 10.0.1.10 → 192.168.1.10, 84 bytes, ttl 64
  app ── aws ✗ ╌╌ ecs
✓ app            route table: 0.0.0.0/0 to VPC aws
✗ aws            route table: 192.168.0.0/16 to vcpe (step 4.2)
                 source check of app: on; source 10.0.1.10 is its own
                 destination check of vcpe: on; destination 192.168.1.10 is not
                 its own (10.0.2.10)

✗ the packet dies at aws, destination check of vcpe:
ENI_SOURCE_DEST_CHECK_RESTRICTION
  the interface's source/destination check is on, and the address is not its own
  eni-xxxxxxxxxxxxxxxxx, by aws.run_instances

to fix it:
1. step 2.5, Disable the source/destination check of the vCPE
   aws.modify_network_interface_attribute(
       network_interface_id="eni-xxxxxxxxxxxxxxxxx",
       source_dest_check=False,
   )"""

ALIVE = """\
✓ vcpe           route table: 192.168.0.0/16 to the tunnel (step 3.3.4)
                 tunnel: ESP in UDP to the other end (step 3.2)
                 datagram: vcpe ── aws ── internet ── ccn-singapore"""

UNHEARD = """\
✗ the packet dies at vcpe, tunnel: PEER_NOT_HEARD
  the peer has not been heard yet, so nothing is sent to it
  sag-xxxxxxxxxxxxxxxxx, by alibaba.bind_smart_access_gateway in step 3.2
  because the tunnel's datagrams die at aws, internet gateway:
IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS
  the source has no public IP address, and the internet gateway needs one
(igw-xxxxxxxxxxxxxxxxx)

to fix it:
1. step 2.3.address, Assign a public IP address"""

HOPELESS = """\
✗ the packet dies at ccn-singapore, the kernel: TTL_EXCEEDED
  the packet's time to live ran out
what helps: send the packet with a greater TTL"""


def test_a_death_at_eighty_columns() -> None:
    assert plain(printed(explained("2.5"), left_out=["2.5"])) == DEAD


@pytest.mark.parametrize(
    ("explanation", "text"),
    [
        (explained(), ALIVE),
        (explained("2.3.address"), UNHEARD),
        (explained(question=Question("app", "ecs", ttl=3)), HOPELESS),
    ],
    ids=["through the tunnel", "a tunnel that did not open", "what no configuration mends"],
)
def test_a_part_at_eighty_columns(explanation: Explanation, text: str) -> None:
    assert text in plain(printed(explanation))


def test_both_ways_are_drawn_from_left_to_right() -> None:
    text = printed(explained())
    assert "app ── aws ── vcpe ══ ccn-singapore ── hybrid ── alibaba ── ecs\n" in text
    assert "ecs ── alibaba ── hybrid ── ccn-singapore ══ vcpe ── aws ── app\n" in text
    assert "✓ reaches, and the answer comes back" in text


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("left_out", [(), ("2.5",), ("2.3.address", "4.3")], ids=["alive", "dead", "two missing"])
def test_no_line_is_wider_than_the_terminal(width: int, left_out: tuple[str, ...]) -> None:
    lines = printed(explained(*left_out), width=width).splitlines()
    assert max(map(len, lines)) <= max(width, len("       network_interface_id=") + 24)  # an id is never broken


def test_colour_changes_no_word() -> None:
    explanation = explained("2.5")
    assert re.sub(r"\x1b\[[0-9;]*m", "", printed(explanation, colour=True)) == printed(explanation)


def test_names_are_no_markup() -> None:
    cloud, ids = joined()
    cloud.aws.create_tags = None  # type: ignore[attr-defined]  # names are given at launch only
    image = cloud.aws.describe_images(name="al2023-*")[0]
    subnet = cloud.aws.describe_subnets(ids.aws_vpc)[0]
    cloud.aws.run_instances(image.id, subnet.id, name="[red]db[/red]")
    assert "[red]db[/red] 10." in printed(explain(cloud, Question("[red]db[/red]", "app")))


# For programs

LINE = {"kind": str, "permits": bool, "says": str, "resource": str, "operation": str, "step": str, "machine": str, "place": str}
DEATH = {
    "code": str,
    "text": str,
    "node": str,
    "label": str,
    "filter": str,
    "machine": str,
    "rule": str,
    "resource": str,
    "operation": str,
    "step": str,
    "place": str,
    "cause": (dict, type(None)),
}
HOP = {
    "node": str,
    "kind": str,
    "resource": str,
    "in": (str, type(None)),
    "out": (str, type(None)),
    "consulted": list,
    "datagram": (dict, type(None)),
    "note": (str, type(None)),
}
PATH = {"packet": str, "delivered": bool, "hops": list, "drop": (dict, type(None))}
FIX = {"answers": str, "step": (str, type(None)), "title": (str, type(None)), "calls": list, "commands": list}
PARTY = {"name": str, "address": str, "resource": (str, type(None))}
PACKET = {"protocol": str, "port": (int, type(None)), "size": (int, type(None)), "ttl": int, "dont_fragment": bool}
WHOLE = {
    "scenario": str,
    "left_out": list,
    "source": dict,
    "destination": dict,
    "packet": dict,
    "reaches": bool,
    "problem": (str, type(None)),
    "forward": (dict, type(None)),
    "back": (dict, type(None)),
    "drop": (dict, type(None)),
    "fixes": list,
    "solved": bool,
    "remaining": (dict, type(None)),
    "hint": (str, type(None)),
    "observed": (dict, type(None)),
}


def check(value: dict[str, Any], shape: dict[str, Any]) -> None:
    assert value.keys() == shape.keys()
    for name, kind in shape.items():
        assert isinstance(value[name], kind), (name, value[name])


def check_path(path: dict[str, Any]) -> None:
    check(path, PATH)
    assert (path["drop"] is None) is path["delivered"]
    if path["drop"]:
        check(path["drop"], DEATH)
    for hop in path["hops"]:
        check(hop, HOP)
        for line in hop["consulted"]:
            check(line, LINE)
        if hop["datagram"]:
            check_path(hop["datagram"])


@pytest.mark.parametrize("left_out", [(), ("2.5",), ("4.3",), ("2.3.address",)], ids=["alive", "dead", "answer dead", "tunnel"])
def test_the_shape_of_the_json(left_out: tuple[str, ...]) -> None:
    explanation = explained(*left_out, question=Question("ecs", "app") if left_out == ("4.3",) else None)
    value = json.loads(explanation_json(explanation, scenario="vcpe-ping", left_out=left_out))
    check(value, WHOLE)
    check(value["source"], PARTY)
    check(value["destination"], PARTY)
    check(value["packet"], PACKET)
    for path in (value["forward"], value["back"]):
        if path is not None:
            check_path(path)
    for fix in value["fixes"]:
        check(fix, FIX)
    assert value["reaches"] is (left_out == ())
    assert [fix["step"] for fix in value["fixes"]] == list(left_out)
    assert value["left_out"] == list(left_out)


# Observed beside predicted


def place(reason: Reason) -> Drop:
    return Drop("i-0", Place(Filter.INGRESS, str(reason), Origin("sg-0", "aws.create_security_group"), "eni-0"), 1)


def seen_as_predicted(explanation: Explanation) -> Observation:
    drops = (explanation.drop,) if explanation.drop is not None else ()
    arrived = explanation.forward is not None and explanation.forward.delivered
    return Observation(arrived, explanation.reaches, drops)


DISAGREEMENTS = [
    ("not arrived", (), Observation(False, False, ()), ["the packet does not arrive", "observed: no answer comes back"]),
    ("no answer", (), Observation(True, False, ()), ["observed: no answer comes back"]),
    ("a drop nobody foresaw", (), Observation(True, True, (place(Reason.ENI_SG_RULES_MISMATCH),)), ["observed: 1 dropped for"]),
    ("arrived all the same", ("2.5",), Observation(True, True, ()), ["arrives", "comes back", "that gate counted nothing"]),
    (
        "another reason",
        ("2.5",),
        Observation(False, False, (place(Reason.ENI_SG_RULES_MISMATCH),)),
        ["that gate counted nothing", "observed: 1 dropped for ENI_SG_RULES_MISMATCH"],
    ),
]


@pytest.mark.parametrize(
    ("left_out", "observed", "sentences"), [case[1:] for case in DISAGREEMENTS], ids=[case[0] for case in DISAGREEMENTS]
)
def test_disagreement_is_shouted(left_out: tuple[str, ...], observed: Observation, sentences: list[str]) -> None:
    explanation = explained(*left_out)
    found = disagreements(explanation, observed)
    assert [part in sentence for part, sentence in zip(sentences, found, strict=True)] == [True] * len(sentences)
    assert "PREDICTED AND OBSERVED DISAGREE" in printed(explanation, observed=observed, disagreements=found)


@pytest.mark.parametrize("left_out", [(), ("2.5",), ("2.3.address",)], ids=["alive", "dead", "tunnel"])
def test_agreement_is_told(left_out: tuple[str, ...]) -> None:
    explanation = explained(*left_out)
    observed = seen_as_predicted(explanation)
    assert disagreements(explanation, observed) == []
    assert "✓ predicted and observed agree" in printed(explanation, observed=observed)


def test_the_cause_of_a_drop_may_be_counted_too() -> None:
    explanation = explained("2.3.address")
    assert explanation.drop is not None
    edge = explanation.fate.cause
    assert edge is not None
    from lab.explanation import place_of

    assert edge.at is not None
    where = place_of(edge)
    assert where is not None
    observed = Observation(False, False, (explanation.drop, Drop(edge.at.node.name, where, 2)))
    assert disagreements(explanation, observed) == []
