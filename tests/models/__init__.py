"""Models and documents: what is declared, what instances do, and how values are stored."""
