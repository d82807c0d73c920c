"""Tests of what watches calls: events, logs, traces, statistics."""
