"""Fonts that packages of the dev extra carry, found without importing these; no font of this machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from cloudai.report import fonts


def inside(package: str, path: str) -> Path:
    """Return a file that an installed package carries, or skip the test where it is not installed."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed")
    return Path(spec.origin).parent / path


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return what is installed on the machine, by file name: nothing, until a test puts something there."""
    found: dict[str, str] = {}
    monkeypatch.setattr(fonts, "installed", lambda: found)
    monkeypatch.delenv("CLOUDAI_FONT")
    return found


@pytest.fixture
def nanum() -> Path:
    """Return a font with Hangul."""
    return inside("koreanize_matplotlib", "fonts/NanumGothic.ttf")


@pytest.fixture
def nanum_bold() -> Path:
    """Return the bold weight of the font with Hangul."""
    return inside("koreanize_matplotlib", "fonts/NanumGothicBold.ttf")


@pytest.fixture
def latin() -> Path:
    """Return a font without Hangul."""
    return inside("matplotlib", "mpl-data/fonts/ttf/DejaVuSans.ttf")
