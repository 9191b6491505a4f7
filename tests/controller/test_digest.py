"""HTTP Digest with SHA-256 against the example of RFC 7616, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.controller.digest import NONCE_LIFETIME, Challenge, Credentials, MalformedCredentials, Nonces, Stale

# RFC 7616 §3.9.1
CHALLENGE = Challenge("http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v")
ENTROPY = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
RESPONSE = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
KEY = b"Circle of Life"


def proof() -> Credentials:
    return CHALLENGE.answer("Mufasa", KEY, "GET", "/dir/index.html", count=1, entropy=ENTROPY)


def test_the_example_of_the_rfc() -> None:
    assert proof().response == RESPONSE
    assert proof().prove(KEY, "GET")


def test_what_is_written_is_read() -> None:
    assert Credentials.parse(str(proof())) == proof()
    assert Challenge.parse(str(CHALLENGE)) == CHALLENGE
    assert Challenge.parse(str(replace(CHALLENGE, stale=True))).stale


@pytest.mark.parametrize(
    ("changed", "key", "method"),
    [
        pytest.param({}, b"Circle of life", "GET", id="another key"),
        pytest.param({}, KEY, "POST", id="another method"),
        pytest.param({"path": "/other"}, KEY, "GET", id="another path"),
        pytest.param({"count": 2}, KEY, "GET", id="another count"),
        pytest.param({"nonce": "other"}, KEY, "GET", id="another nonce"),
        pytest.param({"name": "Simba"}, KEY, "GET", id="another name"),
        pytest.param({"response": ""}, KEY, "GET", id="no response"),
    ],
)
def test_whatever_else_is_asked_proves_nothing(changed: dict[str, object], key: bytes, method: str) -> None:
    assert not replace(proof(), **changed).prove(key, method)  # type: ignore[arg-type]


def test_the_key_is_not_in_what_is_sent() -> None:
    assert KEY.decode() not in str(proof())


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="nothing"),
        pytest.param("Basic TXVmYXNhOng=", id="another scheme"),
        pytest.param(str(proof()).replace("SHA-256", "MD5"), id="another algorithm"),
        pytest.param(str(proof()).replace("qop=auth", "qop=auth-int"), id="another quality"),
        pytest.param(str(proof()).replace("nc=00000001", "nc=x"), id="no count"),
        pytest.param(str(proof()).replace("cnonce", "once"), id="no entropy"),
    ],
)
def test_malformed_credentials_are_refused(header: str) -> None:
    with pytest.raises(MalformedCredentials):
        Credentials.parse(header)


def test_a_nonce_is_good_for_each_count_once_and_not_for_ever() -> None:
    nonces = Nonces()
    nonce = nonces.issue("n", now=0.0)
    nonces.spend(nonce, 1, now=1.0)
    nonces.spend(nonce, 3, now=2.0)
    for count, when in ((3, 3.0), (2, 3.0), (4, 2.1 + NONCE_LIFETIME)):
        with pytest.raises(Stale):
            nonces.spend(nonce, count, now=when)
    with pytest.raises(Stale):
        nonces.spend("another", 1, now=3.0)
