"""DynamoDBClient in parts: its calls grouped by what they work on, over one connection."""
