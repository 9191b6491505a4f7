"""What a running worker may do and read: nothing but carry packets. And where its keys are: nowhere but in its memory."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import mmap
import os
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from dataplane.config import WORKER_USER
from dataplane.linux.channel import Channel
from dataplane.linux.privileges import PrivilegeError, identity_of, require_root
from dataplane.linux.worker import confine
from tests.dataplane.agent_process import configuration, serve
from tests.dataplane.open_files import open_files
from tests.dataplane.test_ike_process import PSK, Site, holding, ping, rekey_and_wait, sites, wait_for_vpn
from tests.dataplane.test_process import HAPPEN_WITHIN, Process, in_namespace_of, process, running, wait_until

__all__ = ["process", "sites"]

pytestmark = pytest.mark.emulation

ME = str(WORKER_USER)
PR_SET_NAME = 15
TUNSETPERSIST = 0x400454CB
STATUS = {
    "Uid": [ME] * 4,  # real, effective, saved, of the file system
    "Gid": [ME] * 4,
    "Groups": [],
    "CapInh": ["0" * 16],
    "CapPrm": ["0" * 16],
    "CapEff": ["0" * 16],
    "CapBnd": ["0" * 16],
    "CapAmb": ["0" * 16],
    "NoNewPrivs": ["1"],
    "Seccomp": ["2"],  # a filter
}


def worker_of(handle: subprocess.Popen[str]) -> int:
    (pid,) = Path(f"/proc/{handle.pid}/task/{handle.pid}/children").read_text().split()
    return int(pid)


def status_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, value in (line.split(":", 1) for line in lines)}


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        pytest.param(None, {}, id="by-default"),
        pytest.param(61111, {"Uid": ["61111"] * 4, "Gid": ["61111"] * 4}, id="a-number"),
        pytest.param("nobody", {"Uid": ["65534"] * 4, "Gid": ["65534"] * 4}, id="a-name"),
        pytest.param("without seccomp", {"Seccomp": ["0"]}, id="without-seccomp"),
    ],
)
def test_worker_has_no_privilege(process: Process, user: int | str | None, expected: dict[str, list[str]]) -> None:
    process.config |= {"seccomp": False} if user == "without seccomp" else {"user": user}
    with running(process) as handle:
        pid = worker_of(handle)
        status = status_of(pid)
        assert {name: status[name] for name in STATUS} == STATUS | expected
        assert re.search(r"Max core file size +0 +0 ", Path(f"/proc/{pid}/limits").read_text())
        assert Path(f"/proc/{pid}/mem").stat().st_uid == 0  # not dumpable: what is the worker's own in /proc is root's


@pytest.mark.parametrize(
    ("user", "message"),
    [
        pytest.param("no such account", "user: 'no such account' is unknown on this machine", id="unknown"),
        pytest.param("root", "user: 'root' is root or in its group", id="root"),
    ],
)
def test_user_that_cannot_be(user: str, message: str) -> None:
    with pytest.raises(PrivilegeError, match=message):
        identity_of(user)


def attempt(what: Callable[[], object]) -> str:
    try:
        what()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def call(function: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), function)


FORBIDDEN: dict[str, Callable[[], object]] = {
    "open a file": lambda: Path("/etc/hostname").read_text(),
    "list a directory": lambda: list(Path("/").iterdir()),
    "open a socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "connect elsewhere": lambda: socket.socket(socket.AF_UNIX),
    "fork": os.fork,
    "execute": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 - it must not come to that
    "signal its agent": lambda: os.kill(os.getppid(), 0),
    "signal itself": lambda: os.kill(os.getpid(), 0),
    "map memory to execute": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "be root again": lambda: os.setresuid(0, 0, 0),
    "name itself": lambda: call("prctl", PR_SET_NAME, b"another", 0, 0, 0),
    "look into another process": lambda: call("ptrace", 16, os.getppid(), 0, 0),
    "have a namespace": lambda: call("unshare", 0x10000000),
    "load a filter of its own": lambda: call("syscall", 317, 0, 0, 0),
    "let a TUN device stay": lambda: call("ioctl", 2, TUNSETPERSIST, 1),
}


def test_system_calls_that_a_worker_has_not(tmp_path: Path) -> None:
    def work(channel: Channel) -> int:
        ctypes.CDLL(None)  # loaded before a file cannot be opened any more
        confine(identity_of(WORKER_USER), channel, (), seccomp=True)
        print(json.dumps({what: attempt(function) for what, function in FORBIDDEN.items()}))
        return 0

    status, lines = serve(configuration(tmp_path), work)
    assert (status, json.loads(lines[-1])) == (0, dict.fromkeys(FORBIDDEN, "EPERM"))


ALIEN = ["setpriv", "--reuid", ME, "--regid", ME, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


def test_others_of_its_number_can_reach_neither_its_control_socket_nor_itself(process: Process) -> None:
    with tempfile.TemporaryDirectory(prefix="saglab-") as directory:
        Path(directory).chmod(0o755)  # pytest's own are closed to others, which would hide what is open in them
        process.control = Path(directory, "vcpe.sock")
        process.config["control"] = str(process.control)
        with running(process) as handle:
            worker = f"/proc/{worker_of(handle)}"
            attempts = [["/usr/bin/python3", "-c", CONNECT, str(process.control)], ["ls", f"{worker}/fd"]]
            attempts += [["cat", f"{worker}/{name}"] for name in ("mem", "environ", "maps")]
            for command in attempts:
                done = subprocess.run([*ALIEN, *command], capture_output=True, text=True, check=False)
                assert done.returncode != 0
                assert "Permission denied" in done.stderr, command


# Keys


def everything_of(handles: Iterable[subprocess.Popen[str]]) -> bytes:
    """Command lines and environments of agents and workers, which anybody or root can read."""
    pids = [pid for handle in handles for pid in (handle.pid, worker_of(handle))]
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for pid in pids for name in ("cmdline", "environ"))


def secrets_of(directory: Path) -> set[bytes]:
    """What the key log of a run has: every key of IKE and ESP, raw."""
    found = re.findall(rb"(?:,|0x)([0-9a-f]{40,})\b", b"".join(path.read_bytes() for path in directory.iterdir()))
    return {bytes.fromhex(key.decode()) for key in found}


def test_no_key_is_seen_in_a_whole_run(sites: tuple[Site, Site], tmp_path: Path) -> None:
    vcpe, pop = sites
    keys = tmp_path / "keys"
    keys.mkdir()
    for site in sites:
        site.config["keylog"] = str(keys)
    with pop.alive() as right, vcpe.alive() as left:
        wait_for_vpn(vcpe, pop)
        rekey_and_wait(vcpe, "ike")
        rekey_and_wait(pop, "child")
        assert ping(left, "192.168.1.10") == (4, 4)
        seen = everything_of([left, right])
        answers = json.dumps([vcpe.status(), pop.status()]).encode()
        for handle in (left, right):
            assert not any("memfd" in target for target in open_files(handle))
        left.terminate()
        right.terminate()
        said = "".join(text for handle in (left, right) for text in handle.communicate(timeout=HAPPEN_WITHIN)).encode()
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    material = {bytes.fromhex(PSK), *secrets_of(keys)}
    assert len(material) == 1 + 2 * 2 + 2 * 2  # the pre-shared key, two IKE SAs, two pairs of ESP
    for secret in material:
        for shape in (secret, secret.hex().encode(), secret.hex().upper().encode()):
            assert shape not in seen + answers + said + files


# Ends


def exists(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return status_of(pid)["State"][0] != "Z"
    return False


def test_worker_dies_with_its_agent(process: Process) -> None:
    with running(process) as handle:
        worker = worker_of(handle)
        handle.kill()
        wait_until(lambda: not exists(worker), "the worker gone")


def test_agent_ends_with_its_worker_and_leaves_nothing(process: Process) -> None:
    """In a namespace that outlives them."""
    with holding() as holder:
        with running(process, "nsenter", "--net", "--target", str(holder.pid)) as handle:
            os.kill(worker_of(handle), signal.SIGKILL)
            assert handle.wait(HAPPEN_WITHIN) == 1
            assert handle.communicate()[1] == "dataplane: the worker was killed by SIGKILL\n"
        assert not process.control.exists()
        assert "tun0" not in in_namespace_of(holder, "ip", "link").stdout
        assert ":4500" not in in_namespace_of(holder, "ss", "-uan").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_during_the_start_is_not_lost(process: Process, number: signal.Signals) -> None:
    handle = process.start()
    try:
        wait_until(lambda: process.control.exists(), "control socket")
        handle.send_signal(number)
        assert handle.wait(HAPPEN_WITHIN) == 0
        assert handle.communicate() == ("ready\n", "")
    finally:
        handle.kill()
    assert not process.control.exists()


def test_only_root_may_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PrivilegeError, match="a dataplane is started as root, not as user 1000"):
        require_root()


@pytest.fixture
def user_namespaces() -> None:
    """Skip a test where none can be made, as below a changed root: user_namespaces(7)."""
    if subprocess.run(["unshare", "--user", "true"], check=False).returncode != 0:
        pytest.skip("no user namespace can be made here")


@pytest.mark.usefixtures("user_namespaces")
def test_user_that_is_not_mapped(process: Process) -> None:
    """In a user namespace that knows root alone."""
    handle = process.start(["unshare", "--user", "--map-root-user", "--net"])
    out, err = handle.communicate(timeout=HAPPEN_WITHIN)
    assert (handle.returncode, out) == (2, "")
    assert err.startswith(f"dataplane: the worker cannot become user {ME}, group {ME}: ")
