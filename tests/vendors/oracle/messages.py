"""Random valid messages of a vendor, from its own descriptors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12) | st.sampled_from(
    ["나무", "가각\u0301", "👩‍👧"]
)
SHARE = st.floats(0, 1, width=32)
OF_KIND: Mapping[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_STRING: TEXT,
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_FLOAT: SHARE,
    FieldDescriptor.CPPTYPE_DOUBLE: SHARE,
    FieldDescriptor.CPPTYPE_INT32: st.integers(0, 10_000),
    FieldDescriptor.CPPTYPE_INT64: st.integers(0, 2**40),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**40),
}
"""A score is a share: what a field's range is beyond its type, the descriptor does not tell."""


@st.composite
def messages(draw: st.DrawFn, kind: Any, special: Mapping[str, Any], depth: int = 6) -> Any:
    """Return a message of this class with random fields.

    ``special`` has strategies by the full name of a field or of a message, and None for what is left out.
    """
    built = kind()
    special = {"google.protobuf.Timestamp": None, **special}  # its range is narrower than its fields'
    for field in kind.DESCRIPTOR.fields:
        of_type = field.message_type.full_name if field.message_type else None
        own = special.get(field.full_name, special.get(of_type or "", "usual"))
        if own is None or (own == "usual" and (not draw(st.booleans()) or (field.message_type and depth == 0))):
            continue
        strategy = _values(field, special, depth) if own == "usual" else own
        if field.is_repeated:
            getattr(built, field.name).extend(draw(st.lists(strategy, max_size=3)) if own == "usual" else draw(own))
        elif field.message_type:
            getattr(built, field.name).CopyFrom(draw(strategy))
        else:
            setattr(built, field.name, draw(strategy))
    return built


def _values(field: Any, special: Mapping[str, Any], depth: int) -> st.SearchStrategy[Any]:
    if field.message_type:
        return messages(GetMessageClass(field.message_type), special, depth - 1)
    if field.enum_type:
        return st.sampled_from([value.number for value in field.enum_type.values])
    return OF_KIND[field.cpp_type]
