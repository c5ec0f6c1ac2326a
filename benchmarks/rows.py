"""The rows of the table: who does the same work, and how fast cloudai has to be beside the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True)
class Row:
    """One row: its subjects are "NAME cloudai", "NAME httpx2" and so on, see ``benchmarks/subjects.py``."""

    name: str
    work: str
    vendor: tuple[str, ...]
    """The vendor's packages, by the end of their subjects' names."""
    most: float
    """The most that cloudai may take, as a multiple of httpx2 + json."""
    vendor_at_least: float | None = None
    """The least that the vendor's own package takes, as a multiple of cloudai, where that is a goal."""
    also: tuple[str, ...] = field(default=())
    """Further subjects, which have no goal."""

    @property
    def subjects(self) -> Sequence[str]:
        """The names of all subjects, cloudai first."""
        return [f"{self.name} {who}" for who in ("cloudai", "httpx2", *self.vendor, *self.also)]


ROWS = (
    Row("google", "Google faces, tags, colours, safety, 30 kB picture", ("REST", "gRPC"), 1.3),
    Row("azure3", "Azure Image Analysis 3.2, 30 kB picture", ("SDK",), 1.5, 3),
    Row("azure4", "Azure Image Analysis 4.0, 30 kB picture", ("SDK",), 1.5, 6),
    Row("sentiment", "Azure sentiment", ("SDK",), 1.4, 2.5),
    Row("watson", "Watson Natural Language Understanding", ("SDK",), 1.4, 1),
    Row("1MB", "Google, 1 MB picture", ("REST", "gRPC"), 0.35),
    Row("1MB TLS", "Google, 1 MB picture, over TLS", (), 0.5),
)
