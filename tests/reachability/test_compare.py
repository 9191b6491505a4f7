"""What changes between two networks, found by classes of machines: the same that asking every pair by every packet finds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, permutations
from pathlib import Path

import pytest
from hypothesis import given, settings

from lab.agreement.call import Call, make_all
from lab.agreement.states import states
from lab.agreement.world import make_world
from lab.cloud import Cloud
from lab.explanation.state import State
from lab.files import LabFile
from lab.files.source import Source
from lab.reachability import Difference, Kind, compare
from lab.reachability.classes import Classes
from lab.reachability.endpoints import endpoints
from lab.reachability.kinds import kinds_of
from lab.simulation import Probe, Simulation
from lab.topology import Topology

THREE = (Path(__file__).parent.parent.parent / "examples" / "three-offices" / "lab.yaml").read_text(encoding="utf-8")

Triple = tuple[str, str, Kind]


def answered(topology: Topology, kinds: Sequence[Kind]) -> set[Triple]:
    """Who reaches whom: every pair, every kind of packet, each from a port of its own, so that none is taken for another's."""
    machines, simulation, port = endpoints(topology), Simulation(topology), count(1)
    found = set()
    for source, destination in permutations(machines, 2):
        ends = [machines[name].interfaces[0].addresses[0].ip for name in (source, destination)]
        for kind in kinds if ends[0] != ends[1] else ():
            probe = Probe(*ends, kind.protocol, source_port=next(port), destination_port=kind.port or 0)
            if simulation.exchange(probe, machines[source].name).answered:
                found.add((source, destination, kind))
    return found


def told(difference: Difference, *, gained: bool) -> set[Triple]:
    return {
        (source, destination, kind)
        for change in difference.changes
        if change.gained is gained
        for source in change.sources
        for destination in change.destinations
        if source != destination
        for kind in change.kinds
    }


def check(before: State, after: State) -> Difference:
    """The difference, which must be what asking everybody gives."""
    difference = compare(before, after)
    kinds = kinds_of((before.topology, after.topology))
    both = endpoints(before.topology).keys() & endpoints(after.topology).keys()
    old, new = (
        {triple for triple in answered(state.topology, kinds) if both >= {triple[0], triple[1]}} for state in (before, after)
    )
    assert told(difference, gained=False) == old - new
    assert told(difference, gained=True) == new - old
    return difference


def crowded_world() -> Cloud:
    """The world of random states, with more machines of the same kinds in it."""
    world = make_world()
    cloud = world.cloud
    app = next(one for one in cloud.aws.describe_instances() if one.name == "app")
    group = next(one for one in cloud.aws.describe_network_interfaces() if one.id == app.network_interface_ids[0]).group_ids
    for name in ("app-2", "app-3"):
        cloud.aws.run_instances(app.image_id, world.subnets[0], security_group_ids=group, name=name)
    ecs = next(one for one in cloud.alibaba.describe_network_interfaces() if str(one.private_ip_address) == "192.168.1.10")
    for name in ("ecs-2", "ecs-3"):
        cloud.alibaba.run_instances(ecs.v_switch_id, ecs.security_group_ids[0], instance_name=name)
    return cloud


@settings(max_examples=6)
@given(states(least=2))
def test_random_changes(calls: list[Call]) -> None:
    after = crowded_world()
    check(State(crowded_world()), State(make_all(calls, after)))


def test_machines_are_alike_where_nothing_tells_them_apart() -> None:
    topology = State(crowded_world()).topology
    classes = Classes(topology, endpoints(topology))
    alike = [sorted(members) for members in classes.members if len(members) > 1]
    assert sorted(map(len, alike)) == [3, 5]
    assert ["A/app", "A/app-2", "A/app-3", "A/nat", "A/web"] in alike


def states(old: str, new: str) -> tuple[State, State]:
    """Two files, as `saglab diff` reads them."""
    before, after = LabFile.pair(Source("old.yaml", old), Source("new.yaml", new))
    return before.state, after.state


CHANGES = {
    "a rule is gone": ("            - tcp 3306 from 192.168.0.0/16\n", "", (1, 0)),
    "a rule is new": ("            - tcp 3306 from 10.1.0.0/16\n", "            - tcp 3306 from 10.0.0.0/8\n", None),
    "another route": ("10.2.0.0/16: vcpe-hq}", "10.9.0.0/16: vcpe-hq}", None),
    "a check is on": ("security_groups: [edge]}", "security_groups: [edge], source_dest_check: true}", None),
    "a list that denies": ("20: allow all from 0.0.0.0/0", "20: allow icmp from 0.0.0.0/0", None),
    "not attached": ("attachments: [ccn, web, data", "attachments: [ccn, data", None),
    "bandwidth for the archive": ("bandwidth: 4}", "bandwidth: 4}, {between: [ap-southeast-1, cn-shanghai], bandwidth: 2}", None),
    "nothing": ("# the archive", "# The archive", (0, 0)),
}


@pytest.mark.parametrize(("what", "instead", "pairs"), CHANGES.values(), ids=CHANGES.keys())
def test_changes_of_a_file(what: str, instead: str, pairs: tuple[int, int] | None) -> None:
    assert what in THREE
    old, new = states(THREE, THREE.replace(what, instead))
    difference = check(old, new)
    if pairs is not None:
        lost = sum(change.pairs for change in difference.changes if not change.gained)
        assert (lost, difference.pairs - lost) == pairs


def test_why_with_the_places_in_both_files() -> None:
    text = THREE.replace("            - tcp 3306 from 192.168.0.0/16\n", "")
    old, new = states(THREE, text)
    (change,) = compare(old, new).changes
    assert (change.sources, change.destinations, list(map(str, change.kinds))) == (("web/www",), ("data/db",), ["tcp 3306"])
    assert change.reason is not None
    assert change.let is not None
    lines = THREE.splitlines()
    assert change.reason.by.place == f"new.yaml:{lines.index('        databases:') + 1}"
    assert change.let.place == f"old.yaml:{lines.index('            - tcp 3306 from 192.168.0.0/16') + 1}"
    assert change.let.says == "allows tcp 3306 from 192.168.0.0/16"


def test_machines_of_one_network_only() -> None:
    text = THREE.replace("instances: {tape:", "instances: {reel:").replace("to: tape", "to: reel")
    old, new = states(THREE, text)
    difference = compare(old, new)
    assert (difference.removed, difference.added, difference.changes) == (("archive/tape",), ("archive/reel",), ())
