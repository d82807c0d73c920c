"""Query in parts: how its pages become rows, and what it would send."""
