"""`Wire` is the base of the wire models, which say field by field what a vendor documents of its replies."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from cloudai.models.base import Point

__all__ = ["NUMBERS", "Corners", "Known", "KnownDicts", "Number", "Wire", "left_out"]

T = TypeVar("T")


def _number(value: Any) -> Any:
    """Return the number that a text spells as JSON does, or any other value as it is."""
    return float(value) if isinstance(value, str) and re.fullmatch(NUMBER, value) else value


NUMBER = r"-?(0|[1-9][0-9]{0,307})(\.[0-9]{1,308})?([eE][+-]?[0-9]{1,3})?"


class _Number:
    """The pydantic schema of `Number`. To save time, it calls Python only for values that are not numbers."""

    def __get_pydantic_core_schema__(self, *_: object) -> CoreSchema:
        number = core_schema.float_schema(strict=True, allow_inf_nan=False)
        return core_schema.union_schema(
            # The order matters: numbers are decided by the first choice in Rust, and only what fails there reaches
            # Python.
            [number, core_schema.no_info_before_validator_function(_number, number)],
            mode="left_to_right",
            custom_error_type="not_a_number",
            custom_error_message="Input should be a finite number",
        )


Number = Annotated[float, _Number()]
"""A number that the vendor's own pages also show as a text: "0.87"."""


class Wire(BaseModel):
    """A part of a reply, with the fields in the vendor's camelCase.

    Unknown fields are ignored here (``result.raw`` keeps them), null means missing, and a number that is text
    or not finite is refused. A field with a default is one that the vendor may leave out; any other is required.
    """

    # The models are strict, because pydantic would otherwise read true as 1.0, and "yes" as true. Validators are built
    # at their first use, because to build those of all services takes time at import.
    model_config = ConfigDict(
        strict=True, frozen=True, allow_inf_nan=False, alias_generator=to_camel, validate_by_name=True, defer_build=True
    )
    null_is_missing: ClassVar[bool] = True
    """True if `Response.parse` leaves out fields that are null, before the model sees the reply."""


def left_out(kind: type[Wire]) -> Any:
    """Return the default of a part that the vendor may leave out: an empty one, which all replies share.

    To make a model takes a microsecond, and a reply has dozens of parts without any box or place.
    """
    return Field(default_factory=cache(kind))


class Known(Wire):
    """A part of a reply that must not be lost: it is an error if it has fields, and none of them is known.

    Otherwise a reply whose fields have other names would be an empty result that was paid for.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _require_known(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        part = read(given)
        # An empty object has lost nothing: several vendors send one where nothing was found.
        if given and not part.model_fields_set:
            raise ValueError(NOTHING_KNOWN)
        return part


NOTHING_KNOWN = "holds nothing that is known"


def _require_all_known(given: Any, read: ValidatorFunctionWrapHandler) -> Any:
    parts = read(given)
    # This is called once for the whole list, because a call for each part would take longer than all other checks.
    if not all(parts) and any(one and not part for one, part in zip(given, parts, strict=True)):
        raise ValueError(f"a part {NOTHING_KNOWN}")
    return parts


KnownDicts = Annotated[list[T], WrapValidator(_require_all_known)]
"""Parts of a reply that stay dicts, and none of which must be lost: see `Known`."""


NUMBERS = ConfigDict(strict=True, allow_inf_nan=False, alias_generator=to_camel)
"""The checks of a `Wire`, for the parts of a reply that stay dicts: ``@with_config(NUMBERS)`` above a TypedDict."""


class _Zeros:
    """The pydantic schema of points of which a vendor leaves out the numbers that are zero.

    To save time, it calls Python only for points that do not have just the numbers of these names.

    Args:
        names: The names of the numbers of each point.
    """

    def __init__(self, *names: str) -> None:
        self._names = names

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        points = handler(source)
        return core_schema.union_schema(
            [points, core_schema.no_info_before_validator_function(self._whole, points)],
            mode="left_to_right",
            custom_error_type="not_a_point",
            custom_error_message="Input should be points with finite numbers",
        )

    def _whole(self, value: Any) -> Any:
        """Return points with all their numbers, and nothing else; what is neither a list nor a dict stays as it is."""
        if isinstance(value, list):
            return [self._whole(each) for each in value]
        return {name: value.get(name, 0) for name in self._names} if isinstance(value, dict) else value


Corners = Annotated[list[Point], _Zeros("x", "y")]
"""The corners of a polygon.

Replies have hundreds of polygons. A result takes the corners as they are where the picture was sent in its own size, so
that each is made, and checked, once.
"""
