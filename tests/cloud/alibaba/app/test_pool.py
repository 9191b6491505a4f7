"""Which address is given next."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from lab.cloud.alibaba.app.pool import next_idle

TWO = (IPv4Network("10.0.0.0/30"), IPv4Network("10.0.1.0/30"))
ALL = ("10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2")


@pytest.mark.parametrize(
    ("last", "taken", "expected"),
    [
        pytest.param(None, (), "10.0.0.1", id="the first"),
        pytest.param("10.0.0.1", (), "10.0.0.2", id="the next"),
        pytest.param("10.0.0.2", (), "10.0.1.1", id="of the next block"),
        pytest.param("10.0.1.2", (), "10.0.0.1", id="round"),
        pytest.param("10.0.0.1", ("10.0.0.2", "10.0.1.1"), "10.0.1.2", id="past those in use"),
        pytest.param("10.0.1.1", ("10.0.1.2", "10.0.0.1"), "10.0.0.2", id="past those in use and round"),
        pytest.param("10.0.1.1", ("10.0.1.2", "10.0.0.1", "10.0.0.2"), "10.0.1.1", id="the last one again"),
        pytest.param("10.9.9.9", (), "10.0.0.1", id="behind one that is in no block any more"),
        pytest.param("10.0.0.1", ALL, None, id="none"),
    ],
)
def test_next(last: str | None, taken: tuple[str, ...], expected: str | None) -> None:
    found = next_idle(TWO, None if last is None else IPv4Address(last), lambda address: str(address) in taken)
    assert (None if found is None else str(found)) == expected


def test_a_wide_block_is_not_walked_through() -> None:
    asked: list[IPv4Address] = []
    next_idle([IPv4Network("10.0.0.0/8")], IPv4Address("10.200.0.0"), lambda it: bool(asked.append(it)))
    assert asked == [IPv4Address("10.200.0.1")]
