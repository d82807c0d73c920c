"""Many items at once: written, read, and what a page of them is."""
