"""Derive the closed JSON schema of an answer from its model: the subset that all three vendors accept.

No ``$ref``, no bound, no default and no title; every field is required, and may be null where the model says so; no
further fields. Ranges are in the descriptions, in words, and pydantic checks them afterwards.

https://ai.google.dev/gemini-api/docs/structured-output
https://learn.microsoft.com/azure/ai-foundry/openai/how-to/structured-outputs
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

__all__ = ["closed"]


@cache
def closed(model: type[BaseModel]) -> Mapping[str, Any]:
    """Return the closed schema of a model's fields, in their order."""
    schema = model.model_json_schema()
    plain: Mapping[str, Any] = _closed(schema, schema.get("$defs", {}))
    return plain


def _closed(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        # A reference must not have a description beside it, so the part stands in its place.
        told = {"description": schema["description"]} if "description" in schema else {}
        return {**_closed(parts[schema["$ref"].rpartition("/")[2]], parts), **told}
    told = {"description": schema["description"]} if "description" in schema else {}
    if "anyOf" in schema:
        return {**told, "anyOf": [_closed(each, parts) for each in schema["anyOf"]]}
    match schema["type"]:
        case "object":
            fields = {name: _closed(each, parts) for name, each in schema["properties"].items()}
            # Azure's strict schemas require every field and forbid all others.
            more = {"properties": fields, "required": list(fields), "additionalProperties": False}
        case "array":
            more = {"items": _closed(schema["items"], parts)}
        case _:
            # pydantic writes a single word as a constant, which not all vendors know.
            words = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
            more = {"enum": words} if words else {}
    return {**told, "type": schema["type"], **more}
