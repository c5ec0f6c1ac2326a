"""Measure how different two colours look, by the formula CIEDE2000.

The plain distance in CIELAB takes a saturated blue for a purple, and pale skin for a grey; this formula was made to
correct both. https://doi.org/10.1002/col.20070 explains it, and the names of the variables here are the paper's.
"""

from __future__ import annotations

from typing import Any

from cloudai.providers.local.networks import libraries

__all__ = ["ciede2000"]


def ciede2000(many: Any, one: Any) -> Any:
    """Return the difference of each of many colours from one; about 1 can just be seen, and black to white is 100.

    Args:
        many: Rows of L*, a*, b*, an array of NumPy.
        one: L*, a*, b*.
    """
    _, np = libraries()
    light, c, h = _in_polar(many, one)
    light_one, c_one, h_one = _in_polar(one, many)
    mean_c = (c + c_one) / 2
    gap = (h_one - h + 180) % 360 - 180  # the shorter way around the circle of hues
    is_coloured = c * c_one > 0
    # A grey has no hue, and counts as 0. Where one of the two is grey, the paper takes the sum of the hues, which is
    # the hue of the other: their mean would be a hue of neither.
    mean_h = np.where(is_coloured, h + gap / 2, h + h_one)
    dark = ((light + light_one) / 2 - 50) ** 2
    t = 1 + sum(
        share * np.cos(np.radians(times * mean_h + shift))
        for share, times, shift in ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    )
    d_light = (light_one - light) / (1 + 0.015 * dark / np.sqrt(20 + dark))
    d_c = (c_one - c) / (1 + 0.045 * mean_c)
    d_h = np.where(is_coloured, 2 * np.sqrt(c * c_one) * np.sin(np.radians(gap) / 2), 0) / (1 + 0.015 * mean_c * t)
    # The blue region's ellipses are tilted, which this term alone takes into account.
    tilt = 60 * np.exp(-((((mean_h % 360) - 275) / 25) ** 2))
    rotation = -2 * _towards_one(mean_c) * np.sin(np.radians(tilt))
    return np.sqrt(d_light**2 + d_c**2 + d_h**2 + rotation * d_c * d_h)


def _in_polar(lab: Any, other: Any) -> tuple[Any, Any, Any]:
    """Return the lightness, the chroma and the hue (degrees) of colours, stretched near grey as the formula wants."""
    _, np = libraries()
    mean_c = (np.hypot(lab[..., 1], lab[..., 2]) + np.hypot(other[..., 1], other[..., 2])) / 2
    a, b = lab[..., 1] * (1.5 - _towards_one(mean_c) / 2), lab[..., 2]
    return lab[..., 0], np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _towards_one(chroma: Any) -> Any:
    """Return 0 for greys, and nearly 1 from a chroma of 50 on."""
    _, np = libraries()
    return np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
