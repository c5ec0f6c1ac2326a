"""Draw bars as an SVG file, which needs no package, and reads well in light and in dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["bars"]

COLORS = ("#1668a8", "#9a9a9a", "#c4722f", "#5d8a3a")
LEFT, WIDE, BAR, GAP = 300, 520, 13, 16


def bars(groups: Sequence[tuple[str, Mapping[str, float]]], unit: str) -> str:
    """Return an SVG drawing with a group of bars for each work, one bar for each who does it.

    Each group is drawn to a scale of its own: its longest bar is as long as that of any other.
    """
    parts, y = [], 34
    names = list(dict.fromkeys(name for _, values in groups for name in values))
    for n, name in enumerate(names):
        x = LEFT + 130 * n
        parts.append(f'<rect x="{x}" y="8" width="12" height="12" fill="{COLORS[n % len(COLORS)]}"/>')
        parts.append(f'<text x="{x + 17}" y="18">{escape(name)}</text>')
    for work, values in groups:
        longest = max(values.values())
        parts.append(f'<text x="{LEFT - 10}" y="{y + 11}" text-anchor="end">{escape(work)}</text>')
        for name, value in values.items():
            width, color = max(1, round(WIDE * value / longest)), COLORS[names.index(name) % len(COLORS)]
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width}" height="{BAR - 2}" fill="{color}"/>')
            parts.append(f'<text x="{LEFT + width + 5}" y="{y + 10}">{value:,.0f}</text>')
            y += BAR
        y += GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDE + 70} {y + 10}" '
        'font-family="sans-serif" font-size="11" fill="#777">'
    )
    return "\n".join([head, f"<title>{escape(unit)}</title>", *parts, "</svg>\n"])
