//! Isolation: what a test sets up, namely the client whose items stand in for those of every client without its own endpoint.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pydynox_core::clock;
use pydynox_core::codec::DataKeys;
use pydynox_core::error::Error;
use pydynox_core::events::Stream;
use pydynox_core::process::Maker;
use pydynox_core::transport::Transport;
use pydynox_core::transport::fault::{Faulty, Plan};
use pydynox_core::usage::Usage;
use pyo3::prelude::*;

use crate::interpreter::date::python_date;

/// The open blocks, innermost last. Only locked while the interpreter is held, and never across a call that releases it, so a
/// fork cannot inherit it locked.
static STAGES: Mutex<Vec<Stage>> = Mutex::new(Vec::new());

/// Their number: a program without tests reads nothing else.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// What a test uses in place of the service.
pub(crate) trait StandIn: Send + Sync {
    /// The transport that answers; its events go to this stream.
    fn transport(&self, stream: &Arc<Stream>) -> Result<Arc<dyn Transport>, Error>;

    /// The data keys that replace those of a service that tests must not ask.
    fn keys(&self, py: Python<'_>) -> PyResult<Arc<DataKeys>>;
}

/// One block.
pub(crate) struct Stage {
    /// Unique among the blocks of a process.
    pub(crate) id: u64,
    setup: Arc<Setup>,
}

/// The parts of a block.
pub(crate) struct Setup {
    pub(crate) stand_in: Arc<dyn StandIn>,
    /// The transport of an engine inside this process: shared, since no other client can open it.
    pub(crate) embedded: Option<Arc<dyn Transport>>,
    /// The transport to tables under a prefix: shared, since the environment may name the block itself later on.
    pub(crate) elsewhere: Option<(Arc<dyn Transport>, Maker)>,
    /// Records what all clients of the block send, and injects what its test asks for.
    pub(crate) plan: Arc<Plan>,
    /// Prepended to the table names of all clients, before their own prefixes.
    pub(crate) table_prefix: Box<str>,
    /// Counts what all clients of the block use.
    pub(crate) usage: Option<Arc<Usage>>,
}

impl Stage {
    /// The transport that answers in place of the service.
    pub(crate) fn transport(&self, stream: &Arc<Stream>) -> Result<Arc<dyn Transport>, Error> {
        if let Some(embedded) = &self.setup.embedded {
            return Ok(embedded.clone());
        }
        // A forked child has no use for the connections of its parent.
        let service = match &self.setup.elsewhere {
            Some((elsewhere, maker)) if maker.is_this() => elsewhere.clone(),
            _ => self.setup.stand_in.transport(stream)?,
        };
        Ok(Arc::new(Faulty::new(service, self.setup.plan.clone())))
    }

    /// The data keys in place of the service's.
    pub(crate) fn keys(&self, py: Python<'_>) -> PyResult<Arc<DataKeys>> {
        self.setup.stand_in.keys(py)
    }
}

/// Whether a test is in progress.
pub(crate) fn is_on() -> bool {
    OPEN.load(Ordering::Relaxed) > 0
}

/// The innermost block; None outside tests.
pub(crate) fn current() -> Option<Stage> {
    if !is_on() {
        return None;
    }
    stages().last().map(|stage| Stage {
        id: stage.id,
        setup: stage.setup.clone(),
    })
}

/// What a test prepends to the names of tables; None outside tests, and where it prepends nothing.
#[inline]
pub(crate) fn table_prefix() -> Option<Arc<Setup>> {
    let stage = current()?;
    (!stage.setup.table_prefix.is_empty()).then_some(stage.setup)
}

/// What counts the calls of all clients in a test.
#[inline]
pub(crate) fn usage() -> Option<Arc<Usage>> {
    current()?.setup.usage.clone()
}

fn stages() -> MutexGuard<'static, Vec<Stage>> {
    STAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a block: from now on, in all threads, clients without their own endpoint reach the items of its client.
pub(crate) fn begin(setup: Setup) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut stages = stages();
    if stages.is_empty() {
        clock::follow(python_date);
    }
    stages.push(Stage {
        id,
        setup: Arc::new(setup),
    });
    OPEN.store(stages.len(), Ordering::Relaxed);
    id
}

/// Ends a block, no matter which others began or ended in the meantime; the last one gives the clock back.
pub(crate) fn end(id: u64) {
    let mut stages = stages();
    let ended = stages
        .iter()
        .position(|stage| stage.id == id)
        .map(|position| stages.remove(position));
    OPEN.store(stages.len(), Ordering::Relaxed);
    if ended.is_some() && stages.is_empty() {
        clock::release();
    }
    drop(stages);
    drop(ended);
}
