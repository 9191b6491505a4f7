"""Log on, connect, disconnect, log off: what the app asks of the service."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from lab.cloud import password as passwords
from tests.cloud.alibaba.app.world import PASSWORD, USER

BLOCK = IPv4Network("192.168.10.0/24")


def small_pool(w, block: str = "10.1.0.0/30") -> None:
    w.alibaba.configure_smart_access_gateway_software_network(w.app, cidr_blocks=[block])


@pytest.mark.requirement("S2-190")
def test_a_log_on_is_no_connection(w) -> None:
    w.user()
    session = w.log_on()
    assert (session.connected, session.address, session.secret) == (False, None, None)


@pytest.mark.requirement("S2-040")
def test_who_connects_is_given_an_address_of_the_block_and_a_secret(w) -> None:
    w.user()
    session = w.connect()
    assert session.address in BLOCK
    assert len(session.secret) == 32
    assert session.secret.hex() not in repr(session)


@pytest.mark.requirement("S2-074", "S2-076")
def test_every_connection_has_another_address_and_another_secret(w) -> None:
    w.user()
    session = w.log_on()
    seen = [w.alibaba.connect_app(session.id) for _ in range(4)]
    w.alibaba.disconnect_app(session.id)
    seen.append(w.connect())
    assert len({one.address for one in seen}) == len({one.secret for one in seen}) == 5


@pytest.mark.requirement("S2-074")
def test_the_address_is_another_even_when_everybody_elses_has_gone_round(w) -> None:
    small_pool(w, "10.1.0.0/29")  # six addresses
    w.user(), w.user("second-user")
    first = w.connect().address
    w.alibaba.log_off_app(w.alibaba.describe_user_online_clients(w.app)[0].id)
    for _ in range(5):
        w.connect(user_name="second-user")
    assert w.connect().address != first


@pytest.mark.requirement("S2-072", "S2-076")
def test_a_static_address_is_the_same_each_time(w) -> None:
    w.user(client_ip="192.168.10.7")
    session = w.log_on()
    assert {str(w.alibaba.connect_app(session.id).address) for _ in range(3)} | {str(w.connect().address)} == {"192.168.10.7"}


@pytest.mark.requirement("S2-073")
def test_a_dynamic_client_never_gets_a_static_address(w, refused) -> None:
    small_pool(w, "10.1.0.0/29")
    w.user(client_ip="10.1.0.3")
    given = set()
    for number in range(5):
        w.user(f"user-of-{number}")
        terminal = w.cloud.terminals.create_terminal().id
        given.add(str(w.connect(terminal, user_name=f"user-of-{number}").address))
    assert given == {"10.1.0.1", "10.1.0.2", "10.1.0.4", "10.1.0.5", "10.1.0.6"}
    w.user("one-too-many")
    session = w.log_on(user_name="one-too-many")
    error = refused(w.cloud, lambda: w.alibaba.connect_app(session.id), "App.NoIdleAddress")
    assert "10.1.0.0/29" in error.message


@pytest.mark.requirement("S2-075")
def test_the_only_address_is_given_again(w) -> None:
    small_pool(w)
    w.user(client_ip="10.1.0.1"), w.user("second-user")
    session = w.log_on(user_name="second-user")
    assert {str(w.alibaba.connect_app(session.id).address) for _ in range(2)} == {"10.1.0.2"}


@pytest.mark.requirement("S2-075", "S2-192")
def test_an_address_that_is_given_up_is_idle(w, refused) -> None:
    small_pool(w)
    w.user(client_ip="10.1.0.1"), w.user("second-user"), w.user("third-user")
    holder = w.connect(user_name="second-user")
    waiting = w.log_on(w.phone, user_name="third-user")
    refused(w.cloud, lambda: w.alibaba.connect_app(waiting.id), "App.NoIdleAddress")
    assert w.alibaba.describe_user_online_clients(w.app, "second-user")[0].address == holder.address
    w.alibaba.disconnect_app(holder.id)
    assert w.alibaba.connect_app(waiting.id).address == holder.address


@pytest.mark.requirement("S2-100")
def test_many_at_once_share_no_address(w) -> None:
    w.alibaba.upgrade_smart_access_gateway_software(w.app, 50)
    given = []
    for number in range(50):
        w.user(f"user-of-{number}")
        given.append(w.connect(w.cloud.terminals.create_terminal().id, user_name=f"user-of-{number}").address)
    assert len(set(given)) == 50


def test_addresses_of_the_next_block_follow_when_the_first_is_full(w) -> None:
    w.alibaba.configure_smart_access_gateway_software_network(w.app, cidr_blocks=["10.1.0.0/30", "10.2.0.0/30"])
    w.user()
    session = w.log_on()
    given = [str(w.alibaba.connect_app(session.id).address) for _ in range(5)]
    assert given == ["10.1.0.1", "10.1.0.2", "10.2.0.1", "10.2.0.2", "10.1.0.1"]


def test_a_second_log_on_of_the_account_ends_the_first(w, refused) -> None:
    w.user()
    first = w.connect()
    second = w.connect(w.phone)
    refused(w.cloud, lambda: w.alibaba.connect_app(first.id), "App.NotLoggedOn")
    assert [session.id for session in w.alibaba.describe_user_online_clients(w.app)] == [second.id]


def test_a_terminal_has_one_user_at_a_time(w) -> None:
    w.user(), w.user("second-user")
    w.connect()
    second = w.log_on(user_name="second-user")
    assert [session.id for session in w.alibaba.describe_user_online_clients(w.app)] == [second.id]


@pytest.mark.requirement("S2-192")
def test_after_disconnecting_a_session_is_as_before_connecting(w) -> None:
    w.user()
    before = w.log_on()
    w.alibaba.connect_app(before.id)
    w.alibaba.disconnect_app(before.id)
    (after,) = w.alibaba.describe_user_online_clients(w.app)
    assert (after.connected, after.address) == (before.connected, before.address)
    w.alibaba.log_off_app(before.id)
    assert w.alibaba.describe_user_online_clients(w.app) == ()


@pytest.mark.requirement("S2-006", "S2-150", "S2-188")
@pytest.mark.parametrize("by", ["instance", "code", "code in lower case", "both", "name alone"])
def test_ways_to_say_whose_account_it_is(w, by: str) -> None:
    w.user()
    code = w.alibaba.describe_smart_access_gateway_software(w.app).enterprise_code
    given = {
        "instance": {"smart_ag_id": w.app},
        "code": {"smart_ag_id": "", "enterprise_code": code},
        "code in lower case": {"smart_ag_id": "", "enterprise_code": code.lower()},
        "both": {"smart_ag_id": w.app, "enterprise_code": code},
        "name alone": {"smart_ag_id": ""},
    }[by]
    assert w.connect(**given).connected


@pytest.mark.requirement("S2-004", "S2-188")
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"user_name": "nobody-here"}, id="no such account"),
        pytest.param({"user_name": ""}, id="no name"),
        pytest.param({"password": "pass-word.2"}, id="password"),
        pytest.param({"password": ""}, id="no password"),
        pytest.param({"smart_ag_id": "sag-0"}, id="no such instance"),
        pytest.param({"enterprise_code": "ZZZZZ"}, id="another code", marks=pytest.mark.requirement("S2-150")),
        pytest.param({"smart_ag_id": "", "enterprise_code": "ZZZZZ"}, id="another code alone"),
    ],
)
def test_whatever_is_wrong_the_answer_is_the_same(w, refused, wrong: dict[str, str]) -> None:
    w.user()
    error = refused(w.cloud, lambda: w.log_on(**wrong), "App.LogOnFailed")
    known = refused(w.cloud, lambda: w.log_on(password="pass-word.3"), "App.LogOnFailed")
    assert error.message == known.message
    assert "asks the administrator to reset it" in error.message


def test_it_takes_as_long_to_refuse_a_name_that_there_is_not(w, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in comparisons, not in seconds, which a busy machine makes up."""
    verified: list[str] = []
    real = passwords._verified
    monkeypatch.setattr(passwords, "_verified", lambda clear, hash: verified.append(hash) or real(clear, hash))
    w.user()
    for wrong in ({"password": "pass-word.2"}, {"user_name": "nobody-here"}):
        with pytest.raises(Exception, match=r"App\.LogOnFailed"):
            w.log_on(**wrong)
    assert len(verified) == 2
    assert len({hash.rpartition("$")[0].rpartition("$")[0] for hash in verified}) == 1  # the same variant and cost


@pytest.mark.parametrize("name", [USER, "nobody-here"], ids=["of an account", "of nobody"])
def test_five_wrong_passwords_are_enough_for_a_while(w, refused, name: str) -> None:
    w.user()
    for _ in range(5):
        refused(w.cloud, lambda: w.log_on(user_name=name, password="pass-word.2"), "App.LogOnFailed")
    refused(w.cloud, lambda: w.log_on(user_name=name), "App.TooManyAttempts")
    w.clock.move_forward(minutes=14)
    refused(w.cloud, lambda: w.log_on(user_name=name), "App.TooManyAttempts")
    w.clock.move_forward(minutes=1)
    if name == USER:
        assert w.log_on(user_name=name).user_name == USER
    else:
        refused(w.cloud, lambda: w.log_on(user_name=name), "App.LogOnFailed")


def test_a_right_password_and_a_reset_begin_the_count_anew(w, refused) -> None:
    w.user()
    for _ in range(4):
        refused(w.cloud, lambda: w.log_on(password="pass-word.2"), "App.LogOnFailed")
    w.log_on()
    for _ in range(5):
        refused(w.cloud, lambda: w.log_on(password="pass-word.2"), "App.LogOnFailed")
    w.alibaba.reset_smart_access_gateway_client_user_password(w.app, USER, PASSWORD)
    assert w.log_on().user_name == USER


def test_a_disabled_account_is_told_so_only_to_who_knows_the_password(w, refused) -> None:
    w.user()
    w.alibaba.disable_smart_access_gateway_user(w.app, USER)
    refused(w.cloud, lambda: w.log_on(password="pass-word.2"), "App.LogOnFailed")
    refused(w.cloud, w.log_on, "App.AccountDisabled")


@pytest.mark.parametrize("call", ["connect_app", "disconnect_app", "log_off_app"])
def test_a_session_that_there_is_not(w, refused, call: str) -> None:
    refused(w.cloud, lambda: getattr(w.alibaba, call)("as-0"), "App.NotLoggedOn")


def test_a_terminal_that_there_is_not(w, refused) -> None:
    w.user()
    refused(w.cloud, lambda: w.log_on("term-0"), "InvalidTerminalId.NotFound")
