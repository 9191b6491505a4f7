"""How impairments of a link are said, and what is said of a mistake."""

from __future__ import annotations

import pytest

from lab.errors import UsageError
from lab.impairments import Impairments, format_impairments, parse_impairments

NOTHING = Impairments()

# What is said, both directions, and how it is said back.
SAYINGS = {
    "nothing": ("", NOTHING, NOTHING, ""),
    "both-alike": ("delay 220ms loss 0.1%", *2 * (Impairments(delay=0.22, loss=0.001),), "delay 220ms loss 0.1%"),
    "order-and-space-are-free": (" loss 1%  delay 2s ", *2 * (Impairments(delay=2.0, loss=0.01),), "delay 2s loss 1%"),
    "each-its-own": ("delay 1ms / loss 2%", Impairments(delay=0.001), Impairments(loss=0.02), "delay 1ms / loss 2%"),
    "one-alone": ("/ down", NOTHING, Impairments(down=True), "/ down"),
    "microseconds": ("delay 250us jitter 50µs", *2 * (Impairments(delay=250e-6, jitter=50e-6),), "delay 250us jitter 50us"),
    "less-than-a-unit": ("delay 0.5us", *2 * (Impairments(delay=0.5e-6),), "delay 0.5µs"),
    "no-delay-needs-no-unit": ("delay 0", NOTHING, NOTHING, ""),
    "rate-with-its-slash": ("rate 2.5Mbit/s", *2 * (Impairments(rate=2.5e6),), "rate 2.5mbit"),
    "shares": (
        "loss 100% duplicate 1% reorder 0%",
        *2 * (Impairments(loss=1.0, duplicate=0.01),),
        "loss 100% duplicate 1%",
    ),
    "all": (
        "delay 10ms jitter 10ms loss 1% duplicate 2% reorder 3% rate 64kbit mtu 1280 down",
        *2 * (Impairments(0.01, 0.01, 0.01, 0.02, 0.03, 64e3, 1280, True),),
        "delay 10ms jitter 10ms loss 1% duplicate 2% reorder 3% rate 64kbit mtu 1280 down",
    ),
}


@pytest.mark.parametrize(("text", "forth", "back", "said"), SAYINGS.values(), ids=SAYINGS.keys())
def test_sayings(text: str, forth: Impairments, back: Impairments, said: str) -> None:
    both = parse_impairments(text)
    assert both == (forth, back)
    assert format_impairments(both) == said
    assert parse_impairments(said) == both


MISTAKES = {
    "unknown-word": ("dealy 5ms", ["'dealy' is none of delay, jitter, loss", "'5ms' is none of"]),
    "no-value": ("delay", ["delay takes a time such as 20ms, not ''"]),
    "no-unit": ("delay 5", ["delay takes a time such as 20ms, not '5'"]),
    "unit-of-another": ("loss 5ms", ["loss takes a share such as 0.1%, at most 100%, not '5ms'"]),
    "more-than-all": ("loss 101%", ["loss takes a share such as 0.1%, at most 100%, not '101%'"]),
    "negative": ("delay -5ms", ["delay takes a time such as 20ms, not '-5ms'"]),
    "rate-of-nothing": ("rate 0mbit", ["rate takes bits a second such as 10mbit, not '0mbit'"]),
    "mtu-too-small": ("mtu 67", ["mtu takes bytes, 68 at least, not '67'"]),
    "twice": ("loss 1% loss 2%", ["loss is said twice"]),
    "before-it-was-sent": ("delay 1ms jitter 2ms", ["jitter is larger than delay"]),
    "three-directions": ("loss 1% / loss 2% / loss 3%", ["a link has two directions"]),
    "several": ("loss 2 mtu x / frob", ["loss takes", "mtu takes", "'frob' is none of"]),
}


@pytest.mark.parametrize(("text", "words"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes(text: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        parse_impairments(text)
    assert [word for word in words if word not in str(refused.value)] == []
