//! All that is wrong with an instance, told at once.

use pydynox_core::error::Error;
use pyo3::prelude::*;

use crate::exceptions::{validation_error, validation_errors};
use crate::model::schema::Schema;

/// All that is wrong with an instance, `(attribute, message)`.
pub(crate) type Problems = Vec<(String, String)>;

/// Refuse an instance if anything is wrong with it; what is wrong comes in the order of the class.
pub(crate) fn refuse(py: Python<'_>, schema: &Schema, mut problems: Problems) -> PyResult<()> {
    if problems.is_empty() {
        return Ok(());
    }
    problems.sort_by_key(|(name, _)| schema.position(name));
    Err(validation_errors(py, problems))
}

/// An error of the core about an expression, as validation has it.
pub(crate) fn refused(py: Python<'_>, error: &Error) -> PyErr {
    validation_error(py, error.message())
}
