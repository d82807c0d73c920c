"""The tables of other libraries: what they wrote is read, found, changed and saved, and they read it again."""
