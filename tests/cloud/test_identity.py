"""Who makes a call."""

from __future__ import annotations

import pytest

from lab.cloud import Cloud, CloudError, Identity
from lab.cloud.alibaba import SagApp


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("", Identity()),
        ("main/", Identity()),
        ("li.lei", Identity("main", "li.lei")),
        ("/li.lei", Identity("main", "li.lei")),
        ("partner/", Identity("partner")),
        ("partner/li.lei", Identity("partner", "li.lei")),
    ],
)
def test_an_identity_as_text(text: str, identity: Identity) -> None:
    assert Identity.of(text) == identity
    assert Identity.of(str(identity)) == identity


def test_the_journal_tells_who_called(cloud: Cloud) -> None:
    cloud.alibaba.create_account("partner")
    cloud.call("alibaba", "create_cen", ("theirs",), {}, Identity("partner"))
    cloud.alibaba.create_cen("mine")
    assert [str(entry.caller) for entry in cloud.journal] == ["main/", "partner/", "main/"]


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("aws", "create_internet_gateway"),
        ("aws", "describe_vpcs"),
        ("alibaba", "create_cen"),
        ("alibaba", "describe_cens"),
        ("clock", "move_forward"),
    ],
)
def test_end_users_configure_nothing_and_look_at_nothing(cloud: Cloud, provider: str, name: str) -> None:
    with pytest.raises(CloudError) as caught:
        cloud.call(provider, name, identity=Identity(user="li.lei"))
    assert caught.value.code == "Forbidden"
    cloud.call("terminals", "create_terminal", identity=Identity(user="li.lei"))


def test_an_account_has_to_be_opened_first(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match=r"InvalidAccount\.NotFound"):
        cloud.call("alibaba", "create_cen", identity=Identity("partner"))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("main", "InvalidAccount.Exists"),
        *((name, "InvalidAccountName") for name in ("Partner", "a", "a/b", "1a", "")),
    ],
)
def test_refused_accounts(cloud: Cloud, refused, name: str, code: str) -> None:
    refused(cloud, lambda: cloud.alibaba.create_account(name), code)
    assert [account.id for account in cloud.alibaba.describe_accounts()] == ["main"]


def test_what_is_another_accounts_is_not_found(cloud: Cloud) -> None:
    cloud.alibaba.create_account("partner")
    cen = cloud.alibaba.create_cen("mine").id
    with pytest.raises(CloudError, match="ParameterCenInstanceId"):
        cloud.call("alibaba", "delete_cen", (cen,), identity=Identity("partner"))
    cloud.alibaba.delete_cen(cen)


LOOKING = {
    "the administrator": ("main/", ""),
    "an end user": ("li.lei", "Forbidden"),
    "another customer": ("partner/", "InvalidId.SMARTAG"),
    "a stranger": ("stranger/", "InvalidAccount.NotFound"),
}


@pytest.mark.requirement("S2-125")
@pytest.mark.parametrize(("who", "code"), LOOKING.values(), ids=LOOKING.keys())
def test_what_passes_an_instance_is_shown_to_its_administrator(cloud: Cloud, who: str, code: str) -> None:
    cloud.alibaba.create_account("partner")
    app = cloud.store.get(SagApp, cloud.alibaba.create_smart_access_gateway_software().smart_ag_id)
    refused = ""
    try:
        cloud.check_monitors(Identity.of(who), app)
    except CloudError as error:
        refused = error.code
    assert refused == code
