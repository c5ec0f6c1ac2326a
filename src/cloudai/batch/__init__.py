"""Many inputs, one operation: planned, paced, kept in a journal, and never paid for twice."""
