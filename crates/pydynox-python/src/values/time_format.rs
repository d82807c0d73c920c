//! Formats of datetimes, dates and times, as the declaration of a class asks about them.

use pydynox_core::time::{Form, Of};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::interpreter::text;

fn named(of: &str) -> Of {
    match of {
        "date" => Of::Date,
        "time" => Of::Time,
        _ => Of::Datetime,
    }
}

/// Whether a format stores numbers, and why it does not sort as time does; a `ValueError` where there is no such format.
#[pyfunction]
#[pyo3(signature = (of, format, /))]
pub(crate) fn time_format(of: &str, format: &Bound<'_, PyAny>) -> PyResult<(bool, Option<String>)> {
    let format = text::declared(format, "format=")?;
    let form = Form::declared(format, named(of))
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((form.is_number(), form.order_problem()))
}
