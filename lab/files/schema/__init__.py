"""The keys of a lab file, as pydantic models; docs/lab.schema.json is made of them."""

from __future__ import annotations

import json

from lab.files.schema.lab import LabFileContent

__all__ = ["LabFileContent", "published"]


def published() -> str:
    """The JSON Schema of lab files, as editors and others read it."""
    schema = LabFileContent.model_json_schema()
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "saglab lab file"}
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"
