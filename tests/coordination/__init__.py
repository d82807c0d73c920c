"""Several callers: idempotent functions, an outbox, and locks."""
