//! A place in an item as callers name it: a text such as `address.lines[0]`, or a list of its steps.

use pydynox_core::expression::path::{self, Step};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyString, PyTuple};

use crate::exceptions::validation_error;
use crate::interpreter::text;
use crate::model::problems::refused;

/// The text of a name, which is one that UTF-8 can store.
pub(crate) fn name_of<'a>(text: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    text::text(text, "the name")
}

/// A place as callers name it: by a text such as `address.lines[0]`, or by a list of its steps, each name as it is.
pub(crate) fn place_of(path: &Bound<'_, PyAny>) -> PyResult<path::Path> {
    let py = path.py();
    if let Ok(text) = path.cast::<PyString>() {
        return path::Path::parse(name_of(text)?).map_err(|error| refused(py, &error));
    }
    let wrong = || {
        Ok::<_, PyErr>(PyTypeError::new_err(format!(
            "a path is a text such as \"address.city\", or a list of names and positions such as [\"a.b\", 0, \"c\"], not {}",
            path.repr()?
        )))
    };
    if !path.is_instance_of::<PyList>() && !path.is_instance_of::<PyTuple>() {
        return Err(wrong()?);
    }
    let mut steps = Vec::with_capacity(path.len()?);
    for step in path.try_iter()? {
        let step = step?;
        if let Ok(name) = step.cast::<PyString>() {
            steps.push(Step::Name(name_of(name)?.into()));
        } else if let Ok(index) = step.extract()
            && !step.is_instance_of::<PyBool>()
        {
            steps.push(Step::Index(index));
        } else {
            return Err(wrong()?);
        }
    }
    path::Path::literal(steps).map_err(|error| refused(py, &error))
}

/// That a path of several names was meant to be one name with dots.
#[cold]
pub(crate) fn split_name(py: Python<'_>, name: &str) -> PyErr {
    validation_error(
        py,
        &format!(
            "attr({name:?}) is a path inside another attribute, but there is an attribute with exactly this name: write attr([{name:?}])"
        ),
    )
}
