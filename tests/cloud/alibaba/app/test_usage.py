"""What accounts use in a month, and what it costs."""

from __future__ import annotations

import pytest

from lab.cloud.alibaba import MeterReading

GB = 10**9


def report(w, user, rx_bytes: int, tx_bytes: int = 0) -> None:  # type: ignore[no-untyped-def]
    w.alibaba.report_client_usage((MeterReading(user.id, rx_bytes, tx_bytes),))


def flows(w, month: str | None = None) -> dict[str, tuple[int, int]]:
    """By account: bytes altogether, and those above the data plan."""
    return {flow.user_name: (flow.total_bytes, flow.over_bytes) for flow in w.alibaba.describe_user_flow_statistics(w.app, month)}


@pytest.fixture
def accounts(w):  # type: ignore[no-untyped-def]
    w.alibaba.set_software_renewal(w.app, "AutoRenewal")
    return w.user("first-user"), w.user("second-user")


@pytest.mark.requirement("S2-016", "S2-019")
def test_the_report_names_the_data_plan_and_counts_both_directions(w, accounts) -> None:
    report(w, accounts[0], 3, 4)
    flow = next(it for it in w.alibaba.describe_user_flow_statistics(w.app) if it.user_name == "first-user")
    assert (flow.data_plan, flow.rx_bytes, flow.tx_bytes, flow.total_bytes) == (5 * GB, 3, 4, 7)


@pytest.mark.requirement("S2-017", "S2-020")
def test_the_plan_of_one_is_no_help_to_another(w, accounts) -> None:
    report(w, accounts[0], 4 * GB, 2 * GB)
    assert flows(w) == {"first-user": (6 * GB, GB), "second-user": (0, 0)}


@pytest.mark.requirement("S2-018", "S2-148", "S2-149")
def test_a_plan_is_for_its_month_and_the_month_is_the_calendars(w, accounts) -> None:
    w.clock.move_forward(days=30, hours=23)
    report(w, accounts[0], GB)
    w.clock.move_forward(hours=1)
    report(w, accounts[0], 7 * GB)
    assert flows(w, "202601")["first-user"] == (GB, 0)
    assert flows(w, "202602")["first-user"] == flows(w)["first-user"] == (6 * GB, GB)


@pytest.mark.requirement("S2-089", "S2-020", "S2-022")
def test_the_bill_has_the_plan_for_nothing_and_the_rest_by_volume(w, accounts) -> None:
    report(w, accounts[0], 6 * GB)
    lines = [(line.user_name, line.what, line.quantity, line.cents) for line in w.alibaba.describe_data_bill(w.app)]
    assert lines == [
        ("first-user", "Data Plan Per Account", 5 * GB, 0),
        ("first-user", "Pay-As-You-Go", GB, 80),
        ("second-user", "Data Plan Per Account", 0, 0),
    ]


@pytest.mark.requirement("S2-021")
def test_nobody_is_cut_off_when_the_plan_is_used_up(w, accounts) -> None:
    session = w.connect(user_name="first-user")
    report(w, accounts[0], 50 * GB)
    (online,) = w.alibaba.describe_user_online_clients(w.app)
    assert (online.id, online.address) == (session.id, session.address)
    bandwidths = {user.bandwidth for user in w.alibaba.describe_smart_access_gateway_client_users(w.app)}
    assert bandwidths == {2000}


def test_a_reading_that_comes_twice_counts_once(w, accounts) -> None:
    for _ in range(3):
        report(w, accounts[0], 100, 10)
    assert flows(w)["first-user"] == (110, 0)


def test_a_meter_that_begins_anew_counts_from_0(w, accounts) -> None:
    report(w, accounts[0], 100)
    report(w, accounts[0], 30)
    assert flows(w)["first-user"] == (130, 0)


def test_what_an_account_used_stays_on_the_bill_when_it_is_gone(w, accounts) -> None:
    report(w, accounts[0], 6 * GB)
    w.clock.move_forward(months=1)
    w.alibaba.delete_smart_access_gateway_client_user(w.app, "first-user")
    assert flows(w, "202601")["first-user"] == (6 * GB, GB)
    again = w.user("first-user")
    report(w, again, 5)
    assert flows(w)["first-user"] == (5, 0)


@pytest.mark.parametrize(
    ("user", "count", "code"), [("cu-0", 1, "ClientUser.NotExist"), ("", -1, "InvalidParameter")], ids=["unknown", "negative"]
)
def test_refused(w, accounts, refused, user: str, count: int, code: str) -> None:
    reading = MeterReading(user or accounts[0].id, 1, count)
    fine = MeterReading(accounts[1].id, 5, 5)
    refused(w.cloud, lambda: w.alibaba.report_client_usage((fine, reading)), code)
