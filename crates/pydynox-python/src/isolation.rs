//! What a test sets up: the client whose items stand in for those of every client without an endpoint of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pydynox_core::codec::DataKeys;
use pydynox_core::transport::Transport;
use pyo3::prelude::*;

use crate::client::Client;
use crate::error::configuration_error;

/// The blocks that are open, the inner one last. Only ever locked while the interpreter is held, and never across a call that
/// lets go of it, so a fork cannot inherit it locked.
static STAGES: Mutex<Vec<Stage>> = Mutex::new(Vec::new());

/// How many there are: all that a program without tests ever looks at.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// One block.
pub(crate) struct Stage {
    /// No two blocks of a process have the same.
    pub(crate) id: u64,
    pub(crate) client: Py<Client>,
    /// Of an engine inside this process: shared, since nobody else can open it.
    pub(crate) embedded: Option<Arc<dyn Transport>>,
}

impl Stage {
    /// The data keys that stand in for those of a service that no test may ask.
    pub(crate) fn keys(&self, py: Python<'_>) -> PyResult<Arc<DataKeys>> {
        let settings = &self.client.get().settings;
        if !settings.needs_a_service_for_keys()
            && let Some(keys) = settings.keys(py)?
        {
            return Ok(keys);
        }
        Err(configuration_error(
            py,
            "a KmsKeyring without an endpoint_url= would ask AWS KMS, which no test reaches: give the test's DynamoDB a keyring to \
             stand in for it, as the fixture dynamodb_options: {\"keyring\": LocalKeyring({\"test\": os.urandom(32)})}",
        ))
    }
}

/// Whether a test is under way.
pub(crate) fn is_on() -> bool {
    OPEN.load(Ordering::Relaxed) > 0
}

/// The innermost block; None outside of tests.
pub(crate) fn current(py: Python<'_>) -> Option<Stage> {
    if !is_on() {
        return None;
    }
    stages().last().map(|stage| Stage {
        id: stage.id,
        client: stage.client.clone_ref(py),
        embedded: stage.embedded.clone(),
    })
}

fn stages() -> MutexGuard<'static, Vec<Stage>> {
    STAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begin a block: from now on, in all threads, what has no endpoint of its own reaches the items of this client.
#[pyfunction]
#[pyo3(signature = (client, /))]
pub(crate) fn begin_isolation(client: &Bound<'_, Client>) -> PyResult<u64> {
    static NEXT: Mutex<u64> = Mutex::new(1);
    let embedded = client.get().embedded_transport(client.py())?;
    let id = {
        let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        *next
    };
    let mut stages = stages();
    stages.push(Stage {
        id,
        client: client.clone().unbind(),
        embedded,
    });
    OPEN.store(stages.len(), Ordering::Relaxed);
    Ok(id)
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
