"""The token bucket."""

from __future__ import annotations

from dataplane.limiter import TokenBucket


def test_burst_then_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3, now=10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(10.4), bucket.take(10.5), bucket.take(10.6)] == [False, True, False]


def test_rest_never_saves_more_than_the_burst() -> None:
    bucket = TokenBucket(rate=2, burst=3, now=10.0)
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False]
