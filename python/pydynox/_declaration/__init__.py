"""A class compiled: its annotations read and checked, and a schema of the Rust core made of them."""
