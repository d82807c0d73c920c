"""Many items at once: batch writes, batched reads, and result pages."""
