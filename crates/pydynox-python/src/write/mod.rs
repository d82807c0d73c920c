//! Writes: alone, in batches, in transactions, with what only one item may have.

pub(crate) mod batch;
pub(crate) mod derived;
pub(crate) mod effect;
pub(crate) mod single;
pub(crate) mod size_check;
pub(crate) mod transaction;
pub(crate) mod unique;
