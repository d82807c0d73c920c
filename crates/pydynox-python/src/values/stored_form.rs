//! Stored forms of enum members, tuples, and values of a codec's class.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::values::kind::{Codec, Kind, Members, Pydantic};
use crate::values::problem::{Checked, Problem, python_error, wrong_type};

/// The stored form of a member of an enum or `Literal`.
pub(crate) fn value_of<'py>(
    members: &Members,
    value: &Bound<'py, PyAny>,
) -> Checked<Bound<'py, PyAny>> {
    let py = value.py();
    if let Some(class) = &members.class {
        return match value.is_instance(class.bind(py)) {
            Ok(true) => value
                .getattr(intern!(py, "_value_"))
                .map_err(|error| python_error(value, &error)),
            _ => Err(wrong_type(&members.name, value)),
        };
    }
    // In Python `1 == True`: the type decides too. What cannot be hashed is not a member.
    let member = members.by_value.bind(py).get_item(value).ok().flatten();
    match member {
        Some(member) if member.get_type().is(value.get_type()) => Ok(member),
        _ => {
            let value_repr = value.repr().map_or_else(
                |_| "another value".into(),
                |value_repr| value_repr.to_string(),
            );
            Err(Problem::echoing(
                format!("must be {}, not {value_repr}", members.name),
                format!("must be {}", members.name),
            ))
        }
    }
}

/// A tuple with one element per kind.
pub(crate) fn tuple_of<'a, 'py>(
    kinds: &[Kind],
    value: &'a Bound<'py, PyAny>,
) -> Checked<&'a Bound<'py, PyTuple>> {
    let tuple = value
        .cast::<PyTuple>()
        .map_err(|_| wrong_type("tuple", value))?;
    if tuple.len() == kinds.len() {
        return Ok(tuple);
    }
    Err(Problem::new(format!(
        "must have {} elements, not {}",
        kinds.len(),
        tuple.len()
    )))
}

/// What a codec stores for a value.
pub(crate) fn to_stored<'py>(
    codec: &Codec,
    value: &Bound<'py, PyAny>,
) -> Checked<Bound<'py, PyAny>> {
    let py = value.py();
    if let Some(class) = &codec.class
        && !value.is_instance(class.bind(py)).unwrap_or(false)
    {
        return Err(wrong_type(&codec.name, value));
    }
    codec
        .object
        .bind(py)
        .call_method1(intern!(py, "to_stored"), (value,))
        .map_err(|error| python_error(value, &error))
}

pub(crate) fn check_pydantic(model: &Pydantic, value: &Bound<'_, PyAny>) -> Checked<()> {
    // A subclass has fields unknown to this class: they would be lost.
    if value.get_type().is(model.class.bind(value.py())) {
        Ok(())
    } else {
        Err(wrong_type(&model.name, value))
    }
}
