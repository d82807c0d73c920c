//! Queries, scans and batches of reads.

pub(crate) mod batch_get;
pub(crate) mod builder;
pub(crate) mod key_parts;
pub(crate) mod pages;
pub(crate) mod rows;
pub(crate) mod running_query;
pub(crate) mod search;
pub(crate) mod single;
pub(crate) mod start;
pub(crate) mod transact_get;
