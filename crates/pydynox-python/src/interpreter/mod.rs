//! The interpreter and its event loops: attaching, waking, awaiting. Nothing outside of this folder does.

pub(crate) mod bridge;
pub(crate) mod coalesce;
pub(crate) mod coroutine;
pub(crate) mod expected;
pub(crate) mod ffi;
pub(crate) mod operation;
pub(crate) mod runtime;
pub(crate) mod text;
