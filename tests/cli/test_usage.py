"""What a person may get wrong: one clear line, exit status 2, nothing run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.cli import main
from scenarios import vcpe_ping

BIN = Path(sys.executable).parent
SAGLAB = str(BIN / "saglab")
WITHOUT_RIGHTS = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=os.environ | environment, stdin=subprocess.DEVNULL
    )


def here(capsys: pytest.CaptureFixture[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in this process, where nothing about processes is in question."""
    try:
        status = main(arguments)
    except SystemExit as ended:  # so argparse refuses
        status = int(str(ended.code))
    said = capsys.readouterr()
    return subprocess.CompletedProcess(arguments, status, said.out, said.err)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that refused."""
    assert done.returncode == 2, done
    lines = done.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("saglab: ")
    assert "Traceback" not in done.stdout
    return lines[0]


# Wrong arguments: the command, and what its one line must hold

WRONG = {
    "a lab said twice": (["down", "demo", "--all"], ["'demo' says which lab", "--all"]),
    "scenario": (["run", "no-such"], ["no-such", "vcpe-ping"]),
    "scenario to show": (["scenarios", "no-such"], ["no-such", "vcpe-ping"]),
    "step": (["run", "vcpe-ping", "--skip", "9.9"], ["9.9", "2.4.aws", "3.3.5"]),
    "empty step": (["run", "vcpe-ping", "--skip", ""], ["''", "2.5"]),
    "cipher": (["run", "vcpe-ping", "--cipher", "rot13"], ["rot13", "aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"]),
    "impairment": (["run", "vcpe-ping", "--wan", "dealy 5ms"], ["'dealy' is none of delay, jitter, loss"]),
    "seed of nothing": (["run", "vcpe-ping", "--wan-seed", "5"], ["give --wan too"]),
    "a WAN in memory": (["run", "vcpe-ping", "--simulate", "--wan", "down"], ["a simulation has none"]),
    "impairment of a link": (["impair", "wan", "loss", "2"], ["loss takes a share such as 0.1%"]),
    "clear and not": (["impair", "wan", "down", "--clear"], ["not both"]),
    "seed of a list": (["impair", "--seed", "1"], ["say what the link is to do"]),
    "json in no directory": (["run", "vcpe-ping", "--json", "/nowhere/at/all.json"], ["/nowhere/at/all.json", "No such file"]),
    "json onto a directory": (["run", "vcpe-ping", "--json", "/"], ["cannot write", "directory"]),
    "junit in no directory": (["run", "vcpe-ping", "--junit", "/nowhere/r.xml"], ["/nowhere/r.xml"]),
    "captures below a file": (["run", "vcpe-ping", "--pcap", "/dev/null/captures"], ["/dev/null/captures"]),
    "keys below a file": (["run", "vcpe-ping", "--keylog", "/dev/null/keys"], ["cannot write keys into /dev/null/keys"]),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_argument(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal(here(capsys, *arguments))
    assert [word for word in words if word not in line] == []


def test_wrong_argument_of_a_process() -> None:
    """Its exit status and its one line are those of the command in this process."""
    assert "no-such" in refusal(run(SAGLAB, "run", "no-such"))


MALFORMED = {
    "nothing": [],
    "unknown command": ["fly"],
    "unknown option": ["run", "vcpe-ping", "--fast"],
    "no scenario": ["run"],
    "no port": ["metrics", "--listen", "x"],
}


@pytest.mark.parametrize("arguments", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_command_line_shows_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    done = here(capsys, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: saglab")
    assert "error:" in done.stderr


OF_A_VERB = {
    "a lab without --lab": (["status", "newcomer"], "saglab status", "newcomer; a lab is named by --lab LAB"),
    "an option of another verb": (["drill", "start", "--name", "x"], "saglab drill start", "--name x"),
    "a negative time": (["impair", "wan", "delay", "-5ms"], "saglab impair", "-5ms"),
    "an operation's": (["call", "clock", "move_forward", "--by", "x"], "saglab call clock", ""),
}


@pytest.mark.parametrize(("arguments", "verb", "said"), OF_A_VERB.values(), ids=OF_A_VERB.keys())
def test_what_a_verb_does_not_know_shows_its_own_usage(
    arguments: list[str], verb: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = here(capsys, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"usage: {verb} ")
    assert done.stderr.rstrip().endswith(said)


# A machine that cannot


def covered(*commands: str) -> subprocess.CompletedProcess[str]:
    """`saglab run` with shell commands before it, in a mount namespace that nobody else sees."""
    script = " && ".join(commands)
    return run("unshare", "--mount", "--propagation", "private", "sh", "-c", f'{script} && exec "$0" run vcpe-ping', SAGLAB)


@pytest.mark.emulation
def test_no_tun() -> None:
    line = refusal(covered("mount -n -t tmpfs tmpfs /dev/net"))
    assert "TUN" in line
    assert "modprobe tun" in line


@pytest.mark.emulation
def test_no_nftables_command(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    line = refusal(covered(f"mount -n --bind {empty} $(readlink -f $(command -v nft))"))
    assert "nft" in line
    assert "nftables" in line


@pytest.mark.emulation
def test_not_root() -> None:
    done = run(*WITHOUT_RIGHTS, "--reuid", "65534", "--clear-groups", SAGLAB, "run", "vcpe-ping")
    if "ermission denied" in done.stderr:
        pytest.skip("user 65534 may not read this environment")
    line = refusal(done)
    assert "root" in line
    assert "sudo" in line


@pytest.mark.emulation
def test_root_without_capabilities() -> None:
    """Root in a container that grants nothing: the way out is named."""
    line = refusal(run(*WITHOUT_RIGHTS, SAGLAB, "run", "vcpe-ping"))
    assert "CAP_NET_ADMIN" in line
    assert "privileged" in line


# What needs no network


def test_scenarios_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    done = here(capsys, "scenarios")
    assert done.returncode == 0
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert ["vcpe-ping", "A host in AWS pings a host in Alibaba Cloud through a SAG vCPE"] in [
        [name, title.strip()] for name, title in lines
    ]


@pytest.mark.requirement("S0-005")
def test_a_scenario_is_shown_with_its_map_and_its_steps_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    done = here(capsys, "scenarios", "vcpe-ping")
    assert done.returncode == 0
    assert "app 10.0.1.10 ───┐" in done.stdout
    assert "ENI_SOURCE_DEST_CHECK_RESTRICTION" in done.stdout
    shown = [line.split()[0] for line in done.stdout.splitlines() if line[:1] in tuple("1234")]
    order = ["1", "2.1", "2.2", "2.3", "2.4", "2.5", "3.1", "3.2", "3.3", "3.3.4", "3.3.5", "4.1", "4.2", "4.3", "4.4"]
    assert [number for number in shown if number in order] == order


def test_help_of_a_scenario_that_is_run_by_itself() -> None:
    done = run(sys.executable, "-m", vcpe_ping.__name__, "--help")
    assert done.returncode == 0
    assert "python -m scenarios.vcpe_ping" in done.stdout
    assert "app 10.0.1.10 ───┐" in done.stdout
    assert "--skip STEP" in done.stdout


def test_a_scenario_that_is_run_by_itself_refuses_like_the_command() -> None:
    assert "9.9" in refusal(run(sys.executable, "-m", vcpe_ping.__name__, "--skip", "9.9"))


@pytest.mark.emulation
def test_doctor_finds_that_a_lab_can_run() -> None:
    done = run(SAGLAB, "doctor")
    assert done.returncode == 0, done.stdout
    assert "A lab can run here." in done.stdout
    assert "TUN device" in done.stdout


def test_version() -> None:
    done = run(SAGLAB, "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "saglab")
