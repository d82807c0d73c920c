"""Whole tables: exported, imported, re-encrypted and verified; imported when they are asked for."""
