"""Explaining: what calls would send, what they cost and need, and who has to allow it; imported when it is asked for."""
