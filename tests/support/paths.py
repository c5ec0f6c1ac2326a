"""Folders that tests read from, wherever in the tree a test stands."""

from __future__ import annotations

from pathlib import Path

__all__ = ["EXAMPLES", "FIXTURES", "RECORDINGS", "ROOT"]

ROOT = Path(__file__).parents[2]
"""The folder of the whole project."""
FIXTURES = ROOT / "tests" / "fixtures"
EXAMPLES = ROOT / "examples"
RECORDINGS = ROOT.parent / "shared" / "recordings"
"""Recorded exchanges with the vendors, which are not part of the project; tests are skipped where it is not there."""
