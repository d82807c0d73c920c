//! Plain JSON from Python values: the body of an operation that is passed through.

use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDateTime, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyTzInfoAccess,
};

use crate::exceptions::validation_error;
use crate::interpreter::text::text;
use crate::values::decode_json::base64_text;
use crate::values::encode_number::decimal_type;

/// More levels than any request of DynamoDB has; stops a list that holds itself.
const MAX_DEPTH: usize = 128;

/// Write a value as JSON. Bytes become base64 text, as DynamoDB's protocol has them.
pub(crate) fn write(w: &mut Writer, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<()> {
    write_named(w, value, depth, None)
}

/// The same; `name` is that of the member that the value is.
fn write_named(
    w: &mut Writer,
    value: &Bound<'_, PyAny>,
    depth: usize,
    name: Option<&str>,
) -> PyResult<()> {
    let py = value.py();
    if depth > MAX_DEPTH {
        return Err(validation_error(py, "the request is nested too deeply"));
    }
    if let Ok(text) = value.cast::<PyString>() {
        w.string(text_of(text, name)?);
    } else if let Ok(dict) = value.cast::<PyDict>() {
        write_object(w, dict, depth)?;
    } else if let Ok(list) = value.cast::<PyList>() {
        write_array(w, list.iter(), depth, name)?;
    } else if let Ok(tuple) = value.cast::<PyTuple>() {
        write_array(w, tuple.iter(), depth, name)?;
    } else if value.is_none() {
        w.raw(b"null");
    } else if let Ok(flag) = value.cast::<PyBool>() {
        w.raw(if flag.is_true() { b"true" } else { b"false" });
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        w.string(&base64_text(bytes.as_bytes()));
    } else if let Some(seconds) = seconds(value)? {
        w.raw(seconds.to_string().as_bytes());
    } else if value.is_exact_instance_of::<PyInt>() || is_finite(value)? {
        w.raw(value.str()?.to_str()?.as_bytes());
    } else {
        let got = value.get_type().qualname()?;
        return Err(validation_error(
            py,
            &format!("a request is JSON; {got} cannot be part of it"),
        ));
    }
    Ok(())
}

/// The text of a member of this name; it may be a value that no message shows.
fn text_of<'a>(value: &'a Bound<'_, PyString>, name: Option<&str>) -> PyResult<&'a str> {
    value.to_str().map_err(|_| {
        let message = format!(
            "the request's {} contains a lone surrogate, which UTF-8 cannot store",
            name.unwrap_or("text")
        );
        validation_error(value.py(), &message)
    })
}

/// A point in time as DynamoDB's protocol has it, in seconds since 1970; boto3 returns it as a `datetime`.
fn seconds(value: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
    match value.cast::<PyDateTime>() {
        Ok(at) if at.get_tzinfo().is_some() => at.call_method0("timestamp")?.extract().map(Some),
        _ => Ok(None),
    }
}

fn is_finite(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(float.value().is_finite());
    }
    if value.is_instance(decimal_type(value.py())?)? {
        return value.call_method0("is_finite")?.is_truthy();
    }
    Ok(false)
}

fn write_object(w: &mut Writer, dict: &Bound<'_, PyDict>, depth: usize) -> PyResult<()> {
    w.byte(b'{');
    for (index, (key, member)) in dict.iter().enumerate() {
        if index > 0 {
            w.byte(b',');
        }
        let Ok(key) = key.cast::<PyString>() else {
            return Err(validation_error(
                dict.py(),
                "the names in a request are str",
            ));
        };
        let name = text(key, "a name in the request:")?;
        w.string(name);
        w.byte(b':');
        write_named(w, &member, depth + 1, Some(name))?;
    }
    w.byte(b'}');
    Ok(())
}

fn write_array<'py>(
    w: &mut Writer,
    elements: impl Iterator<Item = Bound<'py, PyAny>>,
    depth: usize,
    name: Option<&str>,
) -> PyResult<()> {
    w.byte(b'[');
    for (index, element) in elements.enumerate() {
        if index > 0 {
            w.byte(b',');
        }
        write_named(w, &element, depth + 1, name)?;
    }
    w.byte(b']');
    Ok(())
}
