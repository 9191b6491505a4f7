"""Who reaches whom in the shop, and who must not.

`pytest` walks the packets in memory; with --saglab-emulate, as root, they are sent.
"""

from __future__ import annotations

import pytest

ALLOWED = {
    "web to app": ("web", "app", {"tcp": 8080}),
    "app to the database": ("app", "db", {"tcp": 5432}),
    "app pings the database": ("app", "db", {}),
    "the database pings app": ("db", "app", {}),
    "the backup copies the database": ("backup", "db", {"tcp": 22}),
}

FORBIDDEN = {
    "web to the database": ("web", "db", {"tcp": 5432}, "ECS_SG_RULES_MISMATCH"),
    "web to the backup": ("web", "backup", {"tcp": 22}, "ECS_SG_RULES_MISMATCH"),
    "app to the database by SSH": ("app", "db", {"tcp": 22}, "ECS_SG_RULES_MISMATCH"),
    "the database to web": ("db", "web", {"tcp": 22}, "ENI_SG_RULES_MISMATCH"),
    "app to anybody in the internet": ("app", "203.0.113.99", {"tcp": 443}, "NO_ROUTE_TO_DESTINATION"),
}


@pytest.mark.parametrize(("source", "destination", "port"), ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_needed_works(source, destination, port, assert_reaches):
    assert_reaches(source, destination, **port)


@pytest.mark.parametrize(("source", "destination", "port", "reason"), FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_is_forbidden_does_not(source, destination, port, reason, assert_unreachable):
    assert_unreachable(source, destination, **port, reason=reason)


def test_a_large_packet_gets_through_unless_it_must_not_be_fragmented(simulate):
    simulate.assert_reaches("app", "db", size=1500)
    with pytest.raises(AssertionError, match="FRAGMENTATION_NEEDED"):
        simulate.assert_reaches("app", "db", size=1500, dont_fragment=True)


def test_the_shop_is_cut_off_when_somebody_turns_the_check_on(simulate):
    """What if? Each test has a network of its own, which it may change as an engineer would."""
    (vcpe,) = [instance for instance in simulate.aws.describe_instances() if instance.name == "vcpe"]
    simulate.aws.modify_network_interface_attribute(vcpe.network_interface_ids[0], source_dest_check=True)
    simulate.assert_unreachable("app", "db", tcp=5432, reason="ENI_SOURCE_DEST_CHECK_RESTRICTION")
