"""Client accounts: the form, the mail, what is changed later, and how an account goes."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lab.cloud import CloudError, Identity
from lab.cloud.alibaba import ClientUser, MeterReading
from tests.cloud.alibaba.app.world import PASSWORD, USER, password_in

LONG_MAIL = "a" * 52 + "@example.com"  # 64 characters


def users(w, smart_ag_id: str = "") -> dict[str, ClientUser]:
    listed = w.alibaba.describe_smart_access_gateway_client_users(smart_ag_id or w.app)
    return {user.user_name: user for user in listed}


def use_data(w, user: ClientUser, count: int = 1) -> None:
    w.alibaba.report_client_usage((MeterReading(user.id, count, 0),))


# What is entered


@pytest.mark.requirement("S2-054", "S2-059", "S2-060", "S2-064", "S2-080")
def test_an_email_address_will_do(w) -> None:
    w.user("", password="")
    (mail,) = w.mails
    session = w.connect(user_name="li.lei@example.com", password=password_in(mail))
    assert session.connected


@pytest.mark.requirement("S2-004", "S2-069", "S2-085", "S2-106", "S2-107", "S2-188", "S2-189")
def test_one_mail_tells_all_that_is_needed(w) -> None:
    w.user()
    (mail,) = w.mails
    instance = w.alibaba.describe_smart_access_gateway_software(w.app)
    assert mail.to == "li.lei@example.com"
    for words in (w.app, USER, PASSWORD, instance.enterprise_code, "Download the app"):
        assert words in mail.text
    assert PASSWORD not in repr(mail)


@pytest.mark.requirement("S2-187")
def test_the_mail_tells_how_to_get_the_app_and_to_read_the_notes_first(w) -> None:
    w.user()
    lines = [line for line in w.mails[0].text.splitlines() if "Aliyun Network Client" in line]
    assert [line.split()[0] for line in lines] == ["macOS", "iOS"]
    assert all("read the usage notes first" in line for line in lines)


@pytest.mark.requirement("S2-063")
@pytest.mark.parametrize(("name", "password"), [("", PASSWORD), (USER, "")], ids=["password alone", "name alone"])
def test_what_is_mailed_logs_on_whichever_was_left_empty(w, name: str, password: str) -> None:
    user = w.user(name, password=password)
    mailed = password_in(w.mails[0])
    assert (mailed == PASSWORD) == bool(password)
    assert w.connect(user_name=user.user_name, password=mailed).connected


@pytest.mark.requirement("S2-080", "S2-084", "S2-194")
def test_generated_passwords_keep_the_rule_and_are_all_different(w) -> None:
    for number in range(10):
        w.user(f"user-of-{number}", password="")
    generated = {password_in(mail) for mail in w.mails}
    assert len(generated) == 10
    assert all(len(password) == 12 and password.isascii() and password.isalnum() for password in generated)


@pytest.mark.requirement("S2-055", "S2-056", "S2-057", "S2-105")
@pytest.mark.parametrize("name", ["abcdefg", "a" * 33, "1abcdefg", "a_b@c.d-e", "ABCDEFG"])
def test_a_name_that_is_taken(w, name: str) -> None:
    assert w.user(name).user_name == name


@pytest.mark.requirement("S2-061")
def test_two_names_may_share_an_email_address(w) -> None:
    w.user("first-of-two"), w.user("second-of-two")
    assert [mail.to for mail in w.mails] == ["li.lei@example.com"] * 2


@pytest.mark.requirement("S2-062")
@pytest.mark.parametrize("mail", ["a@b.co", LONG_MAIL, "_a@b.co", ".a@b.co", "-a@b.co"])
def test_an_email_address_is_a_name_as_it_is_whatever_the_rule_for_names(w, mail: str) -> None:
    w.user("", user_mail=mail)
    assert w.connect(user_name=mail).connected


@pytest.mark.requirement("S2-066", "S2-067", "S2-068")
@pytest.mark.parametrize("mail", ["a@b", LONG_MAIL, "a_b.c-d@x.y"])
def test_an_email_address_that_is_taken(w, mail: str) -> None:
    assert w.user(user_mail=mail).user_mail == mail


@pytest.mark.requirement("S2-081", "S2-083", "S2-084", "S2-108")
@pytest.mark.parametrize("password", ["abcdefgh", "a" * 32, "1abcdefg", "pass@word1", "pass.word1", "pass@word.1", "a_b-cdef"])
def test_a_password_that_is_taken(w, password: str) -> None:
    w.user(password=password)
    assert w.connect(password=password).connected


@pytest.mark.requirement("S2-077", "S2-078", "S2-105", "S2-199")
@pytest.mark.parametrize(("given", "bandwidth"), [({}, 2000), ({"bandwidth": 1}, 1), ({"bandwidth": 20_000}, 20_000)])
def test_a_bandwidth(w, given: dict[str, int], bandwidth: int) -> None:
    w.user(**given)
    assert users(w)[USER].bandwidth == bandwidth


NAMES = (
    *("abcdef", "a" * 34, "abcd+efg", "abcd efg", "abcd/efg", "abcdéfgh", "abcdefg\n"),
    *("_abcdefg", "@abcdefg", ".abcdefg", "-abcdefg"),
)
PASSWORDS = ("abcdefg", "a" * 33, "pass word", "password!", "password#", "_abcdefg1", "-abcdefg", "@password")
MAILS = ("", "a" + LONG_MAIL, "li.lei", "a+b@x", "@a", "a@", "a@b@c", "a@b\nx@y")
REFUSED_FORMS: dict[str, tuple[dict[str, object], str]] = {
    **{f"email {mail!r}": ({"user_mail": mail}, "ClientUser.EmailInvalid") for mail in MAILS},
    **{f"name {name!r}": ({"user_name": name}, "ClientUser.NameInvalid") for name in NAMES},
    **{f"password {word!r}": ({"password": word}, "ClientUser.PasswordInvalid") for word in PASSWORDS},
    **{f"bandwidth {rate}": ({"bandwidth": rate}, "ClientUser.BandwidthInvalid") for rate in (0, -1, 20_001, 1.5)},
    "static without address": ({"static_ip": True}, "ClientUser.InvalidClientIp"),
    "address without static": ({"static_ip": False, "client_ip": "192.168.10.7"}, "ClientUser.InvalidClientIp"),
    "address outside": ({"client_ip": "192.168.11.7"}, "ClientUser.InvalidClientIp"),
    "address of the block itself": ({"client_ip": "192.168.10.0"}, "ClientUser.InvalidClientIp"),
    "no address": ({"client_ip": "ten"}, "ClientUser.InvalidClientIp"),
    "acceleration without a plan": ({"acceleration_bandwidth": 100}, "AccelerationPlan.NotAssociated"),
}


@pytest.mark.requirement(
    *("S2-055", "S2-056", "S2-057", "S2-065", "S2-066", "S2-067", "S2-068", "S2-070", "S2-071", "S2-077", "S2-081", "S2-082"),
    *("S2-083", "S2-103", "S2-105", "S2-106", "S2-108", "S2-111", "S2-199"),
)
@pytest.mark.parametrize(("given", "code"), REFUSED_FORMS.values(), ids=REFUSED_FORMS.keys())
def test_a_form_that_is_refused_creates_and_mails_nothing(w, refused, given, code) -> None:
    form = {"user_mail": "li.lei@example.com", "user_name": USER, "password": PASSWORD, **given}
    create = w.alibaba.create_smart_access_gateway_client_user
    refused(w.cloud, lambda: create(w.app, **form), code)
    assert (users(w), w.mails) == ({}, [])


@pytest.mark.requirement("S2-058", "S2-061", "S2-105")
@pytest.mark.parametrize("name", [USER, ""], ids=["same name", "same email for a name"])
def test_a_name_is_there_once(w, refused, name: str) -> None:
    w.user(name)
    refused(w.cloud, lambda: w.user(name), "ClientUser.UserExist")
    assert (len(users(w)), len(w.mails)) == (1, 1)


def test_an_account_of_an_instance_that_there_is_not(w, refused) -> None:
    refused(w.cloud, lambda: w.user(smart_ag_id="sag-0"), "InvalidId.SMARTAG")


# Static addresses


@pytest.mark.requirement("S2-071")
def test_a_static_address_may_be_of_any_block(w) -> None:
    w.alibaba.configure_smart_access_gateway_software_network(w.app, cidr_blocks=["192.168.10.0/24", "10.1.0.0/24"])
    w.user(client_ip="10.1.0.7")
    assert w.connect().address == IPv4Address("10.1.0.7")


@pytest.mark.requirement("S2-073")
def test_a_static_address_is_nobody_elses(w, refused) -> None:
    w.user(client_ip="192.168.10.7")
    refused(w.cloud, lambda: w.user("second-user", client_ip="192.168.10.7"), "ClientUser.InvalidClientIp")
    dynamic = w.user("second-user")
    taken = w.connect(user_name="second-user").address
    refused(w.cloud, lambda: w.user("third-user", client_ip=str(taken)), "ClientUser.InvalidClientIp")
    modify = w.alibaba.modify_smart_access_gateway_client_user
    refused(w.cloud, lambda: modify(w.app, "second-user", client_ip="192.168.10.7"), "ClientUser.InvalidClientIp")
    assert modify(w.app, "second-user", client_ip=str(taken)).static_ip == taken
    assert dynamic.static_ip is None


def test_a_static_address_is_given_up(w) -> None:
    w.user(client_ip="192.168.10.7")
    w.alibaba.modify_smart_access_gateway_client_user(w.app, USER, static_ip=False)
    assert users(w)[USER].static_ip is None
    w.user("second-user", client_ip="192.168.10.7")


# What is changed later


@pytest.mark.requirement("S2-198", "S2-199")
def test_bandwidth_is_modified_and_stays_when_that_is_refused(w, refused) -> None:
    w.user()
    modify = w.alibaba.modify_smart_access_gateway_client_user
    for bandwidth in (1, 20_000):
        assert modify(w.app, USER, bandwidth=bandwidth).bandwidth == bandwidth
    for bandwidth in (0, 20_001):
        refused(w.cloud, lambda bandwidth=bandwidth: modify(w.app, USER, bandwidth=bandwidth), "ClientUser.BandwidthInvalid")
    assert users(w)[USER].bandwidth == 20_000
    assert users(w)[USER].bandwidth_origin.operation == "alibaba.modify_smart_access_gateway_client_user"


@pytest.mark.requirement("S2-200", "S2-201")
def test_more_than_20000_takes_a_ticket(w, refused) -> None:
    w.user()
    modify = w.alibaba.modify_smart_access_gateway_client_user
    error = refused(w.cloud, lambda: modify(w.app, USER, bandwidth=20_001), "ClientUser.BandwidthInvalid")
    assert "submit a ticket" in error.message
    w.alibaba.raise_client_user_bandwidth_quota(w.app, USER, 50_000)
    assert modify(w.app, USER, bandwidth=50_000).bandwidth == 50_000
    lower = w.alibaba.raise_client_user_bandwidth_quota
    refused(w.cloud, lambda: lower(w.app, USER, 30_000), "ClientUser.BandwidthInvalid")
    refused(w.cloud, lambda: w.user("second-user", bandwidth=20_001), "ClientUser.BandwidthInvalid")


def test_an_email_address_is_modified(w, refused) -> None:
    w.user()
    modify = w.alibaba.modify_smart_access_gateway_client_user
    assert modify(w.app, USER, user_mail="han.mm@example.com").user_mail == "han.mm@example.com"
    refused(w.cloud, lambda: modify(w.app, USER, user_mail="nobody"), "ClientUser.EmailInvalid")
    refused(w.cloud, lambda: modify(w.app, "nobody-here"), "ClientUser.NotExist")


@pytest.mark.requirement("S2-194", "S2-195", "S2-196", "S2-197")
@pytest.mark.parametrize("given", ["", "ab_c@d-1", "ab.c@d-1"], ids=["random", "chosen", "with a period"])
def test_a_password_is_reset_and_mailed(w, refused, given: str) -> None:
    w.user()
    w.mails.clear()
    w.alibaba.reset_smart_access_gateway_client_user_password(w.app, USER, given)
    (mail,) = w.mails
    assert (mail.to, given in mail.text) == ("li.lei@example.com", True)
    refused(w.cloud, w.log_on, "App.LogOnFailed")
    assert w.connect(password=password_in(mail)).connected


@pytest.mark.requirement("S2-084", "S2-195", "S2-197")
@pytest.mark.parametrize("given", ["a" * 7, "a" * 33, "@abcdefg", "pass word"])
def test_a_reset_that_is_refused_leaves_the_old_one_and_mails_nothing(w, refused, given: str) -> None:
    w.user()
    w.mails.clear()
    reset = w.alibaba.reset_smart_access_gateway_client_user_password
    refused(w.cloud, lambda: reset(w.app, USER, given), "ClientUser.PasswordInvalid")
    assert w.connect().connected
    assert w.mails == []


# How an account goes


@pytest.mark.requirement("S2-143")
def test_an_account_is_deleted_and_leaves_its_seat_and_its_address(w, refused) -> None:
    w.user(client_ip="192.168.10.7")
    w.connect()
    w.alibaba.delete_smart_access_gateway_client_user(w.app, USER)
    assert (users(w), w.alibaba.describe_user_online_clients(w.app)) == ({}, ())
    refused(w.cloud, w.log_on, "App.LogOnFailed")
    for number in range(10):
        w.user(f"user-of-{number}", client_ip="192.168.10.7" if number == 9 else None)


@pytest.mark.requirement("S2-144", "S2-145", "S2-148")
def test_an_account_that_has_used_data_is_disabled_now_and_deleted_next_month(w, refused) -> None:
    use_data(w, w.user())
    delete = w.alibaba.delete_smart_access_gateway_client_user
    error = refused(w.cloud, lambda: delete(w.app, USER), "ClientUser.DataUsed")
    assert "Disable" in error.message
    w.alibaba.disable_smart_access_gateway_user(w.app, USER)
    refused(w.cloud, lambda: delete(w.app, USER), "ClientUser.DataUsed")
    w.alibaba.set_software_renewal(w.app, "AutoRenewal")
    w.clock.move_forward(months=1)
    delete(w.app, USER)
    assert users(w) == {}


@pytest.mark.requirement("S2-147")
def test_an_account_that_uses_data_again_is_undeletable_again(w, refused) -> None:
    user = w.user()
    use_data(w, user)
    w.clock.move_forward(months=1)
    use_data(w, user, 2)
    refused(w.cloud, lambda: w.alibaba.delete_smart_access_gateway_client_user(w.app, USER), "ClientUser.DataUsed")


@pytest.mark.requirement("S2-146")
def test_a_disabled_account_is_offline_at_once_and_keeps_its_seat(w, refused) -> None:
    w.user()
    session = w.connect()
    w.alibaba.disable_smart_access_gateway_user(w.app, USER)
    assert w.alibaba.describe_user_online_clients(w.app) == ()
    refused(w.cloud, w.log_on, "App.AccountDisabled")
    refused(w.cloud, lambda: w.alibaba.connect_app(session.id), "App.NotLoggedOn")
    assert users(w)[USER].enabled is False
    w.alibaba.enable_smart_access_gateway_user(w.app, USER)
    assert w.connect().connected


def test_who_is_kicked_out_may_log_on_again(w, refused) -> None:
    w.user()
    session = w.connect()
    w.alibaba.kick_out_clients(w.app, USER)
    refused(w.cloud, lambda: w.alibaba.connect_app(session.id), "App.NotLoggedOn")
    refused(w.cloud, lambda: w.alibaba.kick_out_clients(w.app, USER), "App.NotLoggedOn")
    assert w.connect().connected


@pytest.mark.requirement("S2-003")
def test_an_instance_tells_its_accounts_and_its_connections_and_no_secret(w) -> None:
    w.user(), w.user("second-user")
    session = w.connect()
    assert set(users(w)) == {USER, "second-user"}
    assert {user.password for user in users(w).values()} == {""}
    (online,) = w.alibaba.describe_user_online_clients(w.app)
    assert (online.user_name, online.address, online.secret) == (USER, session.address, None)
    assert w.alibaba.describe_user_online_clients(w.app, "second-user") == ()


# Who may


@pytest.mark.requirement("S2-086", "S2-125", "S2-193", "S2-198")
@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("create_smart_access_gateway_software", ()),
        ("create_smart_access_gateway_client_user", ("sag-0",)),
        ("modify_smart_access_gateway_client_user", ("sag-0", USER)),
        ("reset_smart_access_gateway_client_user_password", ("sag-0", USER)),
        ("describe_user_flow_statistics", ("sag-0",)),
        ("describe_smart_access_gateway_client_users", ("sag-0",)),
        ("list_enterprise_code", ()),
    ],
)
def test_an_end_user_is_no_administrator(w, name: str, args: tuple[str, ...]) -> None:
    kwargs = {"user_mail": "a@b.co"} if name == "create_smart_access_gateway_client_user" else {}
    with pytest.raises(CloudError) as caught:
        w.cloud.call("alibaba", name, args, kwargs, Identity(user=USER))
    assert caught.value.code == "Forbidden"
    assert "ask the administrator" in caught.value.message


def test_an_end_user_logs_on_connects_and_leaves(w) -> None:
    w.user()
    with w.cloud.acting_as(Identity(user=USER)):
        session = w.connect()
        w.alibaba.disconnect_app(session.id)
        w.alibaba.log_off_app(session.id)
    assert list(w.cloud.journal)[-1].caller.user == USER
