//! A condition, with the models that it is about.

use pydynox_core::expression::condition;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// A test on an item, made by comparing paths. Combine with ``&``, ``|`` and ``~``.
#[pyclass(frozen, subclass, module = "pydynox._core")]
pub(crate) struct Condition {
    pub(crate) tree: condition::Condition,
    /// The classes through which its paths were taken.
    pub(crate) owners: Vec<Py<PyType>>,
    /// Whether it compares what is stored, whatever that means.
    pub(crate) stored: bool,
}

impl Condition {
    pub(crate) fn joined(&self, py: Python<'_>, other: &Self, tree: condition::Condition) -> Self {
        let mut owners: Vec<_> = self
            .owners
            .iter()
            .map(|owner| owner.clone_ref(py))
            .collect();
        for owner in &other.owners {
            if !owners.iter().any(|other| other.is(owner)) {
                owners.push(owner.clone_ref(py));
            }
        }
        // Both, since one comparison with a plaintext value is enough to be refused.
        let stored = self.stored && other.stored;
        Self {
            tree,
            owners,
            stored,
        }
    }
}
