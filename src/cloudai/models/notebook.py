"""Show a picture with the boxes of what was found in it, for notebooks: an image of its own with lines above it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable

from cloudai.errors import CloudAIError
from cloudai.models.base import Box, Meta
from cloudai.text import inert

__all__ = ["picture_with_boxes"]

SIDE = 640
"""Longer side of the picture in the notebook, in px: the notebook's file holds it."""
MOST = 200
"""Boxes that are drawn at most."""


def picture_with_boxes(meta: Meta, boxes: Iterable[tuple[Box | None, str]]) -> str:
    """Return the picture that a result is about, with its boxes, as HTML; "" if it is not at hand any more.

    The picture is read again from the path that was given. Its lines are light with a dark edge, so that they can be
    seen in a light notebook and in a dark one, and on any picture.

    Args:
        meta: The origin of the result, which knows the path.
        boxes: The boxes in pixels of the upright original, each with a label.
    """
    # A picture at an address has no size here, and texts have neither.
    if meta.source is None or meta.image_size is None:
        return ""
    from cloudai.media import Image  # most results are shown in no notebook

    try:
        picture = Image(meta.source).open()
    # The file may have been moved since the call, and the table is to be shown all the same.
    except (CloudAIError, OSError):
        return ""
    if picture.size != meta.image_size:
        return ""  # another picture has its path by now
    across, down = picture.size
    picture.thumbnail((SIDE, SIDE))
    jpeg = io.BytesIO()
    picture.convert("RGB").save(jpeg, "JPEG", quality=80)
    # The picture is a part of the notebook, because a link to a file does not go with it.
    encoded = base64.b64encode(jpeg.getvalue()).decode()
    line = max(across, down) / SIDE
    drawn = "".join(_drawn(box, label, line) for box, label in list(boxes)[:MOST] if box is not None)
    return (
        f'<svg viewBox="0 0 {across} {down}" width="{picture.width}" role="img" style="max-width:100%">'
        f'<image href="data:image/jpeg;base64,{encoded}" width="{across}" height="{down}"/>{drawn}</svg>'
    )


def _drawn(box: Box, label: str, line: float) -> str:
    at = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" fill="none"'
    size = 14 * line
    text = (
        f'<text x="{box.x + 3 * line:.1f}" y="{box.y + size:.1f}" font-size="{size:.1f}" fill="#fff" stroke="#000" '
        f'stroke-width="{3 * line:.2f}" paint-order="stroke">{html.escape(inert(label))}</text>'
    )
    edges = ("#000", 4 * line), ("#ffd400", 2 * line)
    return "".join(f'<rect {at} stroke="{colour}" stroke-width="{width:.2f}"/>' for colour, width in edges) + text
