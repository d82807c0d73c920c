//! The attributes of a model from a dictionary or from JSON, before the constructor checks them.

use pydynox_core::wire::Reader;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::exceptions::{internal, validation_error};
use crate::model::schema::Schema;
use crate::values::decode::Decoder;
use crate::values::input::{Form, convert};
use crate::values::plain::object;
use crate::values::unreadable::{Read, Unreadable};

/// The values of a dictionary as the attributes of a model have them, and what is wrong; what is wrong stays as it was given.
#[pyfunction]
#[pyo3(signature = (schema, values, /))]
pub(crate) fn from_plain<'py>(
    schema: &Bound<'py, Schema>,
    values: &Bound<'py, PyDict>,
) -> PyResult<(Bound<'py, PyDict>, Refused)> {
    let schema = schema.get();
    let converted = PyDict::new(values.py());
    let mut refused = Vec::new();
    for (name, value) in values.iter() {
        let field = name
            .cast::<PyString>()
            .ok()
            .and_then(|name| schema.by_name(name, usize::MAX))
            .map(|index| schema.field(index))
            // What pydynox sets is passed on as it was given: a version may be the one that the caller expects to be stored.
            .filter(|field| !field.is_made());
        let value = match field.map(|field| (field, convert(&field.kind, &value, Form::Json))) {
            None => value,
            Some((_, Ok(converted))) => converted,
            Some((field, Err(problem))) => {
                refused.push((
                    field.text.to_string(),
                    field.describe(&schema.name, &problem),
                ));
                value
            }
        };
        converted.set_item(name, value)?;
    }
    Ok((converted, refused))
}

/// The members of a JSON object by the attributes of a model, numbers of decimals with all their digits.
#[pyfunction]
#[pyo3(signature = (schema, text, /))]
pub(crate) fn parse_json<'py>(
    schema: &Bound<'py, Schema>,
    text: &[u8],
) -> PyResult<Bound<'py, PyDict>> {
    let py = schema.py();
    let schema = schema.get();
    let named =
        |what: &str| validation_error(py, &format!("{}.model_validate_json {what}", schema.name));
    let mut decoder = Decoder::new(py);
    let mut read = || -> Read<Option<Bound<'py, PyDict>>> {
        let mut r = Reader::new(text)?;
        if r.peek()? != b'{' {
            return Ok(None);
        }
        let members = object(&mut decoder, &mut r, schema)?;
        r.end()?;
        Ok(Some(members))
    };
    match read() {
        Ok(Some(members)) => Ok(members),
        Ok(None) => Err(named("takes a JSON object")),
        Err(Unreadable::Python(error)) => Err(error),
        Err(Unreadable::Malformed(error)) => {
            Err(named(&format!("got text that is not JSON: {error}")))
        }
        Err(Unreadable::Misfit { what, .. }) => Err(internal(py, &what)),
    }
}

/// What is wrong, by the attribute's name.
type Refused = Vec<(String, String)>;
