//! An action of an update, seen from Python.

use pydynox_core::expression::action;
use pyo3::prelude::*;
use pyo3::types::PyType;
use pyo3::{PyTraverseError, PyVisit};

/// One thing that an update does to an item, made by a path: ``User.age.add(1)``.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Action {
    pub(crate) action: action::Action,
    /// The class through which its path was taken.
    pub(crate) owner: Option<Py<PyType>>,
}

#[pymethods]
impl Action {
    /// The text of the action with its values, as DynamoDB's expressions are written; ``repr`` shows it without values.
    fn explain(&self) -> String {
        self.action.explain()
    }

    fn __repr__(&self) -> String {
        format!("<action {}>", self.action)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.owner
            .as_ref()
            .map_or(Ok(()), |owner| visit.call(owner))
    }
}
