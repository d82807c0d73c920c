"""Tables: created, compared and changed."""
