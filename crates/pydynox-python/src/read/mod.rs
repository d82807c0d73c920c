//! Queries, scans and batches of reads.

pub(crate) mod batch_get;
pub(crate) mod builder;
pub(crate) mod fetching;
pub(crate) mod giving;
pub(crate) mod key_parts;
mod part_conditions;
pub(crate) mod placed_items;
pub(crate) mod query_key;
pub(crate) mod rows;
pub(crate) mod running_query;
pub(crate) mod search;
pub(crate) mod single;
pub(crate) mod start;
pub(crate) mod stream_models;
pub(crate) mod stream_record;
pub(crate) mod transact_get;
