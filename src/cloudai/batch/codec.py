"""Results and errors as the journal keeps them: written as JSON, and read again."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

import cloudai.errors
from cloudai.batch.queries import CallRecord
from cloudai.core.call import raw_of
from cloudai.errors import CloudAIError, ServiceError, rebuilt
from cloudai.models.base import Meta, Model, Result
from cloudai.operations import OPERATIONS

__all__ = ["error_of", "result_of", "written_error", "written_result"]

M = TypeVar("M", bound=Model)

# -- as they are written down ------------------------------------------------------------------------------------


def written_result(result: Result) -> dict[str, str]:
    """A result as JSON."""
    return {"result": _as_json(result), "meta": _as_json(result.meta, exclude_defaults=True)}


def _as_json(model: Model, **how: Any) -> str:
    """As pydantic writes it; halves of surrogate pairs, which it refuses, as the journal keeps them."""
    try:
        return model.model_dump_json(**how)
    except PydanticSerializationError:
        return json.dumps(model.model_dump(mode="json", **how))


def _from_json(kind: type[M], text: str) -> M:
    """The same, read. Of what Python has read tuples and times are not as strictly theirs as of JSON."""
    if r"\ud" in text:
        return kind.model_validate(json.loads(text), strict=False)
    return kind.model_validate_json(text)


def result_of(operation: str, record: CallRecord, name: str | None = None) -> Result | None:
    """The result that was written down, with the replies it was read from; None where there is none we can read."""
    if record.result is None or operation not in OPERATIONS:  # of a later version
        return None
    try:
        result = _from_json(OPERATIONS[operation].result, record.result)
        meta = _from_json(Meta, record.meta or "{}")
    except ValidationError:
        return None  # of another version: it is read anew from the replies
    meta = meta.model_copy(update={"replayed": True, **({"input": name} if name else {})})
    return result._with(meta, raw_of([(stored.units, stored.response) for stored in record.replies.values()]))  # noqa: SLF001


ERROR_FIELDS = ("message", "advice", "status", "code", "retry_after", "quota", "provider", "request_id", "state")


def written_error(error: Exception) -> str:
    """An error as JSON, without what was answered."""
    known = {name: value for name in ERROR_FIELDS if (value := getattr(error, name, None)) is not None}
    if not isinstance(error, CloudAIError):
        # A `send` of the user's, or a fault of ours: its text may hold the request, with key and upload.
        known = {"message": f"{type(error).__name__}, raised while it was asked"}
    return json.dumps({"type": type(error).__name__, **known}, ensure_ascii=False)


def error_of(text: str) -> CloudAIError:
    """The error that was written down."""
    known: dict[str, Any] = json.loads(text)
    kind = getattr(cloudai.errors, known.pop("type"), CloudAIError)
    facts = {"advice": None, **known}
    if issubclass(kind, ServiceError):
        facts = {"status": None, "code": None, "retry_after": None, **facts}
    return rebuilt(kind, (known["message"],), facts)
