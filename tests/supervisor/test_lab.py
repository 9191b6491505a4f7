"""A lab in the background, as its user sees it: one lab for all of these tests."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP
from scapy.utils import rdpcap

from lab import Check, CloudError, Reason, connect
from lab.connection import Connection
from lab.errors import UsageError
from lab.explanation import Question
from lab.supervisor.client import Client
from lab.supervisor.exporter import Exporter
from tests.supervisor.command import SAGLAB, saglab, saglab_json, saglab_process

pytestmark = pytest.mark.emulation

NAME = f"test-{os.getpid()}"


@dataclass(frozen=True)
class Up:
    """A lab of vcpe-ping without step 2.5, and what `up` said."""

    said: str
    state: Path
    client: Client
    lab: Connection

    def vcpe_eni(self) -> str:
        (vcpe,) = [instance for instance in self.lab.aws.describe_instances() if instance.name == "vcpe"]
        return vcpe.network_interface_ids[0]

    def check(self, enabled: bool) -> None:
        self.lab.aws.modify_network_interface_attribute(self.vcpe_eni(), source_dest_check=enabled)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    state = tmp_path_factory.mktemp("up") / "state"
    said = saglab_process("up", "vcpe-ping", "--name", NAME, "--skip", "2.5", "--state", str(state), status=1)
    client = Client(NAME)
    try:
        yield Up(said, state, client, connect(NAME))
    finally:
        client.down()


# What `up` does


def test_up_tells_of_the_run_as_run_does(up: Up) -> None:
    assert "✓ 2.1" in up.said
    assert "step 2.5 is missing: Disable the source/destination check of the vCPE" in up.said
    assert f"{NAME} stays up" in up.said


def test_up_again_does_nothing(up: Up) -> None:
    before = up.client.info()
    assert f"{NAME} is up already" in saglab("up", "vcpe-ping", "--name", NAME)
    assert up.client.info() == before


def test_the_picture_of_the_network_shows_what_is_broken(up: Up) -> None:
    said = saglab_process("diagram", "--lab", NAME)
    assert said.startswith(f"---\ntitle: {NAME}\n---\n")
    assert "✗ destination check of vcpe: ENI_SOURCE_DEST_CHECK_RESTRICTION" in said
    assert "VPN Status" not in said  # the dataplanes themselves say that their tunnel is open
    assert "faint" in saglab_process("diagram", "--lab", NAME, "--way", "vcpe", "ecs")


def test_another_scenario_under_the_same_name_is_refused(up: Up, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text('"""Another one."""\n\n\ndef run(lab):\n    pass\n')
    assert "choose another --name" in saglab("up", str(tmp_path / "other.py"), "--name", NAME, status=2)


def test_a_second_supervisor_on_the_same_state_is_refused(up: Up) -> None:
    said = saglab_process("up", "vcpe-ping", "--name", f"{NAME}-x", "--state", str(up.state), status=2)
    assert "another lab works on the state" in said


def test_the_list_shows_it(up: Up) -> None:
    (mine,) = [lab for lab in saglab_json("list")["up"] if lab["name"] == NAME]
    assert (mine["scenario"], mine["left_out"], mine["condition"], mine["nodes"]) == ("vcpe-ping", ["2.5"], "up", 9)


# What can be asked


def test_status_shows_nodes_and_both_ends_of_the_tunnel(up: Up) -> None:
    status = saglab_json("status", "--lab", NAME)
    nodes = {node["name"]: node for node in status["nodes"]}
    assert nodes["app"]["addresses"] == ["10.0.1.10"]
    assert {"internet", "aws", "vcpe", "alibaba", "ecs"} <= nodes.keys()
    ends = {tunnel["node"]: tunnel for tunnel in status["tunnels"]}
    assert {end["vpn_status"] for end in ends.values()} == {"Normal"}
    assert ends["vcpe"]["spi_in"] == ends["ccn-singapore"]["spi_out"] != ""
    assert all(end["cipher"] == "aes-256-gcm" and end["heard"] is not None for end in ends.values())
    assert all(0 < end["age"] < end["rekey_in"] for end in ends.values())
    assert ends["vcpe"]["ike"]["identity"] == ends["ccn-singapore"]["ike"]["remote_identity"]


def test_status_for_a_person(up: Up) -> None:
    said = saglab("status", "--lab", NAME)
    assert "vcpe-ping without step 2.5, up for" in said
    assert said.count("VPN status Normal") == 2


def test_a_ping_says_where_it_died(up: Up) -> None:
    up.check(True)
    said = saglab("ping", "app", "ecs", "--count", "2", "--lab", NAME, status=1)
    assert "0 of 2 echoes" in said
    assert "destination check of vcpe: ENI_SOURCE_DEST_CHECK_RESTRICTION" in said


def test_a_trace_says_why_and_what_would_help(up: Up) -> None:
    up.check(True)
    traced = up.lab.trace(Question("app", "ecs"))
    assert (traced.reaches, traced.agrees) == (False, True)
    command = f"aws modify_network_interface_attribute --network-interface-id {up.vcpe_eni()} --no-source-dest-check --lab {NAME}"
    assert f"saglab call {command}\n" in traced.text
    assert json.loads(traced.json)["reaches"] is False


def test_a_diagnosis_names_what_is_wrong(up: Up) -> None:
    up.check(True)
    diagnosis = up.lab.diagnose("vcpe-singapore")
    assert {item.check for item in diagnosis.errors} == {Check.SOURCE_DEST_CHECK}
    said = saglab("diagnose", "--lab", NAME, status=1)
    assert "✗ source/destination check" in said
    assert diagnosis.errors[0].advice in said


def test_nobody_unknown_is_diagnosed(up: Up) -> None:
    assert "no gateway is called 'nobody'" in saglab("diagnose", "nobody", "--lab", NAME, status=2)


def test_nobody_unknown_is_pinged(up: Up) -> None:
    with pytest.raises(UsageError, match="no machine 'nobody' runs; there are: app, ecs, vcpe"):
        up.lab.ping("app", "nobody")


# What can be done


def test_the_network_follows_a_call_at_once(up: Up) -> None:
    said = saglab("call", "aws", "modify-network-interface-attribute", "--network-interface-id", up.vcpe_eni(), "--lab", NAME,
                  "--no-source-dest-check")  # fmt: skip
    assert said == "done\n"
    assert up.lab.ping("app", "ecs", count=2).passed
    up.check(True)
    ping = up.lab.ping("app", "ecs", count=2)
    assert not ping.passed
    assert {blame.drop.place.reason for blame in ping.drops} == {Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION}


def test_answers_are_the_resources_themselves(up: Up) -> None:
    names = {instance.name for instance in up.lab.aws.describe_instances()}
    assert names == {"app", "vcpe"}
    assert up.lab.alibaba.describe_smart_access_gateways()[0].active_device.serial_number.startswith("sag")


def test_a_refusal_bears_the_providers_code(up: Up) -> None:
    with pytest.raises(CloudError) as refused:
        up.lab.aws.delete_vpc("vpc-none")
    assert refused.value.code == "InvalidVpcID.NotFound"
    assert "InvalidVpcID.NotFound" in saglab("call", "aws", "delete_vpc", "--vpc-id", "vpc-none", "--lab", NAME, status=1)


def test_an_operation_that_does_not_exist_is_no_attribute(up: Up) -> None:
    with pytest.raises(AttributeError):
        up.lab.aws.fly()  # type: ignore[attr-defined]


def test_exec_runs_in_the_node_and_passes_its_status_on(up: Up) -> None:
    assert "10.0.1.10/24" in saglab_process("exec", "--lab", NAME, "app", "ip", "-br", "address")
    saglab_process("exec", "--lab", NAME, "app", "sh", "-c", "exit 7", status=7)


def test_exec_in_no_node_names_those_there_are(up: Up) -> None:
    assert "there are: internet, aws" in saglab("exec", "--lab", NAME, "nowhere", "true", status=2)


def test_a_shell_says_what_it_is(up: Up) -> None:
    said = saglab_process("shell", "--lab", NAME, "app", stdin="hostname -I\n")
    assert "root on this machine's files" in said
    assert "10.0.1.10" in said


# Bad links


def test_a_link_is_impaired_and_good_again(up: Up) -> None:
    up.check(False)
    said = saglab("impair", "ecs/alibaba", "delay", "10ms", "/", "--seed", "4", "--lab", NAME)
    assert re.search(r"alibaba/ecs +alibaba:eni-\S+ +ecs:eth0 +/ delay 10ms +line, seed 4", said)
    ping = up.lab.ping("app", "ecs", count=2)
    assert ping.passed
    assert ping.result.rtt_ms is not None
    assert ping.result.rtt_ms >= 10
    (impaired,) = saglab_json("status", "--lab", NAME)["impaired"]
    assert (impaired["name"], impaired["impairments"]) == ("alibaba/ecs", "/ delay 10ms")
    assert "impaired links" in saglab("status", "--lab", NAME)
    assert saglab("impair", "ecs:eth0", "--clear", "--lab", NAME) == "good again: alibaba/ecs\n"
    assert saglab("impair", "--clear", "--lab", NAME) == "there was nothing to clear\n"
    assert saglab_json("status", "--lab", NAME)["impaired"] == []
    told = [event.text for event in up.client.events() if event.kind == "impaired"]
    assert told == ["alibaba/ecs: / delay 10ms (by a line with the seed 4)", "alibaba/ecs: good again"]


def test_links_are_listed_and_one_that_there_is_not_is_refused(up: Up) -> None:
    assert {"aws/app", "aws/internet"} <= {link["name"] for link in saglab_json("impair", "--lab", NAME)}
    assert [link.name for link in up.lab.links()] == [link["name"] for link in saglab_json("impair", "--lab", NAME)]
    assert "there are: alibaba/ecs, aws/app" in saglab("impair", "app/ecs", "down", "--lab", NAME, status=2)


def test_a_wan_that_is_down_kills(up: Up) -> None:
    up.check(False)
    (wan,) = up.lab.impair("wan", "down")
    assert (wan.name, wan.by) == ("aws/internet", "kernel")
    assert up.lab.ping("app", "ecs", count=2).result.received == 0
    traced = up.lab.trace(Question("app", "ecs"))
    assert (traced.reaches, traced.agrees) == (False, True)
    assert "aws/internet: down  (saglab impair aws/internet --clear makes it good)" in traced.text
    assert json.loads(traced.json)["observed"]["impaired_links"] == [{"link": "aws/internet", "impairments": "down"}]
    assert [link.name for link in up.lab.make_good()] == ["aws/internet"]
    assert up.lab.ping("app", "ecs", count=2).passed


# What is counted


def test_the_traffic_of_a_ping_is_counted(up: Up) -> None:
    up.check(False)
    before = _counted(up)
    assert up.lab.ping("app", "ecs", count=2).passed
    assert [after - earlier for after, earlier in zip(_counted(up), before, strict=True)] == [2 * 84, 2 * 84]
    assert saglab("monitor", "--lab", NAME, "--csv").startswith("time,device,seconds,rx_bytes,tx_bytes")
    assert "━ received" in saglab("monitor", "vcpe-singapore", "--lab", NAME, "--window", "3h")


def _counted(up: Up) -> tuple[int, int]:
    """Bytes received and sent."""
    points = up.lab.traffic(window="1h").points
    return sum(point.received_bytes for point in points), sum(point.sent_bytes for point in points)


def test_a_window_that_is_none_is_refused(up: Up) -> None:
    assert "'3 hours' is no window" in saglab("monitor", "--window", "3 hours", "--lab", NAME, status=2)


def test_the_numbers_are_served_for_prometheus(up: Up) -> None:
    written = saglab("metrics", "--lab", NAME)
    assert 'saglab_tunnel_normal{node="vcpe"' in written
    with Exporter(("127.0.0.1", 0), up.client) as exporter:
        serving = threading.Thread(target=exporter.serve, daemon=True)
        serving.start()
        host, port = exporter.address
        line = HTTPConnection(host, port)
        answers = {}
        for path in ("/", "/metrics"):
            line.request("GET", path)
            answer = line.getresponse()
            answers[path] = (answer.status, answer.read().decode())
        exporter.stop()
        serving.join()
    assert [status for status, _ in answers.values()] == [404, 200]
    assert _names(answers["/metrics"][1]) == _names(written)


def _names(numbers: str) -> list[str]:
    return [line.rpartition(" ")[0] for line in numbers.splitlines()]


def test_a_port_that_is_taken_is_told(up: Up) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen at 127.0.0.1:{port}" in saglab("metrics", "--lab", NAME, "--listen", str(port), status=2)


@pytest.mark.requirement("S0-021")
def test_peak_bandwidth_is_held_both_ways_and_changed_on_the_way(up: Up) -> None:
    up.check(False)
    (sag,) = up.lab.alibaba.describe_smart_access_gateways()
    up.lab.alibaba.downgrade_smart_access_gateway(sag.id, 10)
    before = _exceeded(up)
    for source, destination in (("app", "192.168.1.10"), ("ecs", "10.0.1.10")):  # 0.8 MB at once, which takes 0.7 s
        burst = ["ping", "-q", "-c", "600", "-l", "600", "-s", "1400", "-W", "1", destination]
        saglab_process("exec", "--lab", NAME, source, *burst)
    assert {tunnel.bandwidth for tunnel in up.lab.status().tunnels} == {10_000_000}
    assert all(_exceeded(up)[node] > packets for node, packets in before.items())
    up.lab.alibaba.upgrade_smart_access_gateway(sag.id, 100)
    assert {tunnel.bandwidth for tunnel in up.lab.status().tunnels} == {100_000_000}
    assert "100 Mbit/s sent at most" in saglab("status", "--lab", NAME)


def _exceeded(up: Up) -> dict[str, int]:
    return {tunnel.node: tunnel.drops.get("PEAK_BANDWIDTH_EXCEEDED", 0) for tunnel in up.lab.status().tunnels}


# What is told


def test_events_tell_of_steps_calls_and_the_vpn_status(up: Up) -> None:
    up.check(True)
    events = list(up.client.events())
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert {"step", "ping", "up", "call", "network"} <= {event.kind for event in events}


def test_who_follows_is_told_of_what_comes(up: Up) -> None:
    last = list(up.client.events())[-1].number
    following = up.client.events(after=last, follow=True)
    up.check(False)
    assert [next(following).kind, next(following).kind] == ["call", "network"]
    following.close()


def test_the_log_holds_no_key(up: Up) -> None:
    (gateway,) = up.lab.alibaba.describe_smart_access_gateways()
    log = saglab("logs", "--lab", NAME)
    assert "the lab is up" in log
    assert [device.secret_key for device in gateway.devices if device.secret_key in log] == []


def test_every_process_of_the_lab_bears_its_id(up: Up) -> None:
    supervisor = up.client.supervisor
    namespace = Path(f"/proc/{supervisor}/ns/pid").readlink()
    inside = [path for path in Path("/proc").iterdir() if path.name.isdigit() and _in(path, namespace)]
    assert len(inside) > 10
    named = f"SAGLAB_LAB={NAME}:".encode()
    started = [path for path in inside if int(path.name) != supervisor and (path / "cmdline").read_bytes()]
    assert [path.name for path in started if named not in (path / "environ").read_bytes()] in ([], [_init(supervisor)])


def test_every_interface_bears_the_labs_id(up: Up) -> None:
    (line,) = [line for line in saglab_process("exec", "--lab", NAME, "app", "ip", "link").splitlines() if "alias" in line]
    assert line.split()[1:2] == ["saglab"]
    assert line.split()[2].startswith(f"{NAME}:")


def _in(process: Path, namespace: Path) -> bool:
    try:
        return (process / "ns" / "pid").readlink() == namespace
    except OSError:
        return False  # it ended meanwhile


def _init(supervisor: int) -> str:
    """The lab's init, which was forked and not executed, so that /proc shows the command's environment."""
    return Path(f"/proc/{supervisor}/stat").read_text().rpartition(")")[2].split()[1]


# Captures


def test_a_capture_of_two_points_is_one_file(up: Up, tmp_path: Path) -> None:
    up.check(False)
    file = tmp_path / "x.pcapng"
    command = [SAGLAB, "capture", "app", "ecs:eth0", "--write", str(file), "--lab", NAME]
    capture = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert capture.stderr is not None
    assert capture.stderr.readline() == "capturing at app:eth0, ecs:eth0; Ctrl-C ends it\n"
    assert up.lab.ping("app", "ecs", count=2).passed
    capture.send_signal(signal.SIGINT)
    assert "none missed" in capture.communicate(timeout=60)[1]
    seen = [packet.sniffed_on for packet in rdpcap(str(file)) if ICMP in packet]
    assert {name: seen.count(name) for name in seen} == {"app:eth0": 4, "ecs:eth0": 4}


WRONG_POINTS = {
    "no such node": (["nowhere", "--write", "/dev/null"], "has no node 'nowhere'; there are: internet"),
    "no such interface": (["app:eth7", "--write", "/dev/null"], "app has no interface 'eth7'; there are: eth0"),
    "many on the terminal": (["app", "ecs"], "for several give --write FILE"),
    "a file in no directory": (["app", "--write", "/nowhere/x"], "cannot write /nowhere/x"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG_POINTS.values(), ids=WRONG_POINTS.keys())
def test_what_cannot_be_captured(up: Up, arguments: list[str], words: str) -> None:
    assert words in saglab("capture", *arguments, "--lab", NAME, status=2)
