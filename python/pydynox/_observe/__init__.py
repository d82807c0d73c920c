"""What watches calls: handlers of events, recordings, logs, and a client's statistics."""
