"""The published JSON Schema: what the models say, and that it takes what they take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lab.files.first import FIRST
from lab.files.schema import published
from lab.files.source import Source

ROOT = Path(__file__).parent.parent.parent
PUBLISHED = ROOT / "docs" / "lab.schema.json"


def value_of(text: str) -> Any:
    return Source("lab.yaml", text).value


def test_the_published_schema_is_that_of_the_models() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == published(), f"saglab schema > {PUBLISHED.relative_to(ROOT)}"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(published()))


@pytest.mark.parametrize(
    "text",
    [FIRST, "", "aws: {vpcs: {a: {cidr_block: 10.0.0.0/16, instances: {app: , web: {}}}}}\nexpect: [app reaches web on tcp 80]"],
    ids=["the first file", "an empty file", "short forms"],
)
def test_it_takes_what_is_right(text: str) -> None:
    jsonschema.validate(value_of(text), json.loads(published()))


@pytest.mark.parametrize(
    "text",
    ["asw: {}", "aws: {vpcs: {a: {}}}", "aws: {vpcs: {a: {cidr_block: ten}}}", "expect: 5", "format: 2"],
)
def test_it_refuses_what_is_wrong(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value_of(text), json.loads(published()))
