//! Everything that knows DynamoDB and nothing that knows Python.
