//! Pydantic models from dictionaries: validated by their class, with its refusals as ours.

use pydynox_core::wire::Writer;
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::values::input::Form;
use crate::values::json_encode;
use crate::values::kind::{Kind, Pydantic};
use crate::values::problem::{Checked, Problem, python_error};

/// A pydantic model of a dictionary, by the names of its fields or their aliases.
pub(super) fn pydantic<'py>(
    model: &Pydantic,
    value: &Bound<'py, PyAny>,
    form: Form,
) -> Checked<Bound<'py, PyAny>> {
    let Ok(dict) = value.cast::<PyDict>() else {
        return Ok(value.clone());
    };
    validated(model, dict, form).map_err(|error| match refusals(&error, value.py()) {
        Some(why) => Problem::echoing(
            format!("is refused by {}: {why}", model.name),
            format!("is refused by {}", model.name),
        ),
        None => python_error(value, &error),
    })
}

pub(super) fn validated<'py>(
    model: &Pydantic,
    dict: &Bound<'py, PyDict>,
    form: Form,
) -> PyResult<Bound<'py, PyAny>> {
    let py = dict.py();
    let class = model.class.bind(py);
    let options = model.options.bind(py).copy()?;
    if options.contains("by_alias")? {
        options.set_item("by_alias", true)?;
    }
    let dict = dict.copy()?;
    // A dump has the computed fields; no input has them.
    for name in class
        .getattr(intern!(py, "__pydantic_computed_fields__"))?
        .try_iter()?
    {
        let name = name?;
        if dict.contains(&name)? {
            dict.del_item(name)?;
        }
    }
    let mut text = Writer::with_capacity(128);
    if form == Form::Json
        && json_encode::write(&mut text, &Kind::Any, &dict, 0, false).is_ok()
        && let Ok(model_instance) = class.call_method(
            intern!(py, "model_validate_json"),
            (PyBytes::new(py, text.as_bytes()),),
            Some(&options),
        )
    {
        return Ok(model_instance);
    }
    class.call_method(intern!(py, "model_validate"), (dict,), Some(&options))
}

/// What pydantic refuses, without the values.
pub(super) fn refusals(error: &PyErr, py: Python<'_>) -> Option<String> {
    if !error.is_instance_of::<PyException>(py) {
        return None;
    }
    let messages = || -> PyResult<String> {
        let options = PyDict::new(py);
        for name in ["include_url", "include_input", "include_context"] {
            options.set_item(name, false)?;
        }
        let mut messages = Vec::new();
        for problem in error
            .value(py)
            .call_method("errors", (), Some(&options))?
            .try_iter()?
        {
            let problem = problem?;
            let steps: Vec<String> = problem
                .get_item("loc")?
                .try_iter()?
                .map(|step| Ok(step?.str()?.to_string()))
                .collect::<PyResult<_>>()?;
            messages.push(format!("{}: {}", steps.join("."), problem.get_item("msg")?));
        }
        Ok(messages.join("; "))
    };
    Some(messages().unwrap_or_else(|_| error.value(py).to_string()))
}
