"""Operations as `saglab call` offers them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Any

import pytest

from lab.cli import main
from lab.cli.call import add_operations
from lab.cloud import Cloud
from lab.errors import UsageError
from lab.supervisor.operations import PROVIDERS, find_operation, operations
from lab.supervisor.wire import encode


@pytest.fixture
def capture_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def help_of(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["saglab", "call", *words])
        with pytest.raises(SystemExit):
            main(["call", *words, "--help"])
        return " ".join(capsys.readouterr().out.split())

    return help_of


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_operation_of_a_cloud_is_offered(provider: str, capture_help: Callable[..., str]) -> None:
    kind = PROVIDERS[provider]
    public = {name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))}
    assert set(operations(provider)) == public
    shown = capture_help(provider)
    assert [name for name in public if f" {name} " not in shown] == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_operation_has_a_help_that_names_its_parameters(provider: str) -> None:
    parser = argparse.ArgumentParser()
    offered = add_operations(provider, parser)
    for name, operation in operations(provider).items():
        shown = offered[name].format_help()
        assert [p.name for p in operation.parameters if f"--{p.name.replace('_', '-')}" not in shown] == []


# What the document's page asks for (step 1.3), and the option that stands for it.
PURCHASE = {
    "Area": "--region-id",
    "Instance Name": "--name",
    "Instance Type": "--hardware-spec",
    "Edition": "--cpe-version",
    "Deployment Mode": "--ha-type",
    "Peak Bandwidth": "--max-bandwidth",
    "Quantity": "--quantity",
    "Duration": "--period",
    "Auto-renewal": "--auto-renew",
}


@pytest.mark.requirement("S0-007")
def test_the_help_of_the_order_stands_for_the_page_purchase_sag(capture_help: Callable[..., str]) -> None:
    shown = capture_help("alibaba", "create_smart_access_gateway")
    assert [field for field, option in PURCHASE.items() if option not in shown] == []
    assert "step 1.3" in shown
    assert "create_smart_access_gateway" in capture_help("alibaba")


# The same for the SAG app: 3.1 asks for these, and the form of 3.3 for those, in this order; one of them is marked as required.
APP_PURCHASE = {
    "Region and Zone": "--region-id",
    "Number of Client Accounts": "--user-count",
    "Data Plan Per Account": "--data-plan",
    "Subscription Duration": "--period",
    "Auto-renewal": "--auto-renew",
}
ACCOUNT_FORM = {
    "Username": "--user-name",
    "Email Address": "--user-mail",
    "Static IP": "--static-ip",
    "Set Maximum Bandwidth": "--bandwidth",
    "Set Password": "--password",
    "Maximum Bandwidth": "--acceleration-bandwidth",
}


@pytest.mark.requirement("S2-010")
def test_the_help_of_the_order_stands_for_the_page_create_sag_app(capture_help: Callable[..., str]) -> None:
    shown = capture_help("alibaba", "create_smart_access_gateway_software")
    assert [field for field, option in APP_PURCHASE.items() if option not in shown] == []
    assert "Create SAG App" in shown


@pytest.mark.requirement("S2-104")
def test_the_help_of_an_account_has_the_fields_of_the_form_in_their_order(capture_help: Callable[..., str]) -> None:
    shown = capture_help("alibaba", "create_smart_access_gateway_client_user").partition("options:")[2]
    places = [shown.index(f" {option}") for option in ACCOUNT_FORM.values()]
    assert places == sorted(places)
    operation = find_operation("alibaba", "create_smart_access_gateway_client_user")
    assert [parameter.name for parameter in operation.parameters if parameter.required] == ["smart_ag_id", "user_mail"]
    assert "in Kbit/s" in operation.text


@pytest.mark.requirement("S2-001")
def test_the_product_has_one_name() -> None:
    """The document's title apart, which is a proper name."""
    texts = {name: operation.text for name, operation in operations("alibaba").items()}
    assert [name for name, text in texts.items() if re.search(r"SAG[- ]APP|SAG App(?! Instances)|sag app", text)] == [
        "create_smart_access_gateway_software"  # Create SAG App, the button
    ]


@pytest.mark.requirement("S2-137")
def test_renewing_asks_for_a_duration_whether_or_not_the_number_changes() -> None:
    renew = find_operation("alibaba", "renew_smart_access_gateway_software")
    with pytest.raises(UsageError, match="needs period"):
        renew.arguments({"smart_ag_id": "sag-1", "user_count": 15})
    assert renew.arguments({"smart_ag_id": "sag-1", "period": 1, "user_count": 15})["user_count"] == 15


def test_help_shows_parameters_as_they_are_typed(capture_help: Callable[..., str]) -> None:
    shown = capture_help("aws", "modify_network_interface_attribute")
    for words in ("--network-interface-id VALUE", "--source-dest-check | --no-source-dest-check", "--groups VALUE [VALUE ...]"):
        assert words in shown


def test_the_providers_own_spelling_is_understood(capture_help: Callable[..., str]) -> None:
    assert "--cidr-block" in capture_help("aws", "create-vpc")


ARGUMENTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "words": ("create_vpc", {"cidr_block": "10.0.0.0/16"}, {"cidr_block": "10.0.0.0/16"}),
    "list": ("create_network_interface", {"subnet_id": "s", "groups": ["a"]}, {"subnet_id": "s", "groups": ("a",)}),
    "flag": (
        "modify_network_interface_attribute",
        {"network_interface_id": "e", "source_dest_check": False},
        {"network_interface_id": "e", "source_dest_check": False},
    ),
}


@pytest.mark.parametrize(("name", "given", "expected"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_arguments_from_json(name: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert find_operation("aws", name).arguments(given) == expected


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown": ("delete_vpc", {"vpc_id": "v", "colour": "red"}, "has no parameter colour"),
    "missing": ("delete_vpc", {}, "needs vpc_id"),
    "of another kind": ("delete_vpc", {"vpc_id": 3}, "takes no such vpc_id: 3 is no str"),
    "several at once": ("delete_vpc", {"x": 1}, "has no parameter x, needs vpc_id"),
}


@pytest.mark.parametrize(("name", "given", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_arguments_are_all_named(name: str, given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        find_operation("aws", name).arguments(given)
    assert words in str(refused.value)


@pytest.mark.parametrize(("provider", "name"), [("azure", "x"), ("aws", "fly"), ("aws", "_get")])
def test_what_does_not_exist_cannot_be_called(provider: str, name: str) -> None:
    with pytest.raises(UsageError, match=r"^(no provider|aws has no operation)"):
        find_operation(provider, name)


def test_what_a_call_was_given_can_be_given_again() -> None:
    cloud = Cloud(b"seed")
    cloud.aws.create_vpc(IPv4Network("10.0.0.0/16"))
    (made,) = list(cloud.journal)
    assert find_operation("aws", "create_vpc").arguments(encode(made.parameters)) == {"cidr_block": "10.0.0.0/16"}
