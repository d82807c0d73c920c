"""Where a program runs: a module for each framework, which alone imports it."""
