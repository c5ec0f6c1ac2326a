"""Compute the positions of landmarks by latitude and longitude, without map tiles: nothing is loaded from anywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from cloudai.errors import InputError
from cloudai.report.plots.cells import number, require_columns
from cloudai.report.plots.chart import Axis, Chart, Dot, Series, axis_of
from cloudai.report.plots.columns import Asked, heading, names_of, rows_told
from cloudai.report.plots.events import no_events
from cloudai.report.plots.plot_words import words_of
from cloudai.report.plots.targets import pictures_of, targets_of
from cloudai.table import Table

__all__ = ["SHAPE", "landmarks"]

SHAPE = 2.0
"""Width over height of the area that the positions are drawn in."""
SMALLEST, MARGIN = 0.02, 0.15
"""Degrees that an area has at least, and its margin as a share of it."""
HALF = 180.0
"""Degrees of longitude: where all positions are within half of the globe, they are not cut by the date line."""
STEEPEST = 80.0
"""Latitude up to which a degree of longitude is drawn shorter, as it is on the globe."""


def landmarks(table: Table, asked: Asked) -> Chart:
    """Return the rows that have a latitude and a longitude (degrees, WGS84).

    Raises:
        InputError: The table lacks these columns, no row has both, or a position is not on the globe.
    """
    require_columns(table, ["latitude", "longitude", *asked.by])
    words = words_of(asked.language)
    targets, inputs = targets_of(table, asked), names_of(table)
    series: dict[str, list[Dot]] = {}
    nowhere: list[int] = []
    labels = [str(row.get(asked.x or "name") or inputs[n]) for n, row in enumerate(table)]
    for n, row in enumerate(table):
        label = labels[n]
        spot = _spot(row.get("latitude"), row.get("longitude"), n)
        if spot is None:
            nowhere.append(n)
            continue
        name = " · ".join(str(row.get(column) or "") for column in asked.by)
        text = "\n".join(dict.fromkeys([label, inputs[n]]))
        dot = Dot(spot[1], spot[0], text=text, target=targets[n], label=label)
        series.setdefault(name, []).append(dot)
    if not series:
        raise InputError("no row has a latitude and a longitude", advice="Only landmarks have them: --features places.")
    pictures = pictures_of(table, asked, targets)
    # The area is that of all series together, so that they can be compared.
    across, up = _area([dot for each in series.values() for dot in each])
    shifted = {name: [_shifted(dot, across) for dot in dots] for name, dots in series.items()}
    own = "kind" in table.columns  # a table of ours has tags without positions, which nobody expects on a map
    return Chart(
        "map",
        asked.title,
        _axis(heading("longitude", asked.language), across, "longitude"),
        _axis(words["latitude"], up, "latitude"),
        tuple(Series(name, tuple(dots)) for name, dots in shifted.items()),
        asked.notes(table, unplaced="" if own else rows_told(nowhere, labels, asked.language)),
        asked.language,
        {target: pictures[target] for dots in series.values() for dot in dots if (target := dot.target) in pictures},
        events=no_events(asked),
    )


def _spot(latitude: object, longitude: object, n: int) -> tuple[float, float] | None:
    try:
        north, east = number(latitude), number(longitude)
    except ValueError as error:
        raise InputError(f"row {n + 1} has a position that is no number", advice="Write decimal degrees.") from error
    if north is None or east is None:
        return None
    if abs(north) > 90 or abs(east) > 180:  # noqa: PLR2004  # degrees
        raise InputError(
            f"row {n + 1} is at latitude {north:g}, longitude {east:g}",
            advice="A latitude goes from −90 to 90 and a longitude from −180 to 180. Are the columns exchanged?",
        )
    return north, east


def _area(dots: Sequence[Dot]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ends of the longitudes and of the latitudes, in the shape of the drawing."""
    norths = [dot.y for dot in dots if dot.y is not None]
    south, north = min(norths), max(norths)
    west, east = _shortest([dot.x for dot in dots])
    # A degree of longitude is shorter than one of latitude, by the cosine; at the poles it would be nothing.
    shrink = math.cos(math.radians(min(STEEPEST, abs(south + north) / 2)))
    high = max(north - south, SMALLEST) * (1 + 2 * MARGIN)
    wide = max(east - west, SMALLEST) * (1 + 2 * MARGIN)
    high = max(high, wide * shrink / SHAPE)
    wide = max(wide, high * SHAPE / shrink)
    middle_x, middle_y = (west + east) / 2, (south + north) / 2
    return (middle_x - wide / 2, middle_x + wide / 2), (middle_y - high / 2, middle_y + high / 2)


def _shortest(longitudes: Sequence[float]) -> tuple[float, float]:
    """Return the shortest stretch that holds all longitudes; one across the date line ends beyond 180."""
    ordered = sorted(longitudes)
    gaps = [(after - before, n) for n, (before, after) in enumerate(pairwise(ordered))]
    widest, n = max(gaps, default=(0.0, 0))
    if widest > HALF and ordered[-1] - ordered[0] > HALF:
        # The widest gap is left out: Fiji has islands on both sides of the date line, and needs no map of the whole
        # globe.
        return ordered[n + 1], ordered[n] + 360
    return ordered[0], ordered[-1]


def _shifted(dot: Dot, ends: tuple[float, float]) -> Dot:
    if ends[0] <= dot.x <= ends[1]:
        return dot
    return Dot(dot.x + 360, dot.y, text=dot.text, target=dot.target, label=dot.label)


def _axis(name: str, ends: tuple[float, float], scale: str) -> Axis:
    plain = axis_of(name, ends, ends=ends)
    axis = Axis(name, *ends, (), "longitude" if scale == "longitude" else "latitude")
    whole = tuple((at, axis.told(round(at, 6))) for at, _ in plain.ticks if scale == "longitude" or abs(at) <= 90)  # noqa: PLR2004
    return Axis(name, *ends, whole, axis.scale)
