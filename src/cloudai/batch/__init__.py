"""Batches carry out operations over many inputs: planned, paced, kept in a journal, and never paid for twice."""
