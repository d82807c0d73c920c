//! Everything that knows DynamoDB and nothing that knows Python.

#![forbid(unsafe_code)]

pub mod batch;
pub mod call;
pub mod capacity;
pub mod client;
pub mod clock;
pub mod coalesce;
pub mod codec;
pub mod cursor;
pub mod error;
pub mod events;
pub mod export_lines;
pub mod expression;
pub mod field_set;
pub mod id;
pub mod index_key;
pub mod limiter;
pub mod lock;
pub mod number;
pub mod operation;
pub mod pagination;
pub mod problem;
pub mod process;
pub mod reading;
pub mod retry;
pub mod runtime;
pub mod schema;
pub mod size;
pub mod start_key;
pub mod stream_record;
pub mod table_name;
pub mod time;
pub mod transaction;
pub mod transport;
pub mod unique;
pub mod usage;
pub mod wakeups;
pub mod wire;
pub mod write;

pub use error::Error;
