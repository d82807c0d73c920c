"""Streams: records decoded, handled in order, and read from a table."""
