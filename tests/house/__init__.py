"""The laws of the project, its papers, pages, examples and tools."""
