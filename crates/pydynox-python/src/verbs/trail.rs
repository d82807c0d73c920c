//! The trail of a reading that Python carries from page to page.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use pydynox_core::pagination;
use pyo3::prelude::*;

use crate::exceptions::raise;

/// The positions that answers ended at.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Trail {
    operation: Box<str>,
    trail: Mutex<pagination::Trail>,
}

#[pymethods]
impl Trail {
    /// Of the answers of this operation, read on from here.
    #[new]
    fn new(operation: &str, start: Option<&str>) -> Self {
        let start = start.map(|start| Bytes::copy_from_slice(start.as_bytes()));
        Self {
            operation: operation.into(),
            trail: Mutex::new(pagination::Trail::after(start)),
        }
    }

    /// Note where an answer ended; refuses to go in a circle.
    fn note(&self, py: Python<'_>, position: &str) -> PyResult<()> {
        let position = Bytes::copy_from_slice(position.as_bytes());
        let noted = self
            .trail
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note(&position);
        noted.map_err(|error| raise(py, &error.with_operation(&*self.operation)))
    }
}
