"""How tools/gen_messages.py finds the texts of errors in the sources."""
