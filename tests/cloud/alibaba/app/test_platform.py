"""What the app runs on, and whether it sets DNS there."""

from __future__ import annotations

import pytest

from lab.cloud import CloudError
from lab.cloud.alibaba.app.platform import parse_version, sets_dns

RUNS = [
    *(pytest.param("Windows", version, marks=pytest.mark.requirement("S2-182")) for version in ("7 SP1", "8", "8.1", "10", "11")),
    *(pytest.param("Android", version, marks=pytest.mark.requirement("S2-184")) for version in ("5.0", "5", "9", "10.0", "10")),
    *(
        pytest.param("macOS", version, marks=pytest.mark.requirement("S2-185"))
        for version in ("10.11.1", "10.11.10", "10.15", "11")
    ),
    *(pytest.param("iOS", version, marks=pytest.mark.requirement("S2-186")) for version in ("12.0", "12", "13.2", "16")),
]
DOES_NOT = [
    *(pytest.param("Windows", version, marks=pytest.mark.requirement("S2-182")) for version in ("7", "Vista", "6.1")),
    *(
        pytest.param("Android", version, marks=pytest.mark.requirement("S2-184"))
        for version in ("4.4", "4.4.4", "11", "10.0.1", "10.1")
    ),
    *(pytest.param("macOS", version, marks=pytest.mark.requirement("S2-185")) for version in ("10.11.0", "10.11", "10.9.5")),
    *(pytest.param("iOS", version, marks=pytest.mark.requirement("S2-186")) for version in ("11.4", "9")),
    *(pytest.param(name, "10", marks=pytest.mark.requirement("S2-005")) for name in ("Linux", "windows", "HarmonyOS", "")),
]


@pytest.mark.requirement("S2-005")
@pytest.mark.parametrize(("platform", "version"), RUNS)
def test_the_app_runs(w, platform: str, version: str) -> None:
    w.user()
    assert w.connect(w.cloud.terminals.create_terminal(platform=platform, os_version=version).id).connected


@pytest.mark.parametrize(("platform", "version"), DOES_NOT)
def test_the_app_does_not_run(w, refused, platform: str, version: str) -> None:
    w.user()
    terminal = w.cloud.terminals.create_terminal(platform=platform, os_version=version).id
    refused(w.cloud, lambda: w.log_on(terminal), "App.UnsupportedPlatform")


@pytest.mark.requirement("S2-182", "S2-183")
@pytest.mark.parametrize(
    ("edition", "bits", "runs"),
    [
        ("standalone", 32, True),
        ("standalone", 64, True),
        ("service-x86", 32, True),
        ("service-x64", 64, True),
        ("service-x64", 32, False),
        ("service-x86", 64, False),
        ("service-arm", 64, False),
    ],
)
def test_editions_for_windows(w, edition: str, bits: int, runs: bool) -> None:
    w.user()
    terminal = w.cloud.terminals.create_terminal(edition=edition, bits=bits).id
    if runs:
        assert w.log_on(terminal).terminal_id == terminal
    else:
        with pytest.raises(CloudError, match=r"App\.UnsupportedPlatform"):
            w.log_on(terminal)


@pytest.mark.requirement("S2-183")
@pytest.mark.parametrize("platform", ["Android", "macOS", "iOS"])
def test_other_systems_have_the_standalone_edition_only(w, refused, platform: str) -> None:
    w.user()
    version = {"Android": "9", "macOS": "11", "iOS": "15"}[platform]
    terminal = w.cloud.terminals.create_terminal(platform=platform, os_version=version, edition="service-x64").id
    refused(w.cloud, lambda: w.log_on(terminal), "App.UnsupportedPlatform")


@pytest.mark.requirement("S2-039")
@pytest.mark.parametrize("platform", ["Windows", "macOS", "Android", "iOS"])
@pytest.mark.parametrize(("app", "new_enough"), [("2.1.0", False), ("2.1.1", True), ("2.10.0", True), ("1.9.9", False)])
def test_dns_is_set_by_an_app_that_is_new_enough(cloud, platform: str, app: str, new_enough: bool) -> None:
    terminal = cloud.terminals.create_terminal(platform=platform, app_version=app)
    assert sets_dns(terminal) == (new_enough or platform in ("Windows", "iOS"))


@pytest.mark.requirement("S2-099")
def test_macos_has_to_let_the_app(cloud) -> None:
    terminal = cloud.terminals.create_terminal(platform="macOS", os_version="12", administrator_password_required=True)
    assert not sets_dns(terminal)
    assert sets_dns(cloud.terminals.modify_terminal(terminal.id, administrator_password_required=False))
    assert sets_dns(cloud.terminals.create_terminal(platform="Windows", administrator_password_required=True))


@pytest.mark.requirement("S2-098")
@pytest.mark.parametrize(("platform", "version", "keeps"), [("iOS", "13", True), ("iOS", "12.4", False), ("macOS", "13", False)])
@pytest.mark.parametrize("leave", ["disconnect_app", "log_off_app"])
def test_ios_keeps_its_dns_from_13_on_until_the_app_was_quit(w, platform: str, version: str, keeps: bool, leave: str) -> None:
    w.user()
    terminal = w.cloud.terminals.create_terminal(platform=platform, os_version=version).id
    session = w.connect(terminal)
    assert session.keeps_dns == keeps
    assert w.alibaba.connect_app(session.id).keeps_dns == keeps  # anew, by itself
    getattr(w.alibaba, leave)(session.id)
    again = session if leave == "disconnect_app" else w.log_on(terminal)
    assert not w.alibaba.connect_app(again.id).keeps_dns


@pytest.mark.parametrize(
    ("text", "version"), [("10.11.1", (10, 11, 1)), ("7 SP1", (7, 0, 1)), ("8.1 SP2", (8, 1, 2)), ("10.0", (10,))]
)
def test_versions_are_numbers(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version
