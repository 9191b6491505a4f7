"""The configuration of a SAG vCPE machine."""

from __future__ import annotations

import pytest

from lab.cloud.user_data import DeviceCredentials, MalformedUserData, parse_user_data

pytestmark = pytest.mark.requirement("S0-035")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"sn":"sag1","key":"K"}', id="as in the document"),
        pytest.param('\n { "key" : "K",\n "sn" : "sag1" } \n', id="other order, white space"),
    ],
)
def test_well_formed(text: str) -> None:
    assert parse_user_data(text) == DeviceCredentials("sag1", "K")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param(" \n", "is empty", id="white space"),
        pytest.param('{"sn":"sag1","key":"K"', "not JSON: .* at character 22", id="cut off"),
        pytest.param("#!/bin/sh\necho", "not JSON", id="a shell script"),
        pytest.param("{'sn':'sag1','key':'K'}", "not JSON", id="single quotes"),
        pytest.param('{"sn":"sag1"}', "has the keys 'sn', not exactly 'key', 'sn'", id="no key"),
        pytest.param('{"key":"K"}', "has the keys 'key', not", id="no serial number"),
        pytest.param("{}", "has the keys none, not", id="no keys at all"),
        pytest.param('{"sn":"sag1","key":"K","x":1}', "has the keys 'key', 'sn', 'x', not", id="one key more"),
        pytest.param('{"SN":"sag1","key":"K"}', "has the keys 'SN', 'key', not", id="upper case"),
        pytest.param('{"sn":"sag1","key":"K","key":"L"}', "'key' more than once", id="twice"),
        pytest.param('{"sn":"sag1","key":""}', "'key' in the user data is not a text, or is empty", id="empty key"),
        pytest.param('{"sn":1,"key":"K"}', "'sn' in the user data is not a text", id="a number"),
        pytest.param('{"sn":"sag1","key":"K\\u0000"}', "'key' in the user data is not printable ASCII", id="a zero byte"),
        pytest.param('{"sn":"Saß","key":"K"}', "'sn' in the user data is not printable ASCII", id="another alphabet"),
        pytest.param('{"sn":"' + 129 * "s" + '","key":"K"}', "'sn' .* of at most 128 characters", id="an endless serial number"),
        pytest.param('["sag1","K"]', "a JSON list, not an object", id="a list"),
        pytest.param("null", "a JSON NoneType, not an object", id="null"),
        pytest.param("[" * 16000, "nested too deeply", id="a tower of brackets"),
        pytest.param("9" * 16000, "a JSON float, not an object", id="an endless number"),
    ],
)
def test_malformed(text: str, why: str) -> None:
    with pytest.raises(MalformedUserData, match=why):
        parse_user_data(text)


def test_a_key_does_not_show_when_printed() -> None:
    assert "K3Y" not in repr(parse_user_data('{"sn":"sag1","key":"K3Y"}'))
