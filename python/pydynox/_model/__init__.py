"""Model in parts: what its instances do without I/O, and the descriptors of its classes."""
