"""`saglab run vcpe-ping` from outside: its exit status, its reports, and the host that it leaves alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from scapy.layers.inet import ICMP, UDP
from scapy.utils import rdpcap

from tests.emulation.machine_state import MachineState, machine_state

pytestmark = pytest.mark.emulation

SAGLAB = str(Path(sys.executable).parent / "saglab")
HOSTS_OWN = ("mounts", "sysctls", "links", "addresses", "routes", "rules", "named_namespaces", "nft")


@dataclass(frozen=True)
class Run:
    """A finished run, what it wrote, and the host before, during and after it."""

    status: int
    stdout: str
    stderr: str
    json: dict[str, Any]
    junit: ElementTree.Element
    capture: Path
    keys: Path
    states: tuple[MachineState, MachineState, MachineState]


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [SAGLAB, "run", "vcpe-ping", *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Nothing left out, with every report."""
    place = tmp_path_factory.mktemp("full")
    before = machine_state([])
    outputs = ("--pcap", str(place / "r.pcapng"), "--keylog", str(place / "new" / "keys"))
    process = start("--json", str(place / "r.json"), "--junit", str(place / "r.xml"), *outputs)
    assert process.stdout is not None
    first = _until(process.stdout, "→ ecs")  # the first ping is over, the second under way
    during = machine_state([])
    rest, stderr = process.communicate(timeout=60)
    return Run(
        process.returncode,
        first + rest,
        stderr,
        json.loads((place / "r.json").read_text()),
        ElementTree.parse(place / "r.xml").getroot(),  # noqa: S314 - our own
        place / "r.pcapng",
        place / "new" / "keys",
        (before, during, machine_state([])),
    )


def _until(lines: Iterator[str], words: str) -> str:
    said = ""
    for line in lines:
        said += line
        if words in line:
            return said
    pytest.fail(f"it ended without {words!r}: {said}")


@pytest.fixture(scope="module")
def skipping() -> subprocess.CompletedProcess[str]:
    """Step 2.5 left out, JSON on standard output."""
    process = start("--skip", "2.5", "--json", "-")
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, stdout, stderr)


def test_a_bad_wan_delays_what_passes_the_tunnel() -> None:
    process = start("--wan", "delay 40ms", "--wan-seed", "3", "--json", "-")
    stdout, stderr = process.communicate(timeout=60)
    pings = json.loads(stdout)["pings"]
    assert (process.returncode, len(pings)) == (0, 3)
    assert all(ping["rtt_ms"] >= 80 for ping in pings)
    assert re.search(r"aws/internet .* delay 40ms +line, seed 3", stderr)


@pytest.mark.requirement("S0-004", "S0-066", "S0-069")
def test_passes_with_every_echo_both_ways(full: Run) -> None:
    assert (full.status, full.stderr) == (0, "")
    assert full.json["passed"] is True
    assert [(ping["source"], ping["destination"], ping["sent"], ping["received"]) for ping in full.json["pings"]] == [
        ("app", "ecs", 4, 4),
        ("ecs", "app", 4, 4),
        ("vcpe", "ecs", 4, 4),
    ]
    assert full.json["drops"] == []
    assert "passed in" in full.stdout


def test_json_holds_what_is_documented(full: Run) -> None:
    assert {"scenario", "passed", "steps", "pings", "drops"} <= set(full.json)
    assert full.json["scenario"] == "vcpe-ping"
    assert all({"step", "title", "passed", "seconds"} <= set(step) for step in full.json["steps"])
    assert all({"source", "destination", "sent", "received", "rtt_ms"} <= set(ping) for ping in full.json["pings"])
    assert all(0 < ping["rtt_ms"] < 1000 for ping in full.json["pings"])
    assert full.json["seconds"] > 0


@pytest.mark.requirement("S0-005")
def test_steps_bear_the_documents_numbers(full: Run) -> None:
    numbers = [step["step"] for step in full.json["steps"]]
    assert numbers == sorted(numbers, key=lambda number: [int(part) if part.isdigit() else 0 for part in number.split(".")][:2])
    assert {"1", "2.1", "2.5", "3.1", "3.2", "3.3", "3.3.4", "3.3.5", "4.1", "4.2", "4.3", "4.4"} <= set(numbers)


def test_junit_has_a_case_for_each_step_status_and_ping(full: Run) -> None:
    (suite,) = full.junit
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "0")
    assert len(suite) == sum(len(full.json[kind]) for kind in ("steps", "statuses", "pings")) == int(suite.get("tests", ""))


def test_one_capture_holds_what_passed_every_interface_in_order(full: Run) -> None:
    packets = list(rdpcap(str(full.capture)))
    counts = Counter(packet.sniffed_on for packet in packets)
    assert {"app:eth0", "ecs:eth0", "vcpe:eth0", "vcpe:tun0", "ccn-singapore:tun0"} <= counts.keys()
    echoes = {name: sum(ICMP in packet for packet in packets if packet.sniffed_on == name) for name in counts}
    assert (echoes["app:eth0"], echoes["ecs:eth0"], echoes["vcpe:tun0"]) == (16, 24, 24)
    assert [packet.time for packet in packets] == sorted(packet.time for packet in packets)


def test_the_capture_begins_before_the_tunnel_opens(full: Run) -> None:
    """The first datagram is IKE's request, which the vCPE sends from port 500."""
    first = next(packet for packet in rdpcap(str(full.capture)) if UDP in packet)
    assert (first.sniffed_on, first[UDP].sport, first[UDP].dport) == ("vcpe:eth0", 500, 500)


def test_keys_are_in_the_key_log_and_nowhere_else(full: Run) -> None:
    tables = "".join((full.keys / table).read_text() for table in ("ikev2_decryption_table", "esp_sa"))
    keys = re.findall(r"(?:,|0x)([0-9a-f]{40,})", tables)
    said = full.stdout + full.stderr + json.dumps(full.json) + ElementTree.tostring(full.junit, encoding="unicode")
    assert len(set(keys)) == 2 + 2  # of one IKE SA and one pair of ESP
    assert not any(key in said for key in keys)


@pytest.mark.judge("tshark")
def test_key_log_opens_what_the_internet_saw(full: Run) -> None:
    """Every packet of every ping, seen where it is sealed, on its way in and out of the internet's router."""
    sealed = 'esp && icmp && frame.interface_name matches "^internet:ccn-"'
    command = ["tshark", "-r", str(full.capture), "-o", "esp.enable_encryption_decode:TRUE", "-Y", sealed, "-T", "fields"]
    environment = os.environ | {"WIRESHARK_CONFIG_DIR": str(full.keys)}
    seen = subprocess.run([*command, "-e", "icmp.type"], env=environment, capture_output=True, text=True, check=True).stdout
    assert Counter(seen.split()) == {"8": 12, "0": 12}


def test_the_host_is_not_touched(full: Run) -> None:
    """No setting, link, address, route, table or mount of the host changes, neither during the run nor after it."""
    before, during, after = full.states
    for state in (during, after):
        for kind in HOSTS_OWN:
            missing = getattr(before, kind) - getattr(state, kind)
            assert missing == frozenset(), kind
        for kind in set(HOSTS_OWN) - {"sysctls"}:  # a module loaded for the first time brings parameters of its own
            assert getattr(state, kind) == getattr(before, kind), kind


def test_a_step_left_out_is_named_and_the_run_fails(skipping: subprocess.CompletedProcess[str]) -> None:
    result = json.loads(skipping.stdout)
    assert (skipping.returncode, result["passed"], result["left_out"]) == (1, False, ["2.5"])
    assert {(drop["reason"], drop["step"], drop["machine"], drop["packets"]) for drop in result["drops"]} == {
        ("ENI_SOURCE_DEST_CHECK_RESTRICTION", "2.5", "vcpe", 4)
    }


def test_with_json_on_standard_output_the_words_go_to_standard_error(skipping: subprocess.CompletedProcess[str]) -> None:
    assert "step 2.5" in skipping.stderr
    assert "failed in" in skipping.stderr


def test_two_runs_at_once_both_pass(tmp_path: Path) -> None:
    runs = [start("--json", str(tmp_path / f"{number}.json")) for number in range(2)]
    ended = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], ended
    results = [json.loads((tmp_path / f"{number}.json").read_text()) for number in range(2)]
    assert all(ping["received"] == 4 for result in results for ping in result["pings"])
    assert all(result["drops"] == [] for result in results)
