"""The differences in shape between a fresh reply and the committed ones: fields that appeared, are gone, or changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["Shape", "drift"]

KINDS = {bool: "true or false", int: "number", float: "number", str: "text", list: "list", dict: "object"}


class Shape:
    """The fields of some replies: the types of each, and whether all objects of its kind have it.

    A field is known by its path, ``FaceDetails[].BoundingBox.Left``.
    """

    def __init__(self, bodies: Iterable[Any] = ()) -> None:
        self.kinds: dict[str, set[str]] = defaultdict(set)
        self.objects: Counter[str] = Counter()
        self.having: Counter[tuple[str, str]] = Counter()
        for body in bodies:
            self._take(body, "")

    def _take(self, value: Any, path: str) -> None:
        self.kinds[path].add(KINDS.get(type(value), "null"))
        if isinstance(value, dict):
            self.objects[path] += 1
            for name, inner in value.items():
                self.having[path, name] += 1
                self._take(inner, _joined(path, name))
        elif isinstance(value, list):
            for inner in value:
                self._take(inner, f"{path}[]")

    def always(self) -> Iterator[tuple[str, str]]:
        """Return the fields that every object of their kind has: its path, their name."""
        return (field for field, times in self.having.items() if times == self.objects[field[0]])


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def drift(committed: Shape, fresh: Shape) -> list[str]:
    """Return a line for each difference; of a field that is new not those inside it."""
    lines: list[str] = []
    appeared: list[str] = []
    for path, kinds in fresh.kinds.items():
        if path not in committed.kinds:
            if not any(path.startswith((f"{outer}.", f"{outer}[")) for outer in appeared):
                lines.append(f"appeared: {path} ({' or '.join(sorted(kinds))})")
            appeared.append(path)
        elif new := kinds - committed.kinds[path] - {"null"}:
            was = " or ".join(sorted(committed.kinds[path]))
            lines.append(f"changed: {path or 'the whole'} ({was}, now {' or '.join(sorted(new))})")
    for path, name in committed.always():
        if fresh.objects[path] > fresh.having[path, name]:
            lines.append(f"gone: {_joined(path, name)}")
    return lines
