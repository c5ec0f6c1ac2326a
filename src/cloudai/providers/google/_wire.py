"""The parts that several replies of Google Vision share."""

from __future__ import annotations

from pydantic import Field

from cloudai.media import Picture
from cloudai.models.base import Box, Point
from cloudai.providers.wire import Wire

__all__ = ["Poly"]


class Vertex(Wire):
    """A corner. proto3 leaves zeros out, so that a vertex on the left edge has no x."""

    x: float = 0
    y: float = 0


class Poly(Wire):
    """A polygon in pixels of the picture sent, or in fractions of it (``normalizedVertices``)."""

    vertices: list[Vertex] = Field(default_factory=list)
    normalized_vertices: list[Vertex] = Field(default_factory=list)

    def box(self, picture: Picture) -> Box | None:
        """Return the box around the polygon.

        It is None where there are no corners, or where the size of the picture is needed and not known here.
        """
        corners = self.vertices or self.normalized_vertices
        if not corners:
            return None
        left, top = min(v.x for v in corners), min(v.y for v in corners)
        width, height = max(v.x for v in corners) - left, max(v.y for v in corners) - top
        convert = picture.box if self.vertices else picture.box_from_fraction
        return convert(left, top, width, height)

    def points(self, picture: Picture) -> tuple[Point, ...]:
        """Return the corners in pixels of the upright original; there are none if the reply has them as fractions."""
        return tuple(picture.point(v.x, v.y) for v in self.vertices)
