"""Many inputs, one operation: planned, paced, kept in a journal, and never paid for twice."""

from cloudai.batch.batch import AsyncBatch, Batch, Mapped
from cloudai.batch.plan import Plan

__all__ = ["AsyncBatch", "Batch", "Mapped", "Plan"]
