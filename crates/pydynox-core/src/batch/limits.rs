//! Limits of a batch: the size of its requests, and how many of them run at a time.

/// Maximum number of keys in a BatchGetItem.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
pub const MAX_GETS: usize = 100;

/// Maximum number of requests in a BatchWriteItem.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
pub const MAX_WRITES: usize = 25;

/// Maximum number of concurrent requests of one batch.
pub const AT_ONCE: usize = 8;
