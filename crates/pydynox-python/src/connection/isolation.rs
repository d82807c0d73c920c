//! What a test sets up: the client whose items stand in for those of every client without an endpoint of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pydynox_core::codec::DataKeys;
use pydynox_core::error::Error;
use pydynox_core::transport::Transport;
use pyo3::prelude::*;

/// The blocks that are open, the inner one last. Only ever locked while the interpreter is held, and never across a call that
/// lets go of it, so a fork cannot inherit it locked.
static STAGES: Mutex<Vec<Stage>> = Mutex::new(Vec::new());

/// How many there are: all that a program without tests ever looks at.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// What a test has in place of the service.
pub(crate) trait StandIn: Send + Sync {
    /// What answers.
    fn transport(&self) -> Result<Arc<dyn Transport>, Error>;

    /// The data keys that stand in for those of a service that no test may ask.
    fn keys(&self, py: Python<'_>) -> PyResult<Arc<DataKeys>>;
}

/// One block.
pub(crate) struct Stage {
    /// No two blocks of a process have the same.
    pub(crate) id: u64,
    stand_in: Arc<dyn StandIn>,
    /// Of an engine inside this process: shared, since nobody else can open it.
    embedded: Option<Arc<dyn Transport>>,
}

impl Stage {
    /// What answers in place of the service.
    pub(crate) fn transport(&self) -> Result<Arc<dyn Transport>, Error> {
        match &self.embedded {
            Some(embedded) => Ok(embedded.clone()),
            None => self.stand_in.transport(),
        }
    }

    /// The data keys in place of the service's.
    pub(crate) fn keys(&self, py: Python<'_>) -> PyResult<Arc<DataKeys>> {
        self.stand_in.keys(py)
    }
}

/// Whether a test is under way.
pub(crate) fn is_on() -> bool {
    OPEN.load(Ordering::Relaxed) > 0
}

/// The innermost block; None outside of tests.
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

/// Begin a block: from now on, in all threads, what has no endpoint of its own reaches the items of this client.
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

/// End a block, whatever others were begun or ended meanwhile.
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
