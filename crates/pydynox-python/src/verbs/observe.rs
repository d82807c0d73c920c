//! Observing a client from Python: which events are wanted, and those that wait for no call.

use pydynox_core::events::{EVERYWHERE, Kinds};
use pyo3::prelude::*;

use crate::connection::connection::Connected;
use crate::connection::delivery::deliver;

/// What is wanted of a client from now on, or of all clients: the bits of `event_bits()`.
#[pyfunction]
#[pyo3(signature = (client, bits, /))]
pub(crate) fn want_events(client: Option<&Bound<'_, Connected>>, bits: u32) {
    let kinds = Kinds::from_bits(bits);
    match client {
        None => EVERYWHERE.set(kinds),
        Some(client) => client.get().0.settings.wanted.set(kinds),
    }
}

/// Deliver the events of a client that belong to no call.
#[pyfunction]
#[pyo3(signature = (client, /))]
pub(crate) fn deliver_waiting(client: &Bound<'_, Connected>) -> PyResult<()> {
    let connection = Connected::of(client);
    match connection.opened() {
        None => Ok(()),
        Some(core) => deliver(client.py(), connection.number, core.stream().take()),
    }
}
