"""Encrypted attributes, their bindings and their envelopes."""
