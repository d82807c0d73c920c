//! How Python combines conditions, and how it shows them.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::model::condition::Condition;
use crate::model::path::Path;
use crate::model::problems::refused;

#[pymethods]
impl Condition {
    /// What a boolean path is by itself.
    #[new]
    #[pyo3(signature = (path, /, *_rest))]
    fn new(path: &Bound<'_, PyAny>, _rest: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let Ok(path) = path.cast::<Path>() else {
            return Err(PyTypeError::new_err(
                "conditions are made by comparing paths, as in User.age > 3",
            ));
        };
        let truth = PyBool::new(path.py(), true);
        path.get().left().compare("=", truth.as_any())
    }

    fn __and__(&self, other: &Bound<'_, Self>) -> PyResult<Self> {
        let (py, other) = (other.py(), other.get());
        let joined = self.tree.and(&other.tree);
        joined
            .map(|tree| self.joined(py, other, tree))
            .map_err(|error| refused(py, &error))
    }

    fn __or__(&self, other: &Bound<'_, Self>) -> PyResult<Self> {
        let (py, other) = (other.py(), other.get());
        let joined = self.tree.or(&other.tree);
        joined
            .map(|tree| self.joined(py, other, tree))
            .map_err(|error| refused(py, &error))
    }

    fn __invert__(&self, py: Python<'_>) -> PyResult<Self> {
        let opposite = self.tree.not();
        opposite
            .map(|tree| self.joined(py, self, tree))
            .map_err(|error| refused(py, &error))
    }

    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err(format!(
            "the condition {} has no truth value in Python: use & | ~ instead of and, or, not, write a.between(x, y) for x <= a <= y, and put parentheses around each comparison",
            self.tree
        )))
    }

    /// The text of the condition with its values, as DynamoDB's expressions are written; ``repr`` shows it without values.
    fn explain(&self) -> String {
        self.tree.explain()
    }

    fn __repr__(&self) -> String {
        format!("<condition {}>", self.tree)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.owners.iter().try_for_each(|owner| visit.call(owner))
    }
}
