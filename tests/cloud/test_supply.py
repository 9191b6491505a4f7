"""Identifiers, secrets, numbers and public addresses."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

import pytest

from lab.cloud.errors import CloudError
from lab.cloud.supply import Supply


@pytest.mark.parametrize(
    ("draw", "shape"),
    [
        pytest.param(lambda s: s.aws_id("vpc"), r"vpc-[0-9a-f]{17}", id="aws id"),
        pytest.param(lambda s: s.alibaba_id("ccn"), r"ccn-[0-9a-z]{17}", id="alibaba id"),
        pytest.param(lambda s: s.order_id(), r"2[0-9]{14}", id="order"),
        pytest.param(
            lambda s: s.serial_number(), r"sag[0-9a-z]{20}", id="serial number", marks=pytest.mark.requirement("S0-036")
        ),
        pytest.param(lambda s: s.secret_key(), r"[0-9a-zA-Z]{40}", id="key", marks=pytest.mark.requirement("S0-036")),
    ],
)
def test_what_is_drawn_has_its_providers_shape_and_follows_from_the_seed(draw, shape) -> None:
    drawn = [draw(supply) for supply in (Supply(b"a"), Supply(b"a"), Supply(b"b"))]
    assert all(re.fullmatch(shape, text) for text in drawn)
    assert drawn[0] == drawn[1] != drawn[2]


def test_nothing_is_drawn_twice_not_even_its_last_eleven_characters() -> None:
    supply = Supply(b"many")
    tails = {supply.aws_id("eni")[-11:] for _ in range(20_000)} | {supply.alibaba_id("eni")[-11:] for _ in range(20_000)}
    assert len(tails) == 40_000


def test_every_letter_of_a_keys_alphabet_occurs() -> None:
    supply = Supply(b"letters")
    assert len(set("".join(supply.secret_key() for _ in range(100)))) == 62


def test_without_a_seed_it_is_random() -> None:
    assert Supply().secret_key() != Supply().secret_key()


def test_public_addresses_begin_at_ten_and_never_repeat() -> None:
    supply = Supply(b"x")
    addresses = [supply.public_address() for _ in range(600)]
    assert addresses[0] == IPv4Address("203.0.113.10")
    assert addresses[244:246] == [IPv4Address("203.0.113.254"), IPv4Address("192.0.2.1")]
    assert addresses[499] == IPv4Address("198.18.0.1")
    assert len(set(addresses)) == 600


def test_spent_public_addresses_are_refused() -> None:
    supply = Supply(b"x")
    supply.move_to((0, 0, 245 + 254 + 2 * 65536 - 3))
    assert supply.public_address() == IPv4Address("198.19.255.254")
    with pytest.raises(CloudError, match="InsufficientAddressCapacity"):
        supply.public_address()


def test_a_supply_moved_on_gives_what_the_other_gives_next_and_never_goes_back() -> None:
    ahead, behind = Supply(b"x"), Supply(b"x")
    start = behind.position
    for _ in range(3):
        ahead.aws_id("vpc")
        ahead.operation_number()
        ahead.public_address()
    behind.move_to(ahead.position)
    behind.move_to(start)
    assert behind.aws_id("vpc") == ahead.aws_id("vpc")
    assert behind.operation_number() == ahead.operation_number() == 4
    assert behind.public_address() == ahead.public_address()
