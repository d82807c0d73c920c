//! Why a value has no dump: a problem of the value itself, or an exception of Python code.

use pyo3::PyErr;

use crate::values::problem::Problem;

/// Why there is no dump.
pub(super) enum Failure {
    Problem(Problem),
    Python(PyErr),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl Failure {
    pub(super) fn within(self, step: &str) -> Self {
        match self {
            Self::Problem(problem) => Self::Problem(problem.within(step)),
            Self::Python(error) => Self::Python(error),
        }
    }

    pub(super) fn within_key(self, key: impl std::fmt::Debug) -> Self {
        match self {
            Self::Problem(problem) => Self::Problem(problem.within_key(key)),
            Self::Python(error) => Self::Python(error),
        }
    }
}
