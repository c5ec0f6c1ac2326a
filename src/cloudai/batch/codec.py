"""Conversion of results and errors to the JSON that the journal keeps, and back."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic_core import PydanticSerializationError

import cloudai.errors
from cloudai.batch.queries import CallRecord
from cloudai.core.call import raw_of
from cloudai.errors import CloudAIError, ServiceError, rebuilt
from cloudai.models.base import Meta, Model, Result
from cloudai.operations import OPERATIONS

__all__ = ["error_of", "result_of", "written_error", "written_result"]

M = TypeVar("M", bound=Model)


def written_result(result: Result) -> dict[str, str]:
    """Return a result and its ``meta`` as JSON, each under the name of its column in the journal."""
    return {"result": _as_json(result), "meta": _as_json(result.meta, exclude_defaults=True)}


def _as_json(model: Model, **how: Any) -> str:
    """Return a model as JSON, with halves of surrogate pairs, which pydantic refuses, as JSON escapes."""
    try:
        return model.model_dump_json(**how)
    except PydanticSerializationError:
        return json.dumps(model.model_dump(mode="json", **how))


def _from_json(kind: type[M], text: str) -> M:
    """Return the model that `_as_json` has written."""
    if r"\ud" in text:
        # Python parses halves of surrogate pairs, and pydantic does not. The models are strict, and a strict model
        # takes a list for a tuple, or a text for a time, only from JSON that pydantic has parsed itself.
        return kind.model_validate(json.loads(text), strict=False)
    return kind.model_validate_json(text)


def result_of(operation: str, record: CallRecord, name: str | None = None) -> Result | None:
    """Return the result that a call has in the journal, with its replies; None if no result can be read.

    The ``meta`` of the result says that it was replayed.

    Args:
        operation: The name of the operation.
        record: The call.
        name: The name of the input, for the ``meta`` of the result; by default the one that was written down.
    """
    if record.result is None or operation not in OPERATIONS:  # the operation is of a later version
        return None
    try:
        result = _from_json(OPERATIONS[operation].result, record.result)
        meta = _from_json(Meta, record.meta or "{}")
    except ValueError:  # it is not JSON, or does not fit the model, of which pydantic's error is one, too
        return None  # another version wrote it, or it is damaged: the caller reads the replies again
    meta = meta.model_copy(update={"replayed": True, **({"input": name} if name else {})})
    return result._with(meta, raw_of([(stored.units, stored.response) for stored in record.replies.values()]))  # noqa: SLF001


ERROR_FIELDS = ("message", "advice", "status", "code", "retry_after", "quota", "provider", "request_id", "state")
"""Attributes of an error that are written down."""


def written_error(error: Exception) -> str:
    """Return an error as JSON, without the vendor's reply.

    Only the name of the class is kept of an error that is not one of cloudai's, because its text may hold a request.
    """
    known = {name: value for name in ERROR_FIELDS if (value := getattr(error, name, None)) is not None}
    if not isinstance(error, CloudAIError):
        # The user's `send` failed, or cloudai has a bug: the text may hold the request, with its key and its upload.
        known = {"message": f"{type(error).__name__}, raised while it was asked"}
    return json.dumps({"type": type(error).__name__, **known}, ensure_ascii=False)


def error_of(text: str) -> CloudAIError:
    """Return the error that `written_error` has written; a class that is not known becomes CloudAIError."""
    known: dict[str, Any] = json.loads(text)
    kind = getattr(cloudai.errors, known["type"], None)
    if not (isinstance(kind, type) and issubclass(kind, CloudAIError)):
        kind = CloudAIError  # the error is of a later version
    facts = {"advice": None, **{name: known[name] for name in ERROR_FIELDS if name in known}}
    if issubclass(kind, ServiceError):
        facts = {"status": None, "code": None, "retry_after": None, **facts}
    return rebuilt(kind, (known["message"],), facts)
