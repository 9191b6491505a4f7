"""A lab file as a whole."""

from __future__ import annotations

from typing import ClassVar, Literal

from lab.files.schema.alibaba import Alibaba
from lab.files.schema.app import Terminals
from lab.files.schema.aws import Aws
from lab.files.schema.base import Name, Part
from lab.files.schema.expectation import Expectation


class LabFileContent(Part):
    """A network in AWS and Alibaba Cloud, and what is expected of it."""

    NOUN: ClassVar[str] = "lab file"

    format: Literal[1] = 1
    """the version of this format"""
    name: Name | None = None
    """what the lab is called; by default as the file"""
    description: str = ""
    """a line about it"""
    aws: Aws = Aws()
    alibaba: Alibaba = Alibaba()
    terminals: Terminals = Terminals()
    expect: list[Expectation] = []
