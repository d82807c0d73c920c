//! Isolation: what a test sets up, namely the client whose items stand in for those of every client without its own endpoint.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pydynox_core::codec::DataKeys;
use pydynox_core::error::Error;
use pydynox_core::events::Stream;
use pydynox_core::transport::Transport;
use pyo3::prelude::*;

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
    stand_in: Arc<dyn StandIn>,
    /// The transport of an engine inside this process: shared, since no other client can open it.
    embedded: Option<Arc<dyn Transport>>,
}

impl Stage {
    /// The transport that answers in place of the service.
    pub(crate) fn transport(&self, stream: &Arc<Stream>) -> Result<Arc<dyn Transport>, Error> {
        match &self.embedded {
            Some(embedded) => Ok(embedded.clone()),
            None => self.stand_in.transport(stream),
        }
    }

    /// The data keys in place of the service's.
    pub(crate) fn keys(&self, py: Python<'_>) -> PyResult<Arc<DataKeys>> {
        self.stand_in.keys(py)
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
        stand_in: stage.stand_in.clone(),
        embedded: stage.embedded.clone(),
    })
}

fn stages() -> MutexGuard<'static, Vec<Stage>> {
    STAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins a block: from now on, in all threads, clients without their own endpoint reach the items of this client.
pub(crate) fn begin(stand_in: Arc<dyn StandIn>, embedded: Option<Arc<dyn Transport>>) -> u64 {
    static NEXT: Mutex<u64> = Mutex::new(1);
    let id = {
        let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        *next
    };
    let mut stages = stages();
    stages.push(Stage {
        id,
        stand_in,
        embedded,
    });
    OPEN.store(stages.len(), Ordering::Relaxed);
    id
}

/// Ends a block, no matter which others began or ended in the meantime.
#[pyfunction]
#[pyo3(signature = (id, /))]
pub(crate) fn end_isolation(id: u64) {
    let mut stages = stages();
    let ended = stages
        .iter()
        .position(|stage| stage.id == id)
        .map(|position| stages.remove(position));
    OPEN.store(stages.len(), Ordering::Relaxed);
    drop(stages);
    drop(ended);
}
