"""The client: settings, credentials, timeouts, cost and errors."""
