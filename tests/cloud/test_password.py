"""Passwords are hashed as RFC 9106 has it, and nothing of their clear text stays."""

from __future__ import annotations

import pytest

from lab.cloud import Cloud
from lab.cloud import password as passwords
from lab.cloud.password import COST, Password, decoy
from lab.session import Lab

CLEAR = "clear-text.1"


def test_the_hash_is_argon2id_of_the_cost_and_the_salt() -> None:
    password = Password(CLEAR)
    hash = password.seal(b"s" * 16)
    assert hash.startswith("$argon2id$v=19$m=8,t=1,p=1$c3Nzc3Nzc3Nzc3Nzc3Nzcw$")
    assert Password(CLEAR).opens(hash)
    assert not Password(CLEAR + "x").opens(hash)
    assert Password(CLEAR).seal(b"t" * 16) != hash


def test_what_labs_use_is_owasps_minimum() -> None:
    assert (COST.memory, COST.passes, COST.lanes) == (19456, 2, 1)


def test_one_that_was_written_down_opens_what_it_was_the_hash_of() -> None:
    hash = Password(CLEAR).seal(b"s" * 16)
    assert Password(hash=hash).opens(hash)
    assert not Password(hash=hash).opens(Password("other").seal(b"s" * 16))
    assert not Password(hash="").opens(hash)


def test_nobody_has_the_password_that_is_compared_for_nobody() -> None:
    assert not any(Password(clear).opens(decoy()) for clear in ("", CLEAR))


def test_the_journal_has_no_clear_text(cloud: Cloud) -> None:
    smart_ag_id = cloud.alibaba.create_smart_access_gateway_software().smart_ag_id
    create = cloud.alibaba.create_smart_access_gateway_client_user
    create(smart_ag_id, user_mail="a@b.co", user_name="li.lei.1", password=CLEAR)
    with pytest.raises(Exception, match="UserExist"):
        create(smart_ag_id, user_mail="a@b.co", user_name="li.lei.1", password=CLEAR)
    given = [entry.parameters["password"] for entry in cloud.journal if "password" in entry.parameters]
    assert [(it.clear, it.hash[:10]) for it in given] == [(None, "$argon2id$"), (None, "")]
    assert CLEAR not in repr(list(cloud.journal)) + repr(cloud.store.everything())


def test_the_same_calls_on_clouds_of_one_seed_give_the_same_hash() -> None:
    hashes = set()
    for _ in range(2):
        cloud = Cloud(b"one seed")
        smart_ag_id = cloud.alibaba.create_smart_access_gateway_software().smart_ag_id
        cloud.alibaba.create_smart_access_gateway_client_user(smart_ag_id, user_mail="a@b.co")
        hashes |= {entry.parameters["password"].hash for entry in cloud.journal if "password" in entry.parameters}
    assert len(hashes) == 1


@pytest.mark.parametrize("skip", [(), ("left out",)], ids=["one cloud", "two clouds in step"])
def test_passwords_hashed_ahead_are_hashed_once_and_mailed(monkeypatch: pytest.MonkeyPatch, skip: tuple[str, ...]) -> None:
    hashed: list[str] = []
    real = passwords._hashed
    monkeypatch.setattr(passwords, "_hashed", lambda clear, salt: hashed.append(clear) or real(clear, salt))
    lab = Lab("staff", skip=skip)
    app = lab.alibaba.create_smart_access_gateway_software("cn-shanghai").smart_ag_id
    clears = [f"password.{number}" for number in range(4)] + ["password.0"]
    for number, password in enumerate(lab.passwords(clears)):
        lab.alibaba.create_smart_access_gateway_client_user(
            app, user_mail=f"{number}@b.co", user_name=f"some.body.{number}", password=password
        )
    assert sorted(hashed) == sorted(clears)
    laptop = lab.terminals.create_terminal("laptop").id
    for number, clear in enumerate(clears):
        assert clear in lab.expect_mail(f"{number}@b.co").text
        assert lab.alibaba.log_on_app(laptop, user_name=f"some.body.{number}", password=clear, smart_ag_id=app).connected is False
    journal = [entry for entry in lab.cloud.journal if "password" in entry.parameters and entry.error is None]
    kept = [entry.parameters["password"] for entry in journal if entry.name.startswith("create")]
    assert len({password.hash for password in kept}) == len(clears)
    assert {password.clear for password in kept} == {None}
