//! The embedded engine: a `DynamoDB` in this process, behind pydynox's transport seam.
//!
//! `memory://`, `memory://name` and `file:///path` are the only ways to it; nothing falls back to it. It ignores region and
//! credentials. What it does not do (throttling, conflicts, eventual consistency, `UnprocessedItems`) belongs to a transport
//! wrapped around it. Idempotency tokens live in memory: a file that is reopened has lost them.
//!
//! A file must not be opened by another copy of `SQLite` in the same process (Python's `sqlite3` is one): POSIX file locks belong
//! to the process, so the two copies do not see each other and damage the file. Other processes are fine.
//!
//! # Fork
//!
//! `SQLite` keeps process-wide mutexes, so a child that is forked while another thread is inside `SQLite` hangs in any database,
//! even a new one. And it remembers which file locks the process has, which a child does not inherit: a file that is open across
//! a fork gets damaged even by a new connection. [`before_fork`] therefore waits until no thread is inside and closes the files,
//! and [`after_fork_in_parent`] lets the threads in again. [`forget_after_fork`] gives every living transport in the child a new
//! engine, an empty one in memory or the file reopened; what was inherited is leaked, never touched. Without [`before_fork`] a
//! child may hang in memory and is refused files.

mod administration;
mod arn;
mod clock;
mod conditions;
mod engine;
mod fork;
mod gate;
mod generation;
mod location;
mod memory;
mod names;
mod projection;
mod reads;
mod registry;
mod server;
mod service;
mod session;
mod settings;
mod shapes;
mod slot;
mod snapshot;
mod source;
mod stable;
mod stack;
mod store;
mod streams;
mod tables;
mod transport;
mod ttl;
mod wire;
mod words;
mod writes;

use std::sync::Arc;

use pydynox_core::error::Error;
use pydynox_core::transport::Transport;

pub use dynoxide::storage_backend::{Clock, ManualClock};
pub use fork::{after_fork_in_parent, before_fork, forget_after_fork};
pub use location::Location;
pub use server::{ForOthers, Limits, Server, Stop};
pub use service::{Behaviour, Service, Throughput};
pub use snapshot::Snapshot;
pub use store::Store;

/// Opens the engine at this location, or shares the one already open there; the last user closes it.
///
/// Call it with the GIL held: [`forget_after_fork`] relies on no thread being inside when the process forks.
///
/// # Errors
/// [`pydynox_core::error::ErrorKind::Configuration`] when the file cannot be opened, or is open with another `sync`.
pub fn open(location: &Location) -> Result<Arc<dyn Transport>, Error> {
    let slot = registry::open(location)?;
    Ok(transport::wrap(slot, location.latency()))
}

/// Opens a private in-memory engine that runs on this clock: what it deletes by time to live is up to the caller.
///
/// # Errors
/// [`pydynox_core::error::ErrorKind::Configuration`] when no engine can be made.
pub fn open_with_clock(clock: Arc<dyn Clock>) -> Result<Arc<dyn Transport>, Error> {
    let slot = registry::open_with_clock(clock)?;
    Ok(transport::wrap(slot, None))
}
