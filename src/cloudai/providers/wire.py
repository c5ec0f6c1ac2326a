"""`Wire` is the base of the wire models, which say field by field what a vendor documents of its replies."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

__all__ = ["Number", "Wire"]


def _number(value: Any) -> Any:
    """Return the number that a text spells as JSON does, or any other value as it is."""
    return float(value) if isinstance(value, str) and re.fullmatch(NUMBER, value) else value


NUMBER = r"-?\d{1,308}(\.\d{1,308})?([eE][+-]?\d{1,3})?"
Number = Annotated[float, BeforeValidator(_number)]
"""A number that the vendor's own pages also show as a text: "0.87"."""


class Wire(BaseModel):
    """A part of a reply, with the fields in the vendor's camelCase.

    Unknown fields are ignored here (``result.raw`` keeps them), null means missing, and a number that is text
    or not finite is refused. A field with a default is one that the vendor may leave out; any other is required.
    """

    model_config = ConfigDict(
        strict=True, frozen=True, allow_inf_nan=False, alias_generator=to_camel, validate_by_name=True, defer_build=True
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_missing(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if value is not None}
        return data
