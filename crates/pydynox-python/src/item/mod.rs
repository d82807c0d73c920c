//! An instance as an item: read, written, compared, dumped.

pub(crate) mod applied;
pub(crate) mod changes;
pub(crate) mod dump;
pub(crate) mod dump_failure;
pub(crate) mod dump_filter;
pub(crate) mod dump_value;
pub(crate) mod json_row;
pub(crate) mod line;
pub(crate) mod managed;
pub(crate) mod read;
pub(crate) mod rollback;
pub(crate) mod rules;
pub(crate) mod sealed;
mod set_forms;
pub(crate) mod shield;
pub(crate) mod stored;
pub(crate) mod write;
