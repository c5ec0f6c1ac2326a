"""The parts that several replies of Google Vision share."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cloudai.media import Picture
from cloudai.models.base import Box, Point
from cloudai.providers.wire import Corners, Wire

__all__ = ["Poly"]


class Poly(Wire):
    """A polygon in pixels of the picture sent, or in fractions of it (``normalizedVertices``).

    proto3 leaves zeros out, so that a corner on the left edge has no x.
    """

    vertices: Corners = Field(default_factory=list)
    normalized_vertices: Corners = Field(default_factory=list)

    def box(self, picture: Picture) -> Box | None:
        """Return the box around the polygon.

        It is None where there are no corners, or where the size of the picture is needed and not known here.
        """
        fields = self.fields(picture)
        return Box(**fields) if isinstance(fields, dict) else fields

    def fields(self, picture: Picture) -> dict[str, Any] | Box | None:
        """Return `box` as it becomes a part of a result, which checks it: as its fields, or as a box."""
        # Vision gives objects in fractions and all else in pixels, so a polygon has one of the two.
        corners = self.vertices or self.normalized_vertices
        if not corners:
            return None
        across, down = [v.x for v in corners], [v.y for v in corners]
        left, top = min(across), min(down)
        # The box is taken from all four corners: those of a turned text or face do not begin at its top left.
        sides = left, top, max(across) - left, max(down) - top
        return picture.box_fields(*sides) if self.vertices else picture.box_from_fraction(*sides)

    def points(self, picture: Picture) -> tuple[Point, ...]:
        """Return the corners in pixels of the upright original, or in inches of a PDF.

        There are none where the reply has them as fractions, and the size of the picture is not known here.
        """
        if self.vertices:
            return picture.points(self.vertices)
        points = [picture.fraction(v.x, v.y) for v in self.normalized_vertices]
        return tuple([point for point in points if point])
