"""Coordination of several callers: idempotent functions, an outbox of events, and locks."""
