"""The launcher, on a machine of doubles: python3, apt-get and id are scripts that log their calls and do as told.

What it does on a real machine is tried on fresh ones: a minimal Debian, and a virtual machine with Debian's kernel.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.doctor.tools import PACKAGES

ROOT = Path(__file__).parent.parent
BUDGET = 0.1  # seconds that an up-to-date launcher may cost
DEADLINE = 60.0  # seconds to wait for something that takes milliseconds

# What the launcher itself is made of, and what the doubles use.
REAL_TOOLS = "sh dirname readlink cksum cut sort tr tail grep rm mv ln mkdir rmdir cp chmod cat flock sleep true"

DOUBLES = {
    "id": 'if [ "$1" = -u ]; then echo "${FAKE_UID:-0}"; else echo somebody; fi\n',
    "dpkg": 'echo "dpkg $*" >>"$LOG"; case $1 in -s) [ -n "${FAKE_HAS_SERVICE-}" ] ;; esac\n',
    # An installation brings the commands that FAKE_APT_BRINGS names; FAKE_APT_FAILS says how often it fails before.
    "apt-get": """
echo "apt-get $*" >>"$LOG"
case "$*" in *update*) exit 0 ;; esac
if [ -e "$BIN/policy-rc.d" ]; then
  for service in ipsec strongswan-starter.service other; do
    "$BIN/policy-rc.d" $service start && echo "starts $service" >>"$LOG"
  done
fi
if [ "$(grep -c 'apt-get .* install' "$LOG")" -le "${FAKE_APT_FAILS:-0}" ]; then
  echo "E: Unable to locate package"; exit 100
fi
for name in ${FAKE_APT_BRINGS-}; do cp "$BIN/true" "$BIN/$name"; done
""",
    "python3": """
echo "python3 $*" >>"$LOG"
case "$1 $2" in
  "-c import ensurepip"*) [ -z "${FAKE_NO_VENV-}" ] ;;
  "-c import sys"*) exec "$REAL_PYTHON" -c "import sys; sys.version_info = (${FAKE_VERSION:-3, 11}, 0); $2" ;;
  "-m venv")
    [ -z "${FAKE_VENV_FAILS-}" ] || { echo "Error: no space left"; exit 1; }
    mkdir -p "$3/bin" "$3/lib/python3.11"
    echo "command = /usr/bin/python3 -m venv $3" >"$3/pyvenv.cfg"
    cp "$BIN/pip-of-venv" "$3/bin/python" ;;
esac
""",
    "saglab-of-venv": 'echo "saglab in $PWD:"; for word in "$@"; do echo "<$word>"; done; exit "${SAGLAB_EXIT:-0}"\n',
    # `python -m pip …` of the environment. It waits while there is a file `hold-pip`.
    "pip-of-venv": """
case "$*" in *compileall*) exit 0 ;; esac
echo "pip $* index=${PIP_INDEX_URL-}" >>"$LOG"
case "$*" in *--version*) exit 0 ;; esac
[ -z "${FAKE_PIP_FAILS-}" ] || { echo "ERROR: No matching distribution found for pyroute2"; exit 1; }
while [ -e "$BIN/hold-pip" ]; do sleep 0.02; done
venv=${0%/bin/python}
cp "$BIN/saglab-of-venv" "$venv/bin/saglab"
""",
}


@dataclass
class Machine:
    """A clone of the project at `project` on a machine whose commands are those in `bin`."""

    project: Path
    bin: Path
    log: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, program: Path | None = None, cwd: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [program or self.project / "saglab", *arguments],
            env={
                "PATH": str(self.bin),
                "BIN": str(self.bin),
                "LOG": str(self.log),
                "REAL_PYTHON": sys.executable,
                **self.environment,
            },
            cwd=cwd or self.bin,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, program: Path | None = None, cwd: Path | None = None) -> tuple[int, str, str]:
        """Exit status, output and complaints of a launcher that ends by itself."""
        process = self.start(*arguments, program=program, cwd=cwd)
        out, err = process.communicate(timeout=DEADLINE)
        return process.returncode, out, err

    def calls(self, *containing: str) -> list[str]:
        """The logged calls that contain every one of the words, since the log was last cleared."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if all(word in line for word in containing)]

    def without(self, *names: str) -> None:
        for name in names:
            (self.bin / name).unlink()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with everything installed but the Python environment. Its paths have a space in them."""
    project, bin_ = tmp_path / "a project", tmp_path / "bin"
    project.mkdir()
    bin_.mkdir()
    launcher = (ROOT / "saglab").read_text()
    system_directories = ":/usr/local/sbin:/usr/sbin:/sbin"
    # Else it finds this machine's commands, and changes this machine.
    doubles = {
        system_directories: "",
        "/usr/lib*/": f"{bin_}/",
        "/usr/lib/*/": f"{bin_}/*/",
        "/usr/lib/ipsec": f"{bin_}/ipsec",
        "/usr/sbin/policy": f"{bin_}/policy",
        "/etc/systemd": f"{bin_}/systemd",
    }
    for real, double in doubles.items():
        assert real in launcher
        launcher = launcher.replace(real, double)
    (project / "saglab").write_text(launcher)
    (project / "saglab").chmod(0o755)
    (project / "pyproject.toml").write_text("[project]\n")
    for name in REAL_TOOLS.split():
        (bin_ / name).symlink_to(shutil.which(name) or pytest.fail(f"this machine has no {name}"))
    for name, text in DOUBLES.items():
        (bin_ / name).write_text(f"#!/bin/sh\n{text}")
        (bin_ / name).chmod(0o755)
    for name in PACKAGES:
        (bin_ / name).symlink_to(bin_ / "true")
    return Machine(project, bin_, tmp_path / "log")


@pytest.fixture
def ready(machine: Machine) -> Machine:
    """The same, set up for running labs, with an empty log."""
    status, _, err = machine.run("run")
    assert status == 0, err
    machine.log.unlink()
    return machine


def test_the_first_call_sets_up_and_hands_over(machine: Machine) -> None:
    status, out, err = machine.run("run", "vcpe-ping", "--pcap", "a b")
    assert (status, out.splitlines()[1:]) == (0, ["<run>", "<vcpe-ping>", "<--pcap>", "<a b>"])
    assert err.splitlines() == ["saglab: making the Python environment in .venv", "saglab: installing the Python packages"]
    assert machine.calls("apt-get") == []
    assert len(machine.calls("pip", "install", "-e", str(machine.project))) == 1


def test_the_next_call_only_hands_over(ready: Machine) -> None:
    status, out, err = ready.run("run", "vcpe-ping")
    assert (status, out.splitlines()[1:], err) == (0, ["<run>", "<vcpe-ping>"], "")
    assert ready.calls() == []


def test_the_fast_path_is_fast(ready: Machine) -> None:
    def cost(program: Path) -> float:
        started = time.perf_counter()
        assert ready.run("run", program=program)[0] == 0
        return time.perf_counter() - started

    direct = min(cost(ready.project / ".venv/bin/saglab") for _ in range(5))
    assert min(cost(ready.project / "saglab") for _ in range(5)) - direct < BUDGET


def test_the_command_decides_the_exit_status(ready: Machine) -> None:
    ready.environment["SAGLAB_EXIT"] = "7"
    assert ready.run("run")[0] == 7


def test_it_finds_itself_through_links_and_leaves_the_directory_alone(ready: Machine, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("a project/saglab")
    (tmp_path / "link-to-link").symlink_to(tmp_path / "link")
    (tmp_path / "elsewhere").mkdir()
    status, out, _ = ready.run("run", program=tmp_path / "link-to-link", cwd=tmp_path / "elsewhere")
    assert (status, out.splitlines()[0]) == (0, f"saglab in {tmp_path / 'elsewhere'}:")


def test_the_test_extra_is_installed_for_test_alone(ready: Machine) -> None:
    assert ready.run("test", "-k", "esp")[0] == 0
    assert [call.split(" index")[0][-6:] for call in ready.calls("install")] == ["[test]"]
    assert ready.calls("-m venv") == []
    ready.log.unlink()
    assert [ready.run(name)[0] for name in ("test", "run")] == [0, 0]
    assert ready.calls() == []


def test_after_test_run_needs_nothing_more(machine: Machine) -> None:
    assert [machine.run("test")[0], machine.run("run")[0]] == [0, 0]
    assert len(machine.calls("pip", "install")) == 1


def test_doctor_install_installs_everything_and_hands_over_to_doctor(machine: Machine) -> None:
    machine.without("nft", "mnexec")
    machine.environment["FAKE_APT_BRINGS"] = "nft mnexec"
    status, out, _ = machine.run("doctor", "--install")
    assert (status, out.splitlines()[1:]) == (0, ["<doctor>", "<--install>"])
    assert len(machine.calls("apt-get", "install", "--no-install-recommends mininet nftables")) == 1
    machine.log.unlink()
    assert machine.run("run")[0] == 0
    assert machine.calls() == []


JUDGES = "libcharon-extra-plugins libstrongswan-extra-plugins libstrongswan-standard-plugins strongswan-charon strongswan-swanctl"
ASKED_FOR = {
    "test --interop": (["test", "--interop", "-k", "esp"], f"{JUDGES} tshark"),
    "test": (["test"], ""),
    "test of something by that name": (["test", "-k", "strongswan"], ""),
    "run with strongSwan": (["run", "vcpe-strongswan"], JUDGES),
    "run with options": (["run", "--skip", "4.3", "ccn-strongswan"], JUDGES),
    "run without it": (["run", "vcpe-ping"], ""),
    "simulate": (["run", "vcpe-strongswan", "--simulate"], ""),
    "scenarios": (["scenarios", "vcpe-strongswan"], ""),
    "explain": (["explain", "vcpe-strongswan", "app", "ecs"], ""),
    "an SVG": (["diagram", "vcpe-ping", "--output", "a lab.svg"], "graphviz"),
    "a PNG by its format": (["diagram", "vcpe-ping", "--format", "png"], "graphviz"),
    "a drawing in text": (["diagram", "vcpe-ping", "--output", "lab.mmd"], ""),
    "how to draw": (["diagram", "--format", "svg", "--help"], ""),
    "a report": (["run", "vcpe-ping", "--report", "here"], "graphviz"),
}


@pytest.mark.parametrize(("arguments", "packages"), ASKED_FOR.values(), ids=ASKED_FOR.keys())
def test_what_not_everybody_needs_is_installed_for_those_who_ask(machine: Machine, arguments: list[str], packages: str) -> None:
    assert machine.run(*arguments)[0] == 0
    installed = [call.split("recommends ")[1] for call in machine.calls("apt-get", "install")]
    assert installed == ([packages] if packages else [])


STARTS = {
    "new here": ({}, True, ["starts other"]),
    "here before": ({"FAKE_HAS_SERVICE": "1"}, False, []),
    "apt fails": ({"FAKE_APT_FAILS": "9"}, True, ["starts other"] * 2),
}


@pytest.mark.parametrize(("behaves", "masked", "started"), STARTS.values(), ids=STARTS.keys())
def test_strongswan_does_not_serve_the_machine_itself(
    machine: Machine, behaves: Mapping[str, str], masked: bool, started: list[str]
) -> None:
    machine.environment |= behaves
    said = machine.run("run", "vcpe-strongswan")[2]
    unit = machine.bin / "systemd/system/strongswan-starter.service"
    assert (unit.is_symlink() and unit.readlink() == Path("/dev/null")) == masked
    assert ("systemctl unmask" in said) == masked
    assert machine.calls("starts") == started
    assert not (machine.bin / "policy-rc.d").exists()


def test_a_policy_of_the_machines_own_is_left_alone(machine: Machine) -> None:
    (machine.bin / "policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (machine.bin / "policy-rc.d").chmod(0o755)
    machine.run("run", "vcpe-strongswan")
    assert (machine.bin / "policy-rc.d").read_text() == "#!/bin/sh\nexit 101\n"
    assert machine.calls("starts") == []


LOOKING = {
    "doctor": ["doctor"],
    "scenarios": ["scenarios"],
    "diagram": ["diagram", "vcpe-ping"],
    "help": ["--help"],
    "help of run": ["run", "--help"],
    "nothing": [],
}


@pytest.mark.parametrize("arguments", LOOKING.values(), ids=LOOKING.keys())
def test_who_only_looks_needs_no_packages_and_no_root(machine: Machine, arguments: list[str]) -> None:
    machine.without("nft", "mnexec")
    machine.environment["FAKE_UID"] = "1000"
    assert machine.run(*arguments)[0] == 0
    assert machine.calls("apt-get") == []


def test_package_lists_are_fetched_only_after_a_failure(machine: Machine) -> None:
    machine.without("nft")
    machine.environment |= {"FAKE_APT_BRINGS": "nft", "FAKE_APT_FAILS": "1"}
    assert machine.run("run")[0] == 0
    assert [call.split()[-1] for call in machine.calls("apt-get")] == ["nftables", "update", "nftables"]


def test_pip_keeps_its_environment(machine: Machine) -> None:
    machine.environment["PIP_INDEX_URL"] = "https://packages.example/simple"
    assert machine.run("run")[0] == 0
    assert machine.calls("install", "index=https://packages.example/simple")


@dataclass(frozen=True)
class Refusal:
    """A machine that lacks something: what it lacks, how it behaves, and what the message has to say."""

    said: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    behaves: Mapping[str, str] = field(default_factory=dict)


REFUSALS = {
    "packages missing, not root": Refusal(
        ("missing: mininet nftables", "sudo apt-get install -y --no-install-recommends mininet nftables"),
        lacks=("nft", "mnexec"),
        behaves={"FAKE_UID": "1000"},
    ),
    "a library missing, not root": Refusal(
        ("missing: libseccomp2", "sudo apt-get install"), lacks=("libseccomp.so.2",), behaves={"FAKE_UID": "1000"}
    ),
    "packages missing, no apt": Refusal(("missing: nftables", "no apt here"), lacks=("nft", "apt-get")),
    "packages missing, apt fails": Refusal(
        ("E: Unable to locate package", "missing: nftables", "apt-get update && apt-get install"),
        lacks=("nft",),
        behaves={"FAKE_APT_FAILS": "9"},
    ),
    "no Python, no apt": Refusal(("missing: python3 python3-venv",), lacks=("python3", "apt-get")),
    "no venv module, not root": Refusal(
        ("missing: python3-venv", "sudo apt-get install"), behaves={"FAKE_NO_VENV": "1", "FAKE_UID": "1000"}
    ),
    "Python too old": Refusal(("python3 is Python 3.9; 3.11 or newer",), behaves={"FAKE_VERSION": "3, 9"}),
    "venv fails": Refusal(("no space left", "python3 -m venv failed"), behaves={"FAKE_VENV_FAILS": "1"}),
    "offline": Refusal(
        ("ERROR: No matching distribution found for pyroute2", "missing: Python packages", "pip install -e"),
        behaves={"FAKE_PIP_FAILS": "1"},
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())
def test_what_cannot_be_installed_is_named(machine: Machine, refusal: Refusal) -> None:
    machine.without(*refusal.lacks)
    machine.environment |= refusal.behaves
    status, out, err = machine.run("run")
    assert (status, out) == (2, "")
    assert [said for said in refusal.said if said not in err] == [], err
    assert len(err.splitlines()) <= 4, err


def test_it_recovers_once_the_network_is_back(machine: Machine) -> None:
    machine.environment["FAKE_PIP_FAILS"] = "1"
    assert machine.run("run")[0] == 2
    del machine.environment["FAKE_PIP_FAILS"]
    assert machine.run("run")[0] == 0


def test_a_failed_extra_leaves_the_lab_usable(ready: Machine) -> None:
    ready.environment["FAKE_PIP_FAILS"] = "1"
    assert ready.run("test")[0] == 2
    ready.log.unlink()
    assert ready.run("run")[0] == 0
    assert ready.calls() == []


STALE = {
    "dependencies changed": ("pyproject.toml", "[project]\nname = 'other'\n", 0),
    "made in another place": (".venv/pyvenv.cfg", "", 1),
}


@pytest.mark.parametrize(("file", "text", "rebuilt"), STALE.values(), ids=STALE.keys())
def test_a_stale_environment_is_made_good(ready: Machine, file: str, text: str, rebuilt: int) -> None:
    (ready.project / file).write_text(text)
    (ready.project / ".venv/.stamp").write_text("old\n")
    assert ready.run("run")[0] == 0
    assert len(ready.calls("-m venv")) == rebuilt
    assert len(ready.calls("pip", "install")) == 1


def test_a_new_python_gets_a_new_environment(ready: Machine) -> None:
    (ready.project / ".venv/.stamp").write_text("old\n")
    ready.environment["FAKE_VERSION"] = "3, 13"
    assert ready.run("run")[0] == 0
    assert len(ready.calls("-m venv")) == 1


def test_a_moved_project_gets_a_new_environment(ready: Machine, tmp_path: Path) -> None:
    ready.project = ready.project.rename(tmp_path / "moved")
    assert ready.run("run")[0] == 0
    assert len(ready.calls("-m venv", str(tmp_path / "moved"))) == 1


def test_an_environment_made_by_hand_is_kept(ready: Machine) -> None:
    (ready.project / ".venv/.stamp").unlink()
    (ready.project / ".venv/lib/mine").touch()
    assert ready.run("run")[0] == 0
    assert (ready.project / ".venv/lib/mine").exists()


def test_an_interrupted_set_up_is_done_again(machine: Machine) -> None:
    (machine.bin / "hold-pip").touch()
    process = machine.start("run")
    wait_for_call(machine, "pip", "install")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=DEADLINE)
    machine.log.unlink()
    (machine.bin / "hold-pip").unlink()
    (machine.project / ".venv/lib/half-written").touch()
    assert machine.run("run")[0] == 0
    assert len(machine.calls("-m venv")) == 1
    assert not (machine.project / ".venv/lib/half-written").exists()


def test_two_launchers_at_once_set_up_once(machine: Machine) -> None:
    (machine.bin / "hold-pip").touch()
    first = machine.start("run")
    wait_for_call(machine, "pip", "install")
    second = machine.start("run")
    assert second.stderr
    assert second.stderr.readline() == "saglab: waiting for another set-up to finish\n"
    (machine.bin / "hold-pip").unlink()
    for process in (first, second):
        process.communicate(timeout=DEADLINE)
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(machine.calls("pip", "install")) == 1


def wait_for_call(machine: Machine, *containing: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not machine.calls(*containing):
        assert time.monotonic() < deadline, f"no call with {containing}; the log has {machine.calls()}"
        time.sleep(0.01)
