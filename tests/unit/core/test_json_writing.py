"""Plain values as JSON: the same as Python's own module writes, in fewer steps."""

from __future__ import annotations

import json
import math

import pytest

from cloudai.core.flow import Response
from cloudai.core.json_writing import json_text, written


@pytest.mark.parametrize(
    "value",
    [
        {"이름": "나무.jpg", "size": (240, 180), "uri": None, "parts": [1, 2.5, True]},
        [0.1, 1e16, 1e-7, -0.0, 5e-324, 2**70, math.inf],
        "역\u2028\x7f</script>",
        {"half": "\ud83d", "나": ["\udc00"]},
    ],
)
def test_values_are_read_back_as_they_were(value: object) -> None:
    """What is written is JSON in UTF-8 that Python reads as the same values, halves of surrogate pairs included."""
    assert json.loads(written(value)) == json.loads(json.dumps(value))
    assert json_text(value).encode() == written(value)


def test_what_json_cannot_hold_is_refused() -> None:
    """A value that is neither plain nor a record raises TypeError, as Python's own module does."""
    with pytest.raises(TypeError):
        written({"a": object()})


def test_half_a_character_in_one_part_of_a_reply_spoils_no_other() -> None:
    """A part of a joined reply that holds half of a surrogate pair can be written down and read again."""
    body = {"responses": [{"text": "\ud83d"}]}
    part = Response(200, {"Content-Type": "application/json"}, b"{}").with_json(body)
    assert part.json() == body
    assert Response(200, {}, part.content).json() == body
