"""Bulk jobs, exports and imports."""
