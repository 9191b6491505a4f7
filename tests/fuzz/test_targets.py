"""The short form of the fuzzing: every target, on bytes and on altered seeds. `python -m tests.fuzz.run` is the long one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, Target

EXAMPLES = 1500
"""Of all targets together; each has its share of them, as of the executions of the long form, but no less than LEAST."""

LEAST = 8

RANDOM_LENGTH = 64
"""Bytes that are only random, at most: more of them say nothing more."""

QUICK = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Any bytes, and seeds of which a few pieces are replaced by others."""
    pieces = st.lists(st.tuples(st.integers(0, target.longest), st.integers(0, 4), st.binary(max_size=4)), max_size=4)
    return st.binary(max_size=RANDOM_LENGTH) | st.builds(spliced, st.sampled_from(target.seeds), pieces)


def spliced(seed: bytes, pieces: list[tuple[int, int, bytes]]) -> bytes:
    altered = bytearray(seed)
    for position, length, piece in pieces:
        start = position % (len(altered) + 1)
        altered[start : start + length] = piece
    return bytes(altered)


@pytest.mark.parametrize("name", TARGETS)
def test_target(name: str) -> None:
    target = TARGETS[name]

    @settings(QUICK, max_examples=max(LEAST, int(EXAMPLES * target.share)))
    @given(inputs(target))
    def run(data: bytes) -> None:
        target.run(data)

    run()


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)
