"""Tests of the keeper and its workers."""
