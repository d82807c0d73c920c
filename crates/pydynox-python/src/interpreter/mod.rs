//! Interpreter: attaching to it, waking its event loops and awaiting; nothing outside this folder does so.

pub(crate) mod bridge;
pub(crate) mod coalesce;
pub(crate) mod coroutine;
pub(crate) mod date;
pub(crate) mod expected;
pub(crate) mod ffi;
pub(crate) mod operation;
pub(crate) mod runtime;
pub(crate) mod text;
pub(crate) mod wake;
