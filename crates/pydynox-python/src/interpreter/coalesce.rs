//! Coalescing: reads inside a `batching()` block wait for the others of their turn of the event loop and are sent with them.

use std::time::Duration;

use pydynox_core::client::Client as CoreClient;
use pydynox_core::coalesce::{self, Read};
use pydynox_core::error::{Error, ErrorKind};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict};

use crate::interpreter::runtime::{Exchange, Guarded, Outcome};

/// The context variable that tells whether reads wait for others, once there was a block.
static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// A read that may be sent with others.
pub(crate) struct JoinableRead {
    pub(crate) client: CoreClient,
    pub(crate) timeout: Option<Duration>,
    pub(crate) read: Read,
}

impl JoinableRead {
    /// Whether both can be part of one request.
    pub(crate) fn goes_with(&self, other: &Self) -> bool {
        self.timeout == other.timeout && self.client.is_same(&other.client)
    }

    /// The read as a separate call.
    pub(crate) fn alone(self) -> Exchange {
        Box::pin(async move {
            let mut outcomes = coalesce::read(&self.client, self.timeout, vec![self.read]).await;
            outcomes.pop().unwrap_or_else(|| {
                Err(Error::new(
                    ErrorKind::Internal,
                    "a read without its outcome",
                ))
            })
        })
    }
}

/// Reads that belong together, as one exchange; its outcomes are in their order.
pub(crate) fn together(reads: Vec<JoinableRead>) -> Guarded<Vec<Outcome>> {
    Guarded(Box::pin(async move {
        let Some(first) = reads.first() else {
            return Ok(Vec::new());
        };
        let timeout = first.timeout;
        let clients: Vec<CoreClient> = reads.iter().map(|one| one.client.clone()).collect();
        // One request serves reads of several models, so its client must open the protected values of them all.
        let client = coalesce::joined(&clients[0], &clients);
        let reads = reads.into_iter().map(|one| one.read).collect();
        Ok(coalesce::read(&client, timeout, reads).await)
    }))
}

/// The context variable of `batching()` blocks: whether reads wait for others.
#[pyfunction]
pub(crate) fn batching_variable(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let variable = VARIABLE.get_or_try_init(py, || {
        let defaults: Bound<'_, PyDict> = [(intern!(py, "default"), false)].into_py_dict(py)?;
        let variable = py
            .import(intern!(py, "contextvars"))?
            .getattr(intern!(py, "ContextVar"))?
            .call(("pydynox_batching",), Some(&defaults))?;
        Ok::<_, PyErr>(variable.unbind())
    })?;
    Ok(variable.bind(py).clone())
}

/// Whether a read that starts here waits for others.
pub(crate) fn is_on(py: Python<'_>) -> PyResult<bool> {
    match VARIABLE.get(py) {
        None => Ok(false),
        Some(variable) => variable
            .bind(py)
            .call_method0(intern!(py, "get"))?
            .is_truthy(),
    }
}
