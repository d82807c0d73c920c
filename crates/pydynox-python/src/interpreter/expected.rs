//! What the end of a call becomes in Python: each verb says so beside its request.

use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::interpreter::runtime::Outcome;

/// Held by an operation until its call has ended.
pub(crate) trait Expected: Send {
    /// The result, or the error; instances change only here.
    fn resolve(self: Box<Self>, py: Python<'_>, outcome: Outcome) -> PyResult<Bound<'_, PyAny>>;

    /// Nobody waits for the answer any more. Where the call was `sent`, nobody will know what came of it either: what it wrote
    /// counts as changed.
    fn give_up(self: Box<Self>, py: Python<'_>, sent: bool);

    /// Shows the objects that it holds.
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError>;
}
