"""What all parts of a lab file share: unknown keys are errors, short forms, and the kinds of words that values are."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

SINGAPORE = "ap-southeast-1"  # where the documents' examples are
NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_CIDR = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"
_ADDRESS = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$"


class Part(BaseModel):
    """A mapping of a lab file. One without a value has all its defaults.

    With `SHORT`, the name of a key, its value alone may stand for the whole; `SHORT_SCHEMA` is what JSON Schema says of that.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    NOUN: ClassVar[str] = "mapping"
    SHORT: ClassVar[str] = ""
    SHORT_SCHEMA: ClassVar[dict[str, Any]] = {"type": "string"}

    @model_validator(mode="before")
    @classmethod
    def _lengthen(cls, value: object) -> object:
        if value is None:
            return {}
        return cls.lengthened(value) if cls.SHORT and not isinstance(value, dict) else value

    @classmethod
    def lengthened(cls, value: object) -> object:
        """The long form of a short one. Raises ValueError for what is none."""
        return {cls.SHORT: value}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        whole = handler.resolve_ref_schema(handler(core_schema))
        texts = _field_texts(cls)
        for name, field in cls.model_fields.items():
            if name in texts:
                whole["properties"][field.alias or name]["description"] = texts[name]
        forms = [cls.SHORT_SCHEMA] if cls.SHORT else []
        forms += [{"type": "null"}] if not whole.get("required") else []
        if not forms:
            return whole
        text = whole.pop("description", "")
        return {"description": text, "anyOf": [whole, *forms]}


def _field_texts(part: type[Part]) -> dict[str, str]:
    """What stands below each field in the source: pydantic reads it too, but as each model is loaded, which takes long."""
    texts: dict[str, str] = {}
    for base in reversed([base for base in part.__mro__ if issubclass(base, Part)]):
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(definition, ast.ClassDef)  # noqa: S101 - the source of a class
        for field, text in pairwise(definition.body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                texts[field.target.id] = inspect.cleandoc(str(ast.literal_eval(text.value)))
    return texts


def network(value: object) -> IPv4Network:
    """A CIDR block. Raises ValueError with the block that may have been meant."""
    if isinstance(value, IPv4Network):
        return value
    if not isinstance(value, str) or not re.match(_CIDR, value):
        raise ValueError(f"{shown(value)} is not a CIDR block such as 10.0.0.0/16")
    try:
        meant = IPv4Network(value, strict=False)
    except ValueError:
        raise ValueError(f"'{value}' is not a CIDR block such as 10.0.0.0/16") from None
    if meant.network_address == IPv4Address(value.partition("/")[0]):
        return meant
    raise ValueError(f"'{value}' has bits set beyond /{meant.prefixlen}; write {meant}, or a longer prefix")


def address(value: object) -> IPv4Address:
    """An IPv4 address. Raises ValueError."""
    if isinstance(value, IPv4Address):
        return value
    try:
        if not isinstance(value, str):
            raise ValueError
        return IPv4Address(value)
    except ValueError:
        raise ValueError(f"{shown(value)} is not an IPv4 address such as 10.0.1.10") from None


def _name(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(NAME, value):
        return value
    rule = "letters, digits and _.-, beginning with a letter, a digit or _"
    quotes = "; put a number into quotes" if isinstance(value, int) and not isinstance(value, bool) else ""
    raise ValueError(f"{shown(value)} is not a name: {rule}{quotes}")


def _reference(value: object) -> str:
    """A name, or two with a slash between them: a network, and a machine in it."""
    if isinstance(value, str) and re.fullmatch(rf"{NAME}(/{NAME})?", value):
        return value
    raise ValueError(f"{shown(value)} is not a name such as app, or office/app where several are called app")


def shown(value: object) -> str:
    """A value as a message names it."""
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else f"'{str(value).lower() if isinstance(value, bool) else value}'"


Name = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{NAME}$"})]
Reference = Annotated[str, BeforeValidator(_reference), WithJsonSchema({"type": "string", "pattern": f"^{NAME}(/{NAME})?$"})]
Cidr = Annotated[IPv4Network, BeforeValidator(network), WithJsonSchema({"type": "string", "pattern": _CIDR})]
Address = Annotated[IPv4Address, BeforeValidator(address), WithJsonSchema({"type": "string", "pattern": _ADDRESS})]
Port = Annotated[int, Field(ge=0, le=65535)]
