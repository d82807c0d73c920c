"""Queries, scans, indexes, cursors and PartiQL."""
