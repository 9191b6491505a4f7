"""A network that is changed while packets flow: what a change must stop, what it must not touch, what a failed change leaves."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from lab.agreement.asks import Ask, questions
from lab.agreement.call import Call
from lab.agreement.outcome import Outcome
from lab.agreement.pair import Pair
from lab.agreement.states import world
from lab.agreement.worker import Worker
from lab.agreement.world import make_world
from lab.cloud import Cloud
from lab.compiler import compile_topology
from lab.emulation.machine import Machine
from lab.emulation.network import Network
from lab.emulation.rtnetlink import RouteSocket
from lab.errors import MachineError
from lab.simulation import Probe
from tests.steady_ping import SteadyPing

pytestmark = pytest.mark.emulation

FLOW = 7  # the identifier of one flow, that goes on while the network changes
TOGGLES = 10
IN_BETWEEN = 2.0  # seconds; an end that tries goes on after 0.5 and 1.5 s
APP, WEB, ECS, BRANCH = "10.0.1.10", "10.0.1.11", "192.168.1.10", "10.50.0.11"


def ask(machine: str, destination: str, source_port: int = 0) -> Ask:
    address = IPv4Address(destination)
    return Ask(machine, Probe(address, address, "icmp", source_port))


def aws(cloud: Cloud, name: str, **arguments: object) -> None:
    Call("aws", name, arguments).make(cloud)


# --- a flow that was admitted elsewhere -------------------------------------------------------------------------------


def reroute() -> list[tuple[str, str, list[str]]]:
    """A running flow, and the same after its route leads to an interface whose group does not admit it, and back."""
    here, cloud = world(), make_world().cloud
    aws(cloud, "modify_network_interface_attribute", network_interface_id=here.enis["db"], source_dest_check=False)
    pair = Pair(compile_topology(cloud))
    found = []
    for target in ("vcpe", "db", "db", "vcpe"):
        aws(
            cloud,
            "replace_route",
            route_table_id=here.tables[0],
            destination_cidr_block="192.168.0.0/16",
            network_interface_id=here.enis[target],
        )
        topology = compile_topology(cloud)
        pair.apply(topology)
        answers = pair.ask(questions(topology, [ask("app", ECS, FLOW)]))
        disagreements = [*pair.disagreements, *answers.disagreements]
        found.append((answers.outcomes[0].answered_at, str(answers.forecasts[0].reason), [*map(str, disagreements)]))
    pair.close()
    return found


def test_a_flow_is_dropped_at_an_interface_whose_group_does_not_admit_it() -> None:
    app = world().machines["app"]
    refused = ("", "ENI_SG_RULES_MISMATCH", [])
    assert Worker(reroute).result() == [(app, "None", []), refused, refused, (app, "None", [])]


# --- a flow that a change is not about --------------------------------------------------------------------------------


def toggle(log: Path) -> str:
    """The end of a ping that ran while another interface's check was turned off and on."""
    here, cloud = world(), make_world().cloud
    pair = Pair(compile_topology(cloud))
    machine = pair.emulation.machines[here.machines["app"]]
    pinging = SteadyPing(log, WEB, machine.entry(), interval=0.001)
    for number in range(TOGGLES):
        check = bool(number % 2)
        aws(cloud, "modify_network_interface_attribute", network_interface_id=here.enis["nat"], source_dest_check=check)
        pair.emulation.apply(compile_topology(cloud))
        pinging.more(1)
    end = pinging.end()
    pair.close()
    return end


def test_ten_changes_of_a_check_lose_no_packet_of_others(tmp_path: Path) -> None:
    assert Worker(partial(toggle, tmp_path / "ping.log")).result() == "0 lost, 0 twice"


# --- two gateways of one CCN --------------------------------------------------------------------------------------------


def meet() -> tuple[list[list[str]], list[str]]:
    """Which packets are answered: with the CCN in the CEN, with it taken out, and with one of the two gateways off the CCN."""
    here, cloud = world(), make_world().cloud
    pair = Pair(compile_topology(cloud))
    found, disagreements = [], list(pair.disagreements)
    for call in (
        None,
        Call("alibaba", "detach_ccn_instance_from_cen", {"ccn_id": here.ccn, "cen_id": here.cen}),
        Call("alibaba", "unbind_smart_access_gateway", {"ccn_id": here.ccn, "smart_ag_id": here.sag}),
    ):
        if call is not None:
            call.make(cloud)
        topology = compile_topology(cloud)
        pair.apply(topology)
        answers = pair.ask(questions(topology, [ask("branch", APP), ask("app", BRANCH), ask("branch", ECS)]))
        found.append([outcome.answered_at for outcome in answers.outcomes])
        disagreements += [*pair.disagreements, *answers.disagreements]
    pair.close()
    return found, [*map(str, disagreements)]


def test_gateways_of_one_ccn_reach_each_other_without_a_cen() -> None:
    branch, app = (world().machines[name] for name in ("branch", "app"))
    assert Worker(meet).result() == ([[branch, app, branch], [branch, app, ""], ["", "", ""]], [])


# --- tunnels while the network changes ---------------------------------------------------------------------------------


def slip() -> tuple[list[str], list[str]]:
    """From a network in which a gate shuts the tunnel to one in which a route does, slowly: between them neither does.

    What the vCPE's end says of the tunnel in both, and what the backends disagree on.
    """
    here, shut, cloud = world(), make_world().cloud, make_world().cloud
    for egress in (True, False):
        entry = {"network_acl_id": here.acls[2], "rule_number": 50, "protocol": "udp", "rule_action": "deny", "egress": egress}
        Call("aws", "create_network_acl_entry", entry | {"cidr_block": "0.0.0.0/0", "from_port": 500, "to_port": 500}).make(shut)
    aws(cloud, "disassociate_route_table", association_id=here.associations[0])
    pair = Pair(compile_topology(shut))
    before = pair.emulation.vpn_ends(here.sag)
    original = Network.route

    def slowly(network: Network, *arguments: Any, **options: Any) -> None:
        Network.route = original  # the first alone
        time.sleep(IN_BETWEEN)  # the moment is meant to be long
        original(network, *arguments, **options)

    Network.route = slowly
    pair.apply(compile_topology(cloud))
    after = pair.emulation.vpn_ends(here.sag)
    pair.close()
    return [ends[0].reason for ends in (before, after)], [*map(str, pair.disagreements)]


def test_no_tunnel_opens_through_a_network_that_is_half_changed() -> None:
    assert Worker(slip).result() == (["NO_ANSWER", "NO_ANSWER"], [])


def return_shut() -> tuple[list[list[str]], list[str]]:
    """The gateway is stopped, and so its public address is given up; then it runs again, and its group lets nothing out.

    What the ends say of its tunnel at each time, and what the backends disagree on.
    """
    here = world()
    stop = Call("aws", "stop_instances", {"instance_id": here.machines["vcpe"]})
    shut = {"group_id": here.aws_groups[1], "ip_protocol": "-1", "cidr_ip": "0.0.0.0/0"}
    pair = Pair(compile_topology(make_world().cloud))
    found, disagreements = [], list(pair.disagreements)
    for call in (None, stop, Call("aws", "revoke_security_group_egress", shut)):
        cloud = make_world().cloud
        if call is not None:
            call.make(cloud)
        pair.apply(compile_topology(cloud))
        found.append([end.reason for end in pair.emulation.vpn_ends(here.sag)])
        disagreements += pair.disagreements
    pair.close()
    return found, [*map(str, disagreements)]


def test_connections_of_a_public_address_that_was_given_up_are_forgotten() -> None:
    assert Worker(return_shut).result() == ([["", ""], [], ["NO_ANSWER", "PEER_NOT_HEARD"]], [])


def associations(pair: Pair) -> dict[tuple[str, str], tuple[int, int]]:
    """The SPI of the IKE SA and of the inbound child of each peer, by node and peer."""
    return {
        (node, name): (peer["ike"]["spi_i"], peer["spi_in"])
        for node, status in pair.emulation.tunnel_status().items()
        for name, peer in status["peers"].items()
    }


def keep() -> tuple[set[str], list[str]]:
    """The tunnels that got other keys by changes of the edge node's check, of static routes, and of the other gateway's CCN."""
    here, cloud = world(), make_world().cloud
    pair = Pair(compile_topology(cloud))
    before, disagreements = associations(pair), list(pair.disagreements)
    for name, arguments in (
        ("modify_ens_instance_attribute", {"instance_id": here.edge, "source_dest_check": True}),
        ("modify_smart_access_gateway", {"smart_ag_id": here.sag, "cidr_block": "10.0.1.0/24"}),
        ("unbind_smart_access_gateway", {"ccn_id": here.ccn, "smart_ag_id": here.sag}),
        ("bind_smart_access_gateway", {"ccn_id": here.ccn, "smart_ag_id": here.sag}),
    ):
        Call("alibaba", name, arguments).make(cloud)
        pair.apply(compile_topology(cloud))
        disagreements += pair.disagreements
    after = associations(pair)
    pair.close()
    return {name for (node, name), keys in after.items() if before[node, name] != keys}, [*map(str, disagreements)]


def test_a_change_gives_new_keys_to_the_tunnels_that_it_is_about_alone() -> None:
    assert Worker(keep).result() == ({world().sag}, [])


# --- a change that fails half-way -------------------------------------------------------------------------------------


def fail_on(method: Callable[..., Any], number: int) -> Callable[..., Any]:
    """The method, but for one call, which fails."""
    calls = 0

    def failing(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            raise MachineError("injected")
        return method(*arguments, **options)

    return failing


INJECTED: dict[str, tuple[type, str, int]] = {
    "nft": (Machine, "run_nft", 1),
    "a route, after others of the node": (RouteSocket, "set_route", 2),
    "the routes of a node": (Network, "route", 3),
    "the routes of the last nodes": (Network, "route", 14),
    "a new link": (Network, "add_links", 1),
    "the addresses of a node": (Network, "configure", 9),
}


def break_change() -> dict[str, tuple[str, bool, list[Outcome], list[str]]]:
    """A change that touches rules, routes and links; each time something else of it fails. Then the same, undisturbed."""
    here, cloud = world(), make_world().cloud
    before = compile_topology(cloud)
    pair = Pair(before)
    aws(cloud, "modify_network_interface_attribute", network_interface_id=here.enis["app"], groups=(here.aws_groups[2],))
    aws(cloud, "delete_route", route_table_id=here.tables[0], destination_cidr_block="172.16.0.0/16")
    aws(cloud, "terminate_instances", instance_id=here.machines["db"])
    aws(cloud, "attach_network_interface", network_interface_id=here.enis["spare"], instance_id=here.machines["web"])
    after = compile_topology(cloud)
    wanted = [ask("ecs", APP), ask("app", "172.16.1.10"), ask("vcpe", ECS), ask("app", "10.0.2.20"), ask("db", APP)]
    found = {}
    for name, (kind, method, number) in INJECTED.items():
        original = getattr(kind, method)
        setattr(kind, method, fail_on(original, number))
        said = ""
        try:
            pair.emulation.apply(after)
        except MachineError as error:
            said = str(error)
        finally:
            setattr(kind, method, original)
        same = pair.emulation.topology == before
        pair.apply(before)
        answers = pair.ask(questions(before, wanted))
        found[name] = (said, same, answers.outcomes, [*map(str, [*pair.disagreements, *answers.disagreements])])
    pair.apply(after)
    answers = pair.ask(questions(after, wanted))
    found[""] = ("", True, answers.outcomes, [*map(str, [*pair.disagreements, *answers.disagreements])])
    pair.close()
    return found


@pytest.fixture(scope="module")
def broken() -> dict[str, tuple[str, bool, list[Outcome], list[str]]]:
    return Worker(break_change).result()


@pytest.mark.parametrize("name", INJECTED)
def test_a_change_that_fails_half_way_says_so_and_is_undone(
    broken: dict[str, tuple[str, bool, list[Outcome], list[str]]], name: str
) -> None:
    said, same, outcomes, disagreements = broken[name]
    assert said == "the change could not be applied, and the lab is as it was before: injected"
    assert same
    assert disagreements == []
    machines = world().machines
    assert [one.answered_at for one in outcomes] == [machines["ecs"], machines["app"], machines["vcpe"], "", machines["db"]]


def test_what_failed_half_way_can_be_done_later(broken: dict[str, tuple[str, bool, list[Outcome], list[str]]]) -> None:
    _, _, outcomes, disagreements = broken[""]
    assert disagreements == []
    assert [bool(one.answered_at) for one in outcomes] == [False, False, True, False, False]
