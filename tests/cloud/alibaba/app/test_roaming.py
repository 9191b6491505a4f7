"""Roaming: an account of one area at instances of others."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from lab.cloud import CloudError
from tests.cloud.alibaba.app.world import PASSWORD, USER, password_in

BLOCK = "192.168.20.0/24"


@pytest.fixture
def far(w) -> str:
    """An instance in Singapore that is ready, on a CCN of its own."""
    smart_ag_id = w.alibaba.create_smart_access_gateway_software("ap-southeast-1", user_count=5).smart_ag_id
    w.alibaba.quick_configure_smart_access_gateway_software(smart_ag_id, ccn_name="ccn-far", cidr_blocks=[BLOCK])
    return smart_ag_id


@pytest.mark.requirement("S2-117", "S2-120", "S2-121")
def test_the_id_of_the_instance_says_where_the_account_connects(w, far) -> None:
    w.user()
    w.alibaba.roam_client_user(w.app, far, USER)
    home, roaming = w.connect(), w.connect(w.phone, smart_ag_id=far)
    assert (home.smart_ag_id, roaming.smart_ag_id) == (w.app, far)
    assert roaming.address in IPv4Network(BLOCK)
    assert len(w.mails) == 1


@pytest.mark.requirement("S2-122")
def test_a_password_that_is_reset_at_home_holds_everywhere(w, far, refused) -> None:
    w.user()
    w.alibaba.roam_client_user(w.app, far, USER)
    w.alibaba.reset_smart_access_gateway_client_user_password(w.app, USER)
    password = password_in(w.mails[-1])
    for smart_ag_id in (w.app, far):
        refused(w.cloud, lambda it=smart_ag_id: w.log_on(smart_ag_id=it), "App.LogOnFailed")
        assert w.log_on(smart_ag_id=smart_ag_id, password=password).smart_ag_id == smart_ag_id
    reset = w.alibaba.reset_smart_access_gateway_client_user_password
    error = refused(w.cloud, lambda: reset(far, USER), "ClientUser.IsReplica")
    assert w.app in error.message


@pytest.mark.requirement("S2-116")
def test_an_account_roams_to_several_areas_from_its_home_or_from_a_replica(w, far) -> None:
    w.user()
    farther = w.alibaba.create_smart_access_gateway_software("eu-central-1").smart_ag_id
    first = w.alibaba.roam_client_user(w.app, far, USER)
    second = w.alibaba.roam_client_user(far, farther, USER)
    assert first.replica_of == second.replica_of != first.id
    for smart_ag_id in (far, farther):
        assert [user.user_name for user in w.alibaba.describe_smart_access_gateway_client_users(smart_ag_id)] == [USER]


@pytest.mark.requirement("S2-123")
def test_a_replica_has_a_seat_and_no_static_address(w, far, refused) -> None:
    w.user(client_ip="192.168.10.7", bandwidth=500)
    replica = w.alibaba.roam_client_user(w.app, far, USER)
    assert (replica.static_ip, replica.bandwidth) == (None, 500)
    for number in range(4):
        w.user(f"local-{number}", far)
    w.user("one-too-many")
    refused(w.cloud, lambda: w.alibaba.roam_client_user(w.app, far, "one-too-many"), "ClientUser.UserOverLimit")


@pytest.mark.requirement("S2-124")
def test_an_enterprise_code_means_the_account_and_not_its_replica(w, far) -> None:
    w.user()
    w.alibaba.roam_client_user(w.app, far, USER)
    code = w.alibaba.describe_smart_access_gateway_software(far).enterprise_code
    assert w.log_on(smart_ag_id="", enterprise_code=code).smart_ag_id == w.app
    assert w.log_on(smart_ag_id="").smart_ag_id == w.app
    assert w.log_on(smart_ag_id=far, enterprise_code=code).smart_ag_id == far


def test_who_is_disabled_at_home_is_so_everywhere(w, far, refused) -> None:
    w.user()
    w.alibaba.roam_client_user(w.app, far, USER)
    w.connect(w.phone, smart_ag_id=far)
    w.alibaba.disable_smart_access_gateway_user(w.app, USER)
    assert w.alibaba.describe_user_online_clients(far) == ()
    refused(w.cloud, lambda: w.log_on(smart_ag_id=far), "App.AccountDisabled")
    w.alibaba.enable_smart_access_gateway_user(w.app, USER)
    w.alibaba.disable_smart_access_gateway_user(far, USER)
    refused(w.cloud, lambda: w.log_on(smart_ag_id=far), "App.AccountDisabled")
    assert w.log_on().smart_ag_id == w.app


def test_an_account_goes_after_its_replicas(w, far, refused) -> None:
    w.user()
    w.alibaba.roam_client_user(w.app, far, USER)
    delete = w.alibaba.delete_smart_access_gateway_client_user
    refused(w.cloud, lambda: delete(w.app, USER), "ClientUser.HasReplica")
    delete(far, USER)
    delete(w.app, USER)


REFUSALS = [
    pytest.param(lambda w, far: w.alibaba.roam_client_user("sag-0", far, USER), "InvalidId.SMARTAG", id="unknown origin"),
    pytest.param(lambda w, far: w.alibaba.roam_client_user(w.app, "sag-0", USER), "InvalidId.SMARTAG", id="unknown target"),
    pytest.param(lambda w, far: w.alibaba.roam_client_user(w.app, far, "nobody"), "ClientUser.NotExist", id="unknown account"),
    pytest.param(
        lambda w, far: w.alibaba.roam_client_user(
            w.app, w.alibaba.create_smart_access_gateway_software("cn-beijing").smart_ag_id, USER
        ),
        "ClientUser.SameArea",
        id="same area",
        marks=pytest.mark.requirement("S2-118"),
    ),
    pytest.param(
        lambda w, far: (
            w.alibaba.configure_smart_access_gateway_software_network(far, cidr_blocks=["192.168.0.0/16"]),
            w.alibaba.roam_client_user(w.app, far, USER),
        ),
        "SAG.CidrOverlap",
        id="overlapping blocks",
        marks=pytest.mark.requirement("S2-119"),
    ),
    pytest.param(
        lambda w, far: (w.alibaba.roam_client_user(w.app, far, USER), w.alibaba.roam_client_user(w.app, far, USER)),
        "ClientUser.UserExist",
        id="twice",
    ),
]


@pytest.mark.parametrize(("call", "code"), REFUSALS)
def test_refused(w, far, call, code) -> None:
    w.user(password=PASSWORD)
    with pytest.raises(CloudError) as caught:
        call(w, far)
    assert caught.value.code == code, str(caught.value)
