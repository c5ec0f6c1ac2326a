"""Comparing what we read with what a vendor's own package reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import FIXTURES


def agree(ours: Any, theirs: Any, where: str = "") -> None:
    """Require that two values are equal in every place; numbers are as exact as the vendor's float32."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            agree(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, list | tuple) and isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs), f"{where}: {ours} and {theirs}"
        for n, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            agree(a, b, f"{where}[{n}]")
    elif isinstance(ours, float | int) and isinstance(theirs, float | int):
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-6), where
    else:
        assert ours == theirs, where


def recorded(recordings: Path, folder: str, *, status: int = 200) -> list[tuple[str, Any]]:
    """Name and body of the recorded replies of a folder that have this status."""
    exchanges = [(f.name, json.loads(f.read_text("utf-8"))) for f in sorted((recordings / folder).glob("*.json"))]
    return [(name, e["response"]["body"]) for name, e in exchanges if e["response"]["status"] == status]


def constructed(vendor: str, operation: str) -> list[tuple[str, Any]]:
    """Name and body of every good reply in our own cassettes of one operation."""
    folder = FIXTURES / vendor
    return [
        (f"{path.name}#{n}", exchange["response"]["body"])
        for path in sorted(folder.glob(f"{operation}-*.json"))
        for n, exchange in enumerate(json.loads(path.read_text("utf-8"))["exchanges"])
        if exchange["response"]["status"] == 200
    ]
