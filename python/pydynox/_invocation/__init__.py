"""Invocations of a function by its host: the loop that outlives them, the time that one has, and the order of its records."""
