"""Links as a user names them, and what was ordered for them. The network is that of the scenario vcpe-ping."""

from __future__ import annotations

import pytest

from lab.emulation.line.lines import Way
from lab.emulation.shell import short_names
from lab.errors import UsageError
from lab.impairments import Order, parse_impairments
from lab.supervisor.links import LinkOrders, find_links, link_infos, link_names
from lab.topology import Link, Topology
from tests.emulation.scenario_lab import topology

BAD, WORSE = (Order(parse_impairments(said)) for said in ("loss 1% / delay 1ms", "down"))
TURNED = Order(parse_impairments("delay 1ms / loss 1%"))


@pytest.fixture(scope="module")
def network() -> Topology:
    return topology()


def named(network: Topology, name: str) -> Link:
    return next(link for link, known in link_names(network, short_names(network)).items() if known == name)


WORDS = {
    "by its nodes": ("aws/app", "aws/app", False),
    "from the other end": ("app/aws", "aws/app", True),
    "by the interface at one end": ("app:eth0", "aws/app", True),
    "by the interface at the other": ("aws:igw", "aws/internet", False),
    "the WAN, from the gateway": ("wan", "aws/internet", False),
}


@pytest.mark.parametrize(("word", "name", "turned"), WORDS.values(), ids=WORDS.keys())
def test_words(network: Topology, word: str, name: str, turned: bool) -> None:
    (found,) = find_links(network, short_names(network), word)
    assert (found.link, found.turned) == (named(network, name), turned)


MISTAKES = {
    "no such node": ("app/nowhere", "there is no link 'app/nowhere'; there are: alibaba/ecs, aws/app, aws/internet"),
    "no such interface": ("app:eth1", "there is no link 'app:eth1'"),
    "nodes without a link": ("app/ecs", "there is no link 'app/ecs'"),
    "one node": ("app", "there is no link 'app'"),
}


@pytest.mark.parametrize(("word", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes(network: Topology, word: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        find_links(network, short_names(network), word)


def test_of_several_links_between_two_nodes_each_has_a_name_of_its_own(network: Topology) -> None:
    (aws, _), (app, _) = named(network, "aws/app").a, named(network, "aws/app").b
    second = Link((aws, "eni-second"), (app, "eth1"))
    two = Topology(network.nodes, (*network.links, second))
    names = short_names(two)
    assert link_names(two, names)[second] == "aws:eni-second"
    with pytest.raises(UsageError, match=r"2 links are 'aws/app'; say which one: aws:eni-\w+, aws:eni-second"):
        find_links(two, names, "aws/app")


def test_without_a_gateway_there_is_no_wan(network: Topology) -> None:
    with pytest.raises(UsageError, match="there is no WAN"):
        find_links(Topology(network.nodes[:1]), short_names(network), "wan")


def ordered(network: Topology, *words: tuple[str, Order | None], wan: Order | None = None) -> dict[str, Order]:
    """What is ordered after each word in turn, by the links' names."""
    names, orders = short_names(network), LinkOrders(wan)
    for word, order in words:
        orders = orders.changed(word, find_links(network, names, word), order)
    known = link_names(network, names)
    return {known[link]: order for link, order in orders.on(network).items()}


def test_directions_are_those_of_the_end_named_first(network: Topology) -> None:
    assert ordered(network, ("aws/app", BAD)) == {"aws/app": BAD}
    assert ordered(network, ("app/aws", BAD)) == {"aws/app": TURNED}


def test_a_link_goes_before_the_wan_until_the_wan_is_spoken_of_again(network: Topology) -> None:
    assert ordered(network, wan=BAD) == {"aws/internet": BAD}
    assert ordered(network, ("aws:igw", WORSE), wan=BAD) == {"aws/internet": WORSE}
    assert ordered(network, ("aws:igw", None), wan=BAD) == {}
    assert ordered(network, ("aws:igw", WORSE), ("wan", BAD)) == {"aws/internet": BAD}
    assert ordered(network, ("wan", None), wan=BAD) == {}


def test_an_order_waits_for_its_link(network: Topology) -> None:
    orders = LinkOrders().changed("aws/app", find_links(network, short_names(network), "aws/app"), BAD)
    assert orders.on(Topology()) == {}
    assert list(orders.on(network).values()) == [BAD]


def test_what_is_told_of_a_link(network: Topology) -> None:
    link = named(network, "aws/internet")
    way = Way("0a", "the kernel's jitter reorders packets")
    bad, good = link_infos(network, short_names(network), [link, named(network, "aws/app")], {link: BAD}, {link: way})
    assert (bad.name, bad.ends[0], bad.impairments) == ("aws/internet", "aws:igw", "loss 1% / delay 1ms")
    assert (bad.by, bad.seed, bad.why) == ("line", "0a", way.why)
    assert (good.impairments, good.by, good.seed, good.why) == ("", "", "", "")
