"""The types of the columns of all tables, so that the tables of two vendors have the same, whatever they hold.

A column has one type in all tables. The few that differ stand in ``types`` of the result that has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cloudai.table_files import ColumnType

__all__ = ["TRACK", "TYPES"]

TRACK = "track"
"""The column of the number under which a face is followed through a video, which only faces that are followed have."""

# A column that is empty for one vendor has no values to take its type from, and its table could not be put together
# with that of another.
_WHOLE = (
    *("item", "track", "face", "n_faces", "image_width", "image_height", "rank", "page", "block", "paragraph", "line"),
    *("sentence", "start", "end", "segment", "channel", "part", "count", "rate", "bytes"),
    *("attempts", "billed_min", "billed_max", "duplicate_of", "sent_bytes"),
    *("input_tokens", "output_tokens", "thinking_tokens", "total_tokens"),
)
_NUMBERS = (
    *("x", "y", "z", "width", "height", "confidence", "roll", "pitch", "yaw", "age_low", "age_high", "age_years"),
    *("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", "calm", "confused"),
    *("score", "latitude", "longitude", "angle", "magnitude", "positive", "negative", "mixed", "start_s", "end_s"),
    *("relevance", "duration", "cost_min", "cost_max", "queued_s", "elapsed_s", "token_cost"),
)
_TEXTS = (
    *("input", "operation", "status", "provider", "method", "error_type", "error", "advice"),
    *("emotion", "emotion_top", "emotion_scale", "scale", "landmark", "glasses", "blur", "occlusion"),
    *("kind", "name", "language", "word", "parent", "vendor_id", "text", "unit"),
    *("label", "score_kind", "language_source", "speaker", "code", "to", "source", "detected"),
    *("part_of_speech", "back_translations", "example", "example_translated", "format"),
    *("price_date", "token_price_date", "started_at", "finished_at", "sha256", "prepared", "host"),
    *("service", "api_version", "model", "request_id", "called_at"),
)
TYPES: Mapping[str, ColumnType] = MappingProxyType(
    {
        **dict.fromkeys(_WHOLE, int),
        **dict.fromkeys(_NUMBERS, float),
        **dict.fromkeys(_TEXTS, str),
        **dict.fromkeys(("handwritten", "cached", "replayed"), bool),
        "polygon": list,
    }
)
"""The type of each column by its name."""
