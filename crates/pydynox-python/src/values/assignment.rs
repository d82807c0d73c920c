//! Attributes of an object, passed and assigned: the keyword constructor, checked assignment, equality.

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::exceptions::{suggestion, validation_errors};
use crate::interpreter::ffi;
use crate::values::field::{Default, Field};
use crate::values::layout::{Layout, sorted};
use crate::values::plain::admitted;
use pydynox_core::field_set::FieldSet;

/// The keyword constructor: checks every value, given or default, and reports all problems together. Returns the fields
/// that have their default.
pub(crate) fn construct(
    target: &Bound<'_, PyAny>,
    layout: &Layout,
    positional: &Bound<'_, PyTuple>,
    values: Option<&Bound<'_, PyDict>>,
) -> PyResult<FieldSet> {
    let py = target.py();
    if !positional.is_empty() {
        return Err(PyTypeError::new_err(by_name(layout, positional.len())));
    }
    let mut problems = Vec::new();
    let mut unset = FieldSet::default();
    let (given, unknown) = sorted(layout, values);
    for (index, (field, given)) in layout.fields().zip(given).enumerate() {
        if given.is_none() {
            unset.insert(index);
        }
        let name = field.name.bind(py);
        let value = match (given, &field.default) {
            (Some(_), _) if field.is_made() => {
                let (model, name) = (&layout.name, &field.text);
                let by = if field.is_managed() {
                    "managed by pydynox"
                } else {
                    "built from other attributes"
                };
                let message = format!("{model}.{name} is {by}: it is not a parameter");
                problems.push((name.to_string(), message));
                continue;
            }
            (Some(given), _) => admitted(field, &given),
            (None, Default::Value(value)) => Ok(value.bind(py).clone()),
            (None, Default::Factory(factory)) => admitted(field, &factory.bind(py).call0()?),
            (None, Default::Required) => {
                problems.push((
                    field.text.to_string(),
                    format!("{}.{} is missing", layout.name, field.text),
                ));
                continue;
            }
        };
        match value {
            Ok(value) => {
                if field.rules.is_some() && !field.default.is(&value) {
                    problems.extend(broken(layout, field, &value)?);
                }
                ffi::set_attribute(target, name, &value)?;
            }
            Err(problem) => problems.push((
                field.text.to_string(),
                field.describe(&layout.name, &problem),
            )),
        }
    }
    for key in unknown {
        problems.push((key.to_string(), unknown_attribute(layout, &key)?));
    }
    if problems.is_empty() {
        Ok(unset)
    } else {
        Err(validation_errors(py, problems))
    }
}

/// Checked assignment to an attribute; returns its position.
pub(crate) fn assign(
    target: &Bound<'_, PyAny>,
    layout: &Layout,
    name: &Bound<'_, PyString>,
    value: &Bound<'_, PyAny>,
) -> PyResult<usize> {
    let Some(index) = layout.by_name(name, usize::MAX) else {
        return Err(PyAttributeError::new_err(unknown_attribute(layout, name)?));
    };
    let field = layout.field(index);
    let value = admitted(field, value)
        .map_err(|problem| field.refuse(target.py(), &layout.name, &problem))?;
    assign_checked(target, layout, index, &value)?;
    Ok(index)
}

/// Why an attribute cannot be deleted.
pub(crate) fn undeletable(
    target: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
) -> PyResult<PyErr> {
    let class = target.get_type().name()?;
    Ok(PyAttributeError::new_err(format!(
        "{class}.{name} cannot be deleted: an instance is always whole; assign None to remove the attribute"
    )))
}

/// Whether two objects have the same class and equal attributes.
pub(crate) fn equal<'py>(
    one: &Bound<'py, PyAny>,
    other: &Bound<'py, PyAny>,
    layout: &Layout,
) -> PyResult<Bound<'py, PyAny>> {
    let py = one.py();
    if !one.get_type().is(other.get_type()) {
        return Ok(py.NotImplemented().into_bound(py));
    }
    for field in layout.fields().filter(|field| !field.is_hidden()) {
        let name = field.name.bind(py);
        if !ffi::get_attribute(one, name)?.eq(ffi::get_attribute(other, name)?)? {
            return Ok(false.into_pyobject(py)?.to_owned().into_any());
        }
    }
    Ok(true.into_pyobject(py)?.to_owned().into_any())
}

/// The rules of its field that a value breaks, in the form of `ValidationError.errors`.
#[cold]
pub(crate) fn broken(
    layout: &Layout,
    field: &Field,
    value: &Bound<'_, PyAny>,
) -> PyResult<Vec<(String, String)>> {
    let problems = field.broken_rules(value)?;
    let named = |what| {
        let message = format!("{}.{}{what}", layout.name, field.text);
        (field.text.to_string(), message)
    };
    Ok(problems.into_iter().map(named).collect())
}

/// Set an attribute that has rules. They may be the user's own code, so nothing is borrowed while they run.
pub(crate) fn assign_checked(
    instance: &Bound<'_, PyAny>,
    layout: &Layout,
    index: usize,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = instance.py();
    let field = layout.field(index);
    let problems = broken(layout, field, value)?;
    if problems.is_empty() {
        ffi::set_attribute(instance, field.name.bind(py), value)
    } else {
        Err(validation_errors(py, problems))
    }
}

/// How to pass the values that came without a name.
pub(crate) fn by_name(layout: &Layout, count: usize) -> String {
    let names: Vec<_> = layout
        .fields()
        .take(count)
        .map(|field| format!("{}=...", field.text))
        .collect();
    format!(
        "{0} takes its attributes by name, not by position: {0}({1})",
        layout.name,
        names.join(", ")
    )
}

pub(crate) fn unknown_attribute(layout: &Layout, name: &Bound<'_, PyString>) -> PyResult<String> {
    let names: Vec<&str> = layout.fields().map(|field| &*field.text).collect();
    Ok(format!(
        "{} has no attribute '{name}'{}",
        layout.name,
        suggestion(name, &names)?
    ))
}
