"""What outlives a lab: every change, and only whole ones."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest

from lab.cloud import Cloud, CloudError, Identity, Mail
from lab.errors import MachineError, UsageError
from lab.scenario import Scenario
from lab.session import Lab
from lab.supervisor.failures import NotKept
from lab.supervisor.keeping import Keeping, Kept, StateInUse
from lab.supervisor.operations import find_operation
from scenarios import vcpe_ping
from tests.emulation.lab_process import in_lab

SEED = b"seed of a kept cloud"


def begun(directory: Path) -> tuple[Keeping, Cloud]:
    """A state that counts already, and the cloud that it keeps."""
    keeping, cloud = Keeping(directory), Cloud(SEED)
    keeping.begin("x", (), SEED, cloud)
    keeping.complete()
    return keeping, cloud


def restored(directory: Path) -> Cloud:
    keeping = Keeping(directory)
    cloud = Cloud(keeping.seed())
    keeping.restore(cloud)
    keeping.close()
    return cloud


@pytest.mark.parametrize("skip", [(), ("2.5",), ("3.2",)], ids=["whole", "without 2.5", "without 3.2"])
def test_the_clouds_of_a_scenario_come_back_as_they_were(tmp_path: Path, skip: tuple[str, ...]) -> None:
    lab, keeping = Lab(skip=skip), Keeping(tmp_path)
    keeping.begin("vcpe-ping", skip, lab.clouds.seed, lab.cloud)
    Scenario.of(vcpe_ping).run(lab)
    keeping.complete()
    keeping.close()
    again = restored(tmp_path)
    assert again.store.everything() == lab.cloud.store.everything()
    assert changes(again) == changes(lab.cloud)


def changes(cloud: Cloud) -> list[tuple[int, str, tuple[str, ...]]]:
    return [(operation.number, operation.call, operation.touched) for operation in cloud.journal if operation.error is None]


@pytest.mark.parametrize("scripts", [0, 2])
def test_that_there_are_scripts_is_kept(tmp_path: Path, scripts: int) -> None:
    keeping = Keeping(tmp_path)
    keeping.begin("x", (), SEED, Cloud(SEED))
    assert keeping.kept() is None
    keeping.complete(scripts=scripts)
    assert keeping.kept() == Kept("x", (), 0, scripts)
    keeping.close()


def test_what_is_changed_after_coming_back_is_kept_too(tmp_path: Path) -> None:
    keeping, cloud = begun(tmp_path)
    first = cloud.aws.create_vpc("10.0.0.0/16")
    keeping.close()
    keeping = Keeping(tmp_path)
    cloud = Cloud(keeping.seed())
    keeping.restore(cloud)
    second = cloud.aws.create_vpc("10.1.0.0/16")
    keeping.close()
    assert [vpc.id for vpc in restored(tmp_path).aws.describe_vpcs()] == [first.id, second.id]


def test_a_refused_call_is_not_kept_and_takes_no_id_from_those_after_it(tmp_path: Path) -> None:
    keeping, cloud = begun(tmp_path)
    with pytest.raises(CloudError):
        cloud.aws.create_subnet("vpc-none", "10.0.0.0/24")
    vpc = cloud.aws.create_vpc("10.0.0.0/16")
    assert keeping.kept() == Kept("x", (), 1)
    keeping.close()
    assert restored(tmp_path).aws.describe_vpcs() == (vpc,)


def test_a_scenario_that_was_cut_short_does_not_count(tmp_path: Path) -> None:
    keeping, cloud = Keeping(tmp_path), Cloud(SEED)
    keeping.begin("x", (), SEED, cloud)
    cloud.aws.create_vpc("10.0.0.0/16")
    keeping.close()
    assert Keeping(tmp_path).kept() is None


def test_a_second_supervisor_is_refused(tmp_path: Path) -> None:
    keeping, _ = begun(tmp_path)
    with pytest.raises(StateInUse, match="another lab works on the state"):
        Keeping(tmp_path)
    keeping.close()
    Keeping(tmp_path).close()


def test_forgetting_removes_what_is_ours_and_nothing_else(tmp_path: Path) -> None:
    begun(tmp_path / "own")[0].close(forget=True)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "mine").touch()
    begun(tmp_path / "shared")[0].close(forget=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["shared", "mine"]


def test_a_state_is_for_its_owner_alone(tmp_path: Path) -> None:
    keeping, cloud = begun(tmp_path / "state")
    cloud.aws.create_vpc("10.0.0.0/16")
    modes = {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "state").iterdir() if path.is_file()}
    assert modes == {"0o600"}
    assert oct((tmp_path / "state" / "meters").stat().st_mode & 0o777) == "0o700"
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    keeping.close()


def test_what_another_version_kept_is_refused_in_words(tmp_path: Path) -> None:
    keeping, cloud = begun(tmp_path)
    cloud.aws.create_vpc("10.0.0.0/16")
    keeping.close()
    with sqlite3.connect(tmp_path / "state.db") as database:
        database.execute("UPDATE operation SET result = 'vpc-other'")
    database.close()
    keeping = Keeping(tmp_path)
    with pytest.raises(MachineError, match=r"call 1, aws.create_vpc, .* does something else in this version"):
        keeping.restore(Cloud(keeping.seed()))


def test_a_directory_that_cannot_be_had_is_named() -> None:
    with pytest.raises(MachineError, match="cannot be kept in /proc/nowhere"):
        Keeping(Path("/proc/nowhere"))


@pytest.mark.emulation
def test_with_a_full_disk_a_change_is_refused_whole_and_what_was_acknowledged_stays() -> None:
    """On a file system of 160 kB: each call is either kept and made, or neither."""

    def fill() -> tuple[int, str, int, int]:
        place = Path("/dev/shm/small")  # noqa: S108 - the lab's own tmpfs
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(place)], check=True)
        keeping, cloud = begun(place / "state")
        made, said = 0, ""
        while not said and made < 10_000:
            try:
                cloud.aws.create_security_group(f"group-{made}", "d" * 200, vpc_id(cloud))
                made += 1
            except NotKept as error:
                said = str(error)
        there = len(cloud.aws.describe_security_groups())
        keeping.close()
        return made, said, there, len(restored(place / "state").aws.describe_security_groups())

    made, said, there, again = in_lab(fill)
    assert made > 0
    assert said.startswith("aws.create_security_group cannot be kept in ")
    assert "nothing was changed" in said
    assert "full" in said
    assert there == again == made + 1  # and the VPC's default group


def vpc_id(cloud: Cloud) -> str:
    vpcs = cloud.aws.describe_vpcs()
    return vpcs[0].id if vpcs else cloud.aws.create_vpc("10.0.0.0/16").id


@pytest.mark.requirement("S2-060", "S2-069")
def test_accounts_come_back_without_their_passwords_being_kept_or_mailed_again(tmp_path: Path) -> None:
    keeping, cloud = begun(tmp_path)
    mails: list[Mail] = []
    cloud.send_with(mails.append)
    cloud.alibaba.create_account("partner")
    app = cloud.alibaba.create_smart_access_gateway_software().smart_ag_id
    cloud.alibaba.quick_configure_smart_access_gateway_software(app, ccn_name="ccn", cidr_blocks=["10.1.0.0/24"])
    create = cloud.alibaba.create_smart_access_gateway_client_user
    create(app, user_mail="a@b.co", user_name="li.lei.1", password="given-word.1")
    create(app, user_mail="a@b.co", user_name="han.mm.1")
    cloud.alibaba.reset_smart_access_gateway_client_user_password(app, "li.lei.1")
    clear = ["given-word.1", *(mail.text.split("Password: ")[1].split()[0] for mail in mails)]
    terminal = cloud.terminals.create_terminal().id
    with cloud.acting_as(Identity(user="han.mm.1")):
        session = cloud.alibaba.log_on_app(terminal, user_name="han.mm.1", password=clear[-2], smart_ag_id=app)
        cloud.alibaba.connect_app(session.id)
    before = cloud.store.everything()
    keeping.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert [word for word in clear if word.encode() in kept] == []
    again = restored(tmp_path)
    assert again.store.everything() == before
    assert [str(entry.caller) for entry in again.journal][-2:] == ["main/han.mm.1"] * 2
    assert len(mails) == len(clear) - 1 == 3
    logged_on = again.fork().alibaba.log_on_app(terminal, user_name="li.lei.1", password=clear[-1], smart_ag_id=app)
    assert logged_on.user_name == "li.lei.1"


def guess(cloud: Cloud, app: str, password: str) -> str:
    """Try to log on, and return the code of the refusal."""
    terminal = cloud.terminals.create_terminal("laptop").id
    with pytest.raises(CloudError) as refused:
        cloud.alibaba.log_on_app(terminal, user_name="li.lei.01", password=password, smart_ag_id=app)
    return refused.value.code


def test_who_guesses_passwords_gains_nothing_by_a_supervisor_that_dies(tmp_path: Path) -> None:
    keeping, cloud = begun(tmp_path)
    app = cloud.alibaba.create_smart_access_gateway_software("cn-shanghai", user_count=5).smart_ag_id
    cloud.alibaba.create_smart_access_gateway_client_user(app, user_mail="a@b.co", user_name="li.lei.01", password="right.one")
    codes = []
    for _ in range(6):
        codes.append(guess(cloud, app, "wrong.one"))
        keeping.close()
        keeping = Keeping(tmp_path)
        cloud = Cloud(keeping.seed())
        keeping.restore(cloud)
    assert codes == ["App.LogOnFailed"] * 5 + ["App.TooManyAttempts"]
    cloud.clock.move_forward(minutes=15)
    assert guess(cloud, app, "wrong.one") == "App.LogOnFailed"
    keeping.close()


def test_what_was_typed_for_a_name_is_not_kept(tmp_path: Path) -> None:
    """It may be a password."""
    keeping, cloud = begun(tmp_path)
    terminal = cloud.terminals.create_terminal("laptop").id
    with pytest.raises(CloudError, match=r"App\.LogOnFailed"):
        cloud.alibaba.log_on_app(terminal, user_name="off-site@2022", password="li.lei.01")
    assert not any(b"off-site" in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    keeping.close()


def test_a_hash_that_comes_over_the_wire_is_no_password() -> None:
    arguments = {"terminal_id": "t", "user_name": "u", "password": {"argon2id": "$argon2id$"}}
    with pytest.raises(UsageError, match="takes no such password"):
        find_operation("alibaba", "log_on_app").arguments(arguments)
