//! Observing a client from Python: which events are wanted, those that wait for no call, its counts, and its connections.

use std::sync::PoisonError;

use pydynox_core::call::Answer;
use pydynox_core::events::{EVERYWHERE, Kinds};
use pydynox_core::transport::Operation as Name;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::answer::reply::{Answered, Brought, Context, Reply, nothing};
use crate::connection::connection::{Connected, Connection};
use crate::connection::delivery::deliver;
use crate::connection::restored;
use crate::interpreter::operation::Operation;

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

/// Calls, those in flight, retries, throttles, timeouts, bytes sent, bytes received; connections open, idle, waited for.
type Stats = ((u64, u64, u64, u64, u64, u64, u64), (usize, usize, usize));

/// What a client did since it was opened in this process, and its connections at this moment.
#[pyfunction]
#[pyo3(signature = (client, /))]
pub(crate) fn client_stats(client: &Bound<'_, Connected>) -> Stats {
    let Some(core) = Connected::of(client).opened() else {
        return Stats::default();
    };
    let counts = core.counts();
    let connections = core.transport().connections().unwrap_or_default();
    (
        (
            counts.calls,
            counts.in_flight,
            counts.retries,
            counts.throttles,
            counts.timeouts,
            counts.bytes_sent,
            counts.bytes_received,
        ),
        (connections.open, connections.idle, connections.waiting),
    )
}

/// Address and port; connections open, idle, waited for, and how many may be open.
type Pool = ((String, u16), (usize, usize, usize, usize));

/// The connections of each client that has any, at this moment.
#[pyfunction]
pub(crate) fn connection_pools() -> Vec<Pool> {
    let pool_of = |connection: &Connection| -> Option<Pool> {
        let core = connection.opened()?;
        let transport = core.transport();
        let address = transport.address(&Name::GetItem, "")?;
        let now = transport.connections()?;
        let counts = (now.open, now.idle, now.waiting, now.most);
        Some(((address.host.to_string(), address.port), counts))
    };
    let all = restored::all();
    all.iter()
        .filter_map(|connection| pool_of(connection))
        .collect()
}

/// Make a client ready to send this many requests at a time; the result is how many connections are open then.
#[pyfunction]
#[pyo3(signature = (client, connections, /))]
pub(crate) fn warm_up(
    client: &Bound<'_, Connected>,
    connections: usize,
) -> PyResult<Py<Operation>> {
    let py = client.py();
    let connection = Connected::of(client);
    let core = connection.core(py)?;
    let timeout = connection.timeout(py)?;
    let ready: Brought<usize> = Brought::default();
    let reply = Reply::with(Context::of(&connection.settings), Ready(ready.clone()));
    let expected = connection.delivering(&core, reply);
    let exchange = Box::pin(async move {
        let count = core.warm_up(connections, timeout).await?;
        *ready.lock().unwrap_or_else(PoisonError::into_inner) = Some(count);
        Ok(nothing(Name::DescribeTable))
    });
    Operation::new(py, exchange, false, expected)
}

/// How many connections are ready.
struct Ready(Brought<usize>);

impl Answered for Ready {
    fn answered<'py>(
        self,
        py: Python<'py>,
        _answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let ready = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        ready.unwrap_or_default().into_bound_py_any(py)
    }
}
