//! Expected results: what the end of a call becomes in Python; each verb defines it next to its request.

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::interpreter::runtime::Outcome;

/// Held by an operation until its call has ended.
pub(crate) trait Expected: Send {
    /// The result, or the error; instances change only here.
    fn resolve(self: Box<Self>, py: Python<'_>, outcome: Outcome) -> PyResult<Bound<'_, PyAny>>;

    /// The caller no longer waits for the answer. If the call was `sent`, its outcome will stay unknown: what it wrote counts as
    /// changed.
    fn give_up(self: Box<Self>, py: Python<'_>, sent: bool);

    /// Visits the objects that it holds.
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError>;
}
