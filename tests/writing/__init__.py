"""Saving, updating, conditions, transactions and unique values."""
