//! The clients of the process: all of them connect again after it continues from a snapshot, and can be counted.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use pydynox_core::process;
use pyo3::prelude::*;

use crate::connection::connection::Connection;

/// Every connection that may still be in use.
static ALL: Mutex<Vec<Weak<Connection>>> = Mutex::new(Vec::new());

/// Remembers a connection for as long as it lives.
pub(crate) fn remember(connection: &Arc<Connection>) {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() == all.capacity() {
        // Before it grows, so that it is no longer than the clients are many.
        all.retain(|other| other.strong_count() > 0);
    }
    all.push(Arc::downgrade(connection));
}

/// Make every client connect again: its sockets, credentials and clock offset are from the time of a snapshot. Data keys that
/// were kept in memory are in each copy of the snapshot, so new ones are asked for.
#[pyfunction]
pub(crate) fn reopen_all() {
    process::restored();
    for connection in all() {
        connection.reopen();
    }
}

/// Every connection that is in use.
pub(crate) fn all() -> Vec<Arc<Connection>> {
    let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter().filter_map(Weak::upgrade).collect()
}
