"""What a controller makes of what it hears, by a clock of its own."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest

from lab.cloud.lab_time import START, after_months
from lab.controller.admission import Refusal, check_admission, check_validity
from lab.controller.roll import ALONE, MISSED_ALONE, PAIRED, Report, Roll
from lab.phoning import Entry, Validity

DEVICE = Entry("sag-1", "sag1", b"key", "i-1", is_paired=False, configuration=None)
WELL, ILL = Report(serves=True), Report(serves=False)


def roll(*entries: Entry) -> Roll:
    made = Roll()
    made.load(entries or (DEVICE,))
    return made


@pytest.mark.parametrize(
    ("entry", "proves_key", "machine", "reason"),
    [
        pytest.param(DEVICE, True, "i-1", "", id="the device"),
        pytest.param(None, True, "i-1", "UNKNOWN_SERIAL_NUMBER", id="a serial number that was not bought"),
        pytest.param(DEVICE, False, "i-1", "WRONG_KEY", id="another key"),
        pytest.param(DEVICE, True, "i-2", "SERIAL_NUMBER_IN_USE", id="a machine that came later"),
    ],
)
@pytest.mark.requirement("S0-037")
def test_admission(entry: Entry | None, proves_key: bool, machine: str, reason: str) -> None:
    if not reason:
        assert check_admission(entry, proves_key=proves_key, machine=machine) is entry
        return
    with pytest.raises(Refusal) as refused:
        check_admission(entry, proves_key=proves_key, machine=machine)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("months", "reason"), [(0, "CERTIFICATE_NOT_YET_VALID"), (1, ""), (2, ""), (3, "CERTIFICATE_EXPIRED")], ids=str
)
def test_a_certificate_is_good_from_its_first_to_its_last_second(months: int, reason: str) -> None:
    certificate = Validity(after_months(START, 1), after_months(START, 2))
    with pytest.raises(Refusal) if reason else nullcontext() as refused:
        check_validity(certificate, after_months(START, months))
    assert (refused.value.reason if refused is not None else "") == reason


def test_a_device_that_reports_is_normal_until_it_misses_reports() -> None:
    heard = roll()
    assert heard.reasons(now=0.0) == {"sag1": "NOT_REPORTING"}
    heard.heard(DEVICE, WELL, now=0.0)
    assert heard.reasons(now=MISSED_ALONE * ALONE) == {"sag1": ""}
    assert heard.reasons(now=MISSED_ALONE * ALONE + 0.1) == {"sag1": "NOT_REPORTING"}


def test_a_wrong_key_is_told_while_nobody_has_the_right_one() -> None:
    heard = roll()
    heard.knocked(DEVICE)
    assert heard.reasons(now=0.0) == {"sag1": "WRONG_KEY"}
    heard.heard(DEVICE, WELL, now=0.0)
    assert heard.reasons(now=0.0) == {"sag1": ""}


@pytest.mark.requirement("S0-050")
def test_a_device_without_a_configuration_is_abnormal_though_it_reports() -> None:
    entry = replace(DEVICE, withheld="SAG_NOT_ATTACHED_TO_CCN")
    heard = roll(entry)
    heard.heard(entry, WELL, now=0.0)
    assert heard.reasons(now=0.0) == {"sag1": "SAG_NOT_ATTACHED_TO_CCN"}


def test_changes_are_told_once_and_only_of_devices_that_were_heard() -> None:
    heard = roll()
    assert heard.changes(now=0.0) == []
    heard.heard(DEVICE, WELL, now=0.0)
    assert heard.changes(now=0.0) == [("sag1", True)]
    heard.heard(DEVICE, ILL, now=1.0)
    assert [heard.changes(now=1.0), heard.changes(now=1.0)] == [[("sag1", False)], []]
    heard.heard(DEVICE, WELL, now=2.0)
    assert heard.changes(now=2.0) == [("sag1", True)]
    assert heard.changes(now=2.0 + MISSED_ALONE * ALONE + 0.1) == [("sag1", False)]


def test_a_device_that_is_buried_is_offline_until_it_says_otherwise() -> None:
    heard = roll()
    heard.heard(DEVICE, WELL, now=0.0)
    assert heard.changes(now=0.0) == [("sag1", True)]
    heard.bury(["sag1", "sag2"])
    assert heard.changes(now=0.0) == []  # who buried it knows
    heard.heard(DEVICE, WELL, now=1.0)
    assert heard.changes(now=1.0) == [("sag1", True)]


def test_one_of_a_pair_reports_more_often_and_is_missed_sooner() -> None:
    paired = replace(DEVICE, is_paired=True)
    heard = roll(paired)
    assert (heard.every(paired), roll().every(DEVICE)) == (PAIRED, ALONE)
    heard.heard(paired, WELL, now=0.0)
    assert [heard.changes(now=now) for now in (0.0, 1.0)] == [[("sag1", True)], [("sag1", False)]]


@pytest.mark.parametrize(
    ("after", "anew", "reason"),
    [
        pytest.param(replace(DEVICE, configuration=None, name="sag1"), False, "", id="the same machine, told other things"),
        pytest.param(replace(DEVICE, holder="i-2"), False, "NOT_REPORTING", id="another machine"),
        pytest.param(replace(DEVICE, key=b"other"), False, "NOT_REPORTING", id="another key"),
        pytest.param(DEVICE, True, "NOT_REPORTING", id="all begins anew"),
    ],
)
def test_what_a_new_register_forgets(after: Entry, anew: bool, reason: str) -> None:
    heard = roll()
    heard.heard(DEVICE, WELL, now=0.0)
    heard.load([after], anew=anew)
    assert heard.reasons(now=0.0) == {"sag1": reason}
