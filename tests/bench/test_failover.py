"""What a ping printed, as losses."""

from __future__ import annotations

import pytest

from failover import Loss, loss_of

LINE = "[{when:.3f}] 64 bytes from 192.168.1.10: icmp_seq={number} ttl=60 time=1.0 ms"


def printed(*answers: tuple[float, int]) -> str:
    return "\n".join(["PING 192.168.1.10", *(LINE.format(when=when, number=number) for when, number in answers), "5 packets"])


@pytest.mark.parametrize(
    ("answers", "loss"),
    [
        pytest.param([(1.00, 1), (1.01, 2), (1.02, 3)], Loss(0, 0.0), id="nothing"),
        pytest.param([(1.00, 1), (1.01, 2), (1.02, 3), (1.12, 13)], Loss(9, 90.0), id="a gap"),
        pytest.param([(1.00, 1), (1.01, 2), (1.02, 3), (1.07, 4)], Loss(0, 40.0), id="late but answered"),
    ],
)
def test_losses(answers: list[tuple[float, int]], loss: Loss) -> None:
    found = loss_of(printed(*answers))
    assert (found.lost, found.silence) == (loss.lost, pytest.approx(loss.silence))
