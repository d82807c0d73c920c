"""Tests of pydynox within frameworks, with the real framework."""
