//! The operators of sizes and of sums, as Python sees them.

use pydynox_core::expression::action;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{PyTraverseError, PyVisit};

use crate::model::condition::Condition;
use crate::model::path::{Size, Term};

#[pymethods]
impl Size {
    fn __repr__(&self) -> String {
        format!("<size of {}>", self.0.get().label())
    }

    fn compare(&self, comparator: &str, other: &Bound<'_, PyAny>) -> PyResult<Condition> {
        self.left().compare(comparator, other)
    }

    fn between(&self, low: &Bound<'_, PyAny>, high: &Bound<'_, PyAny>) -> PyResult<Condition> {
        self.left().between(low, high)
    }

    fn is_in(&self, values: &Bound<'_, PyTuple>) -> PyResult<Condition> {
        self.left().among(values)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

#[pymethods]
impl Term {
    fn __repr__(&self) -> String {
        let set = action::Action::set(self.base.get().place.clone(), self.term.clone());
        let text = set.to_string();
        format!(
            "<term {}>",
            text.split_once(" = ").map_or("", |(_, term)| term)
        )
    }

    fn plus(&self, py: Python<'_>, amount: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.with(py, amount, action::Term::Plus)
    }

    fn minus(&self, py: Python<'_>, amount: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.with(py, amount, action::Term::Minus)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.base)
    }
}
