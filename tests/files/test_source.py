"""Reading YAML: which values it holds, and where each stands."""

from __future__ import annotations

import pytest

from lab.files import InvalidFile, Spot
from lab.files.source import Source, Trail, Value

TEXT = """\
aws:
  vpcs: {a: 10, b: [x, 'y']}
name: lab
"""

VALUES: dict[str, tuple[str, Value]] = {
    "a word": ("app", "app"),
    "a number": ("-12", -12),
    "a number in quotes": ("'12'", "12"),
    "true": ("true", True),
    "nothing": ("~", None),
    "no is a word": ("no", "no"),
    "on is a word": ("on", "on"),
    "a time is a word": ("22:22", "22:22"),
    "a decimal is a word": ("1.5", "1.5"),
    "an octal number is decimal": ("010", 10),
    "a very long number is a word": ("1" * 30, "1" * 30),
}


@pytest.mark.parametrize(("text", "value"), VALUES.values(), ids=VALUES.keys())
def test_scalars(text: str, value: Value) -> None:
    assert Source("lab.yaml", f"x: {text}").value == {"x": value}


SPOTS: dict[str, tuple[Trail, Spot]] = {
    "the whole": ((), Spot(1, 1)),
    "a mapping": (("aws",), Spot(2, 3)),
    "a value": (("aws", "vpcs", "a"), Spot(2, 13)),
    "an element": (("aws", "vpcs", "b", 1), Spot(2, 24)),
    "what is not there": (("aws", "vpcs", "c", "cidr_block"), Spot(2, 9)),
    "a key of a short form": (("aws", "vpcs", "a", "cidr_block"), Spot(2, 13)),
    "an element of a short form": (("aws", "vpcs", "b", "attachments", 1), Spot(2, 24)),
}


@pytest.mark.parametrize(("trail", "spot"), SPOTS.values(), ids=SPOTS.keys())
def test_where_a_value_stands(trail: Trail, spot: Spot) -> None:
    assert Source("lab.yaml", TEXT).spot(trail) == spot


def test_where_a_key_stands() -> None:
    assert Source("lab.yaml", TEXT).key_spot(("aws", "vpcs", "a")) == Spot(2, 10)


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert Source("lab.yaml", "# nothing yet\n").value == {}


def test_an_alias_repeats_a_value() -> None:
    assert Source("lab.yaml", "a: &a [1]\nb: *a").value == {"a": [1], "b": [1]}


def test_a_small_file_does_not_become_a_large_one() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(InvalidFile, match="more than 1,000,000 values"):
        Source("lab.yaml", "\n".join(lines))
