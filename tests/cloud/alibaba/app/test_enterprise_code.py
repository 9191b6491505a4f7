"""Enterprise codes: whose they are, which instance has which, and which names can live beside each other."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lab.cloud import Cloud, CloudError, Identity
from lab.cloud.alibaba import EnterpriseCode
from tests.cloud.alibaba.app.world import USER


def codes(w) -> dict[str, bool]:
    """The codes of the account, and whether each is the default."""
    return {code.id: code.is_default for code in w.alibaba.list_enterprise_code()}


def default(w) -> str:
    return next(code for code, is_default in codes(w).items() if is_default)


def buy(w, region: str = "cn-shanghai") -> str:
    return w.alibaba.create_smart_access_gateway_software(region).smart_ag_id


def code_of(w, smart_ag_id: str) -> str:
    return w.alibaba.describe_smart_access_gateway_software(smart_ag_id).enterprise_code


@pytest.fixture
def partner(w) -> SimpleNamespace:
    """Another customer of the provider: `call` makes a call as its administrator."""
    w.alibaba.create_account("partner")

    def call(name: str, *args: object, **kwargs: object) -> object:
        return w.cloud.call("alibaba", name, args, kwargs, Identity("partner"))

    return SimpleNamespace(call=call)


@pytest.mark.requirement("S2-153", "S2-163")
def test_an_account_has_a_default_code_before_it_buys_anything(cloud: Cloud) -> None:
    (code,) = cloud.alibaba.list_enterprise_code()
    assert (code.is_default, len(code.id), code.id.isalnum()) == (True, 5, True)


@pytest.mark.requirement("S2-154")
def test_default_codes_of_many_accounts_are_all_different(cloud: Cloud) -> None:
    for number in range(30):
        cloud.alibaba.create_account(f"customer-{number}")
    assert len(cloud.store.all(EnterpriseCode)) == len({code.id for code in cloud.store.all(EnterpriseCode)}) == 31


@pytest.mark.requirement("S2-154")
def test_a_default_code_is_no_custom_one_either(cloud: Cloud) -> None:
    fork = cloud.fork()
    before = fork.supply.position
    fork.alibaba.create_account("partner")
    would_be = fork.store.all(EnterpriseCode)[-1].id
    twin = Cloud(b"tests of the cloud model")
    twin.alibaba.create_enterprise_code(would_be)
    twin.supply.move_to(before)
    twin.alibaba.create_account("partner")
    assert [code.id for code in twin.store.all(EnterpriseCode)].count(would_be) == 1


@pytest.mark.requirement("S2-151", "S2-152")
@pytest.mark.parametrize("code", ["AB123", "ABCDE", "12345", "ab123"])
def test_five_letters_and_digits_are_a_code(w, code: str) -> None:
    assert w.alibaba.create_enterprise_code(code).id == code.upper()
    assert codes(w)[code.upper()] is False


@pytest.mark.requirement("S2-151")
@pytest.mark.parametrize("code", ["AB12", "AB1234", "AB-12", "AB_12", "中文中文中", "", "AB12\n"])
def test_anything_else_is_none(w, refused, code: str) -> None:
    refused(w.cloud, lambda: w.alibaba.create_enterprise_code(code), "EnterpriseCode.Invalid")


@pytest.mark.requirement("S2-152", "S2-156", "S2-165")
def test_a_code_is_of_one_account_whatever_its_case(w, partner, refused) -> None:
    w.alibaba.create_enterprise_code("AB123")
    refused(w.cloud, lambda: w.alibaba.create_enterprise_code("ab123"), "EnterpriseCode.Exist")
    refused(w.cloud, lambda: partner.call("create_enterprise_code", "AB123"), "EnterpriseCode.Exist")
    refused(w.cloud, lambda: partner.call("create_enterprise_code", default(w)), "EnterpriseCode.Exist")


@pytest.mark.requirement("S2-159", "S2-160", "S2-161", "S2-162")
def test_another_default_is_for_what_is_bought_from_then_on(w) -> None:
    former = default(w)
    w.user()
    w.alibaba.create_enterprise_code("AB123")
    w.alibaba.update_enterprise_code("ab123", is_default=True)
    assert codes(w) == {former: False, "AB123": True}
    bought = buy(w)
    assert (code_of(w, bought), code_of(w, w.app)) == ("AB123", former)
    assert w.log_on(smart_ag_id="", enterprise_code=former).smart_ag_id == w.app
    w.alibaba.update_smart_ag_enterprise_code(w.app, "AB123")
    assert w.log_on(smart_ag_id="", enterprise_code="AB123").smart_ag_id == w.app


@pytest.mark.requirement("S2-157", "S2-158", "S2-175", "S2-176")
def test_a_new_code_of_an_instance_is_the_one_to_log_on_with(w, refused) -> None:
    former = default(w)
    w.user()
    w.alibaba.update_smart_ag_enterprise_code(w.app, "AB123", create=True)
    assert codes(w) == {former: True, "AB123": False}
    assert w.log_on(smart_ag_id="", enterprise_code="AB123").smart_ag_id == w.app
    refused(w.cloud, lambda: w.log_on(smart_ag_id="", enterprise_code=former), "App.LogOnFailed")


@pytest.mark.requirement("S2-164")
def test_instances_of_an_account_have_the_same_code_or_different_ones(w) -> None:
    near, far = buy(w), buy(w, "ap-southeast-1")
    assert {code_of(w, near), code_of(w, far)} == {default(w)}
    w.alibaba.update_smart_ag_enterprise_code(far, "AB123", create=True)
    assert (code_of(w, near), code_of(w, far)) == (default(w), "AB123")


def test_setting_the_default_again_changes_nothing(w) -> None:
    before = codes(w)
    w.alibaba.update_enterprise_code(default(w), is_default=True)
    assert codes(w) == before


# Names beside each other: the second table of 4.1


@pytest.mark.requirement("S2-166", "S2-167")
def test_one_area_and_one_code_have_a_name_once(w, refused) -> None:
    w.user()
    other = buy(w, "cn-beijing")
    error = refused(w.cloud, lambda: w.user(USER, other), "ClientUser.UserExist")
    assert USER in error.message
    assert default(w) in error.message


@pytest.mark.requirement("S2-006", "S2-168")
def test_one_area_and_two_codes_may_have_it_twice_and_the_code_says_whose_it_is(w, refused) -> None:
    other = buy(w)
    w.alibaba.update_smart_ag_enterprise_code(other, "AB123", create=True)
    w.user()
    w.user(USER, other)
    error = refused(w.cloud, lambda: w.log_on(smart_ag_id=""), "App.EnterpriseCodeNeeded")
    assert "enterprise code" in error.message
    reached = [w.log_on(smart_ag_id="", enterprise_code=code).smart_ag_id for code in (default(w), "AB123")]
    assert reached == [w.app, other]
    refused(w.cloud, lambda: w.log_on(smart_ag_id="", password="pass-word.2"), "App.LogOnFailed")


@pytest.mark.requirement("S2-169", "S2-170")
@pytest.mark.parametrize("own_code", [False, True], ids=["same code", "different codes"])
def test_two_areas_have_it_by_roaming_only(w, refused, own_code: bool) -> None:
    w.user()
    far = buy(w, "ap-southeast-1")
    if own_code:
        w.alibaba.update_smart_ag_enterprise_code(far, "AB123", create=True)
    error = refused(w.cloud, lambda: w.user(USER, far), "ClientUser.UserExist")
    assert "roam_client_user" in error.message
    assert w.alibaba.roam_client_user(w.app, far, USER).user_name == USER


@pytest.mark.requirement("S2-171")
def test_two_customers_may_have_it_as_their_codes_differ(w, partner) -> None:
    w.user()
    theirs = partner.call("create_smart_access_gateway_software", "cn-shanghai").smart_ag_id  # type: ignore[attr-defined]
    partner.call("create_smart_access_gateway_client_user", theirs, user_mail="a@b.co", user_name=USER, password="their-word")
    code = next(code.id for code in w.cloud.store.all(EnterpriseCode) if code.account == "partner")
    assert w.log_on(smart_ag_id="", enterprise_code=code, password="their-word").smart_ag_id == theirs
    assert w.log_on(smart_ag_id="", enterprise_code=default(w)).smart_ag_id == w.app


@pytest.mark.requirement("S2-172")
def test_a_change_of_code_makes_no_name_double(w, refused) -> None:
    other = buy(w)
    w.alibaba.update_smart_ag_enterprise_code(other, "AB123", create=True)
    w.user()
    w.user(USER, other)
    refused(w.cloud, lambda: w.alibaba.update_smart_ag_enterprise_code(other, default(w)), "ClientUser.UserExist")
    refused(w.cloud, lambda: w.alibaba.update_smart_ag_enterprise_code(w.app, "AB123"), "ClientUser.UserExist")


def test_a_change_of_code_minds_no_replica(w) -> None:
    far = buy(w, "ap-southeast-1")
    w.user()
    w.alibaba.roam_client_user(w.app, far, USER)
    w.alibaba.update_smart_ag_enterprise_code(far, "AB123", create=True)
    w.alibaba.update_smart_ag_enterprise_code(w.app, "AB123")
    assert w.log_on(smart_ag_id="", enterprise_code="AB123").smart_ag_id == w.app


# Deleting


@pytest.mark.requirement("S2-177", "S2-178", "S2-179", "S2-180", "S2-181")
def test_a_code_goes_once_it_is_no_default_and_no_instances(w, refused) -> None:
    former, second = default(w), buy(w)
    delete = w.alibaba.delete_enterprise_code
    error = refused(w.cloud, lambda: delete(former), "EnterpriseCode.DeleteLimit")
    assert "set another one as the default first" in error.message
    w.alibaba.create_enterprise_code("AB123")
    w.alibaba.update_enterprise_code("AB123", is_default=True)
    error = refused(w.cloud, lambda: delete(former), "EnterpriseCode.BeingUsed")
    assert w.app in error.message
    assert second in error.message
    w.alibaba.update_smart_ag_enterprise_code(w.app, "AB123")
    refused(w.cloud, lambda: delete(former), "EnterpriseCode.BeingUsed")
    w.alibaba.update_smart_ag_enterprise_code(second, "AB123")
    delete(former)
    assert codes(w) == {"AB123": True}


REFUSALS = [
    pytest.param(
        lambda a, app: a.update_enterprise_code("ZZZZZ", is_default=True),
        "EnterpriseCode.NotExist",
        id="unknown default",
        marks=pytest.mark.requirement("S2-173"),
    ),
    pytest.param(lambda a, app: a.update_enterprise_code("ZZ", is_default=True), "EnterpriseCode.Invalid", id="no code at all"),
    pytest.param(
        lambda a, app: a.update_enterprise_code(a.list_enterprise_code()[0].id, is_default=False),
        "InvalidParameter",
        id="no default",
    ),
    pytest.param(
        lambda a, app: a.update_smart_ag_enterprise_code(app, "ZZZZZ"),
        "EnterpriseCode.NotExist",
        id="unknown code for an instance",
        marks=pytest.mark.requirement("S2-174"),
    ),
    pytest.param(
        lambda a, app: a.update_smart_ag_enterprise_code(app, a.list_enterprise_code()[0].id, create=True),
        "EnterpriseCode.Exist",
        id="a new code that there is",
        marks=pytest.mark.requirement("S2-175"),
    ),
    pytest.param(
        lambda a, app: a.update_smart_ag_enterprise_code(app, "AB-12", create=True),
        "EnterpriseCode.Invalid",
        id="a new code that is none",
        marks=pytest.mark.requirement("S2-175"),
    ),
    pytest.param(
        lambda a, app: a.update_smart_ag_enterprise_code("sag-0", "AB123", create=True), "InvalidId.SMARTAG", id="no instance"
    ),
    pytest.param(lambda a, app: a.delete_enterprise_code("ZZZZZ"), "EnterpriseCode.NotExist", id="delete unknown"),
]


@pytest.mark.parametrize(("call", "code"), REFUSALS)
def test_refused(w, refused, call, code) -> None:
    refused(w.cloud, lambda: call(w.alibaba, w.app), code)


@pytest.mark.requirement("S2-165", "S2-173", "S2-174")
@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("update_enterprise_code", (), {"is_default": True}),
        ("delete_enterprise_code", (), {}),
    ],
)
def test_a_foreign_code_is_none(w, partner, name: str, args: tuple[str, ...], kwargs: dict[str, object]) -> None:
    w.alibaba.create_enterprise_code("AB123")
    with pytest.raises(CloudError, match=r"EnterpriseCode\.NotExist"):
        partner.call(name, "AB123", *args, **kwargs)


@pytest.mark.requirement("S2-030", "S2-050", "S2-165")
def test_what_is_another_customers_is_nobodys_here(w, partner) -> None:
    theirs = partner.call("create_smart_access_gateway_software", "cn-shanghai").smart_ag_id  # type: ignore[attr-defined]
    w.alibaba.create_enterprise_code("AB123")
    cen = w.alibaba.create_cen("cen-1").id
    blocks = ["10.1.0.0/24"]
    for name, args, kwargs, code in (
        ("update_smart_ag_enterprise_code", (theirs, "AB123"), {}, "EnterpriseCode.NotExist"),
        ("configure_smart_access_gateway_software_network", (theirs,), {"ccn_id": w.ccn, "cidr_blocks": blocks}, "InvalidId.CCN"),
        (
            "quick_configure_smart_access_gateway_software",
            (theirs,),
            {"ccn_name": "theirs", "cidr_blocks": blocks, "cen_id": cen},
            "ParameterCenInstanceId",
        ),
        ("describe_smart_access_gateway_software", (w.app,), {}, "InvalidId.SMARTAG"),
    ):
        with pytest.raises(CloudError) as caught:
            partner.call(name, *args, **kwargs)
        assert caught.value.code == code
    assert partner.call("describe_cloud_connect_networks", "cn-shanghai") == ()
    assert w.alibaba.describe_smart_access_gateway_softwares("cn-shanghai")[0].id == w.app
