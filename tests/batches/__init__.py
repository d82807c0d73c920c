"""Batch writers, batched reads, and what they leave."""
