"""What tests of others use: isolation, faults and the local server."""
