//! Writes: alone, in batches, in transactions, with what only one item may have.

pub(crate) mod batch;
pub(crate) mod by_key;
pub(crate) mod derived;
pub(crate) mod effect;
pub(crate) mod flushed;
pub(crate) mod part;
pub(crate) mod single;
pub(crate) mod size_check;
pub(crate) mod stake;
pub(crate) mod transaction;
pub(crate) mod unique;
pub(crate) mod update;
