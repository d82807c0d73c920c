//! Whether a value can be stored for an attribute of its kind, and as what.

use std::sync::{Mutex, PoisonError};

use pydynox_core::unique::{LEAST_NUMBER, PREFIX};
use pydynox_core::wire::{Reader, Tag, Writer};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString};

use crate::interpreter::ffi;
use crate::values::encode::{is_empty_set, text_of, write_value};
use crate::values::encode_number::decimal_type;
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::problem::{Checked, Problem, python_error, wanted};
use crate::values::scalar;

/// Check a key's value: its type, and DynamoDB's constraints on keys.
pub(crate) fn admit_key<'py>(
    field: &Field,
    value: &Bound<'py, PyAny>,
) -> Checked<Bound<'py, PyAny>> {
    let value = admit(&field.kind, value)?;
    let limit = if field.role == crate::values::field::Role::PartitionKey {
        2048
    } else {
        1024
    };
    let length = match &field.kind {
        Kind::Str | Kind::Bytes => match value.cast::<PyString>() {
            Ok(_) => Some(text_of(&value)?.len()),
            Err(_) => value
                .cast::<PyBytes>()
                .ok()
                .map(|bytes| bytes.as_bytes().len()),
        },
        Kind::Enum(_) | Kind::Literal(_) | Kind::Codec(_) => key_length(&field.kind, &value)?,
        _ => None,
    };
    if field.role == crate::values::field::Role::PartitionKey && is_reserved(&value) {
        return Err(Problem::new(
            "is reserved: such keys belong to pydynox's own items, which keep values unique",
        ));
    }
    match length {
        Some(0) => Err(Problem::new("must not be empty: it is a key")),
        Some(length) if length > limit => Err(Problem::new(format!(
            "has {length} bytes; a key of this kind can have at most {limit}"
        ))),
        _ => Ok(value),
    }
}

/// Whether a partition key has the form of those of items that keep values unique.
pub(crate) fn is_reserved(value: &Bound<'_, PyAny>) -> bool {
    if let Ok(text) = value.cast::<PyString>() {
        return text.to_str().is_ok_and(|text| text.starts_with(PREFIX));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return bytes.as_bytes().starts_with(PREFIX.as_bytes());
    }
    value
        .extract::<f64>()
        .is_ok_and(|number| number >= LEAST_NUMBER)
}

/// A key's length in bytes, which only its written form tells; None for a number.
pub(crate) fn key_length(kind: &Kind, value: &Bound<'_, PyAny>) -> Checked<Option<usize>> {
    let mut w = Writer::with_capacity(32);
    write_value(&mut w, kind, value, 0)?;
    let read = || {
        let mut r = Reader::new(w.as_bytes())?;
        Ok(match r.begin_value()? {
            Tag::S => Some(Some(r.string()?.decode()?.len())),
            Tag::B => Some(Some(r.binary()?.len())),
            Tag::N => Some(None),
            _ => None,
        })
    };
    read()
        .map_err(|error: pydynox_core::wire::WireError| Problem::new(error.to_string()))?
        .ok_or_else(|| Problem::new("is a key, and is not stored as a string, a number or bytes"))
}

/// Check a value against a kind; returns the value to keep, which differs where a number was converted exactly.
#[inline]
pub(crate) fn admit<'py>(kind: &Kind, value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    match kind {
        Kind::Str if value.is_exact_instance_of::<PyString>() => admit_text(value),
        Kind::Bool if value.is_exact_instance_of::<PyBool>() => Ok(value.clone()),
        Kind::Int
            if value.is_exact_instance_of::<PyInt>() && ffi::small_integer(value).is_some() =>
        {
            Ok(value.clone())
        }
        Kind::Optional(_) if value.is_none() => Ok(value.clone()),
        Kind::Optional(inner) => {
            admit(inner, value).map_err(|problem| optional_problem(problem, inner))
        }
        Kind::Datetime(form) if form.floors() => scalar::floored(value),
        Kind::Float if is_ordinary_float(value) => Ok(value.clone()),
        Kind::Float if value.is_exact_instance_of::<PyInt>() => whole_float(value),
        Kind::Decimal if value.is_exact_instance_of::<PyInt>() => decimal_type(value.py())
            .and_then(|decimal| decimal.call1((value,)))
            .map_err(|error| python_error(value, &error)),
        _ if holds_text_alone(kind, value) => Ok(value.clone()),
        _ => admit_by_writing(kind, value),
    }
}

/// Containers of text alone are scanned, which is cheaper than writing them; writing finds what is wrong with others.
pub(crate) fn holds_text_alone(kind: &Kind, value: &Bound<'_, PyAny>) -> bool {
    match kind {
        Kind::List(inner) if matches!(**inner, Kind::Str) => value
            .cast_exact::<PyList>()
            .is_ok_and(|list| list.iter().all(|element| is_text(&element))),
        Kind::Set(inner) if matches!(**inner, Kind::Str) => value
            .cast_exact::<PySet>()
            .is_ok_and(|set| set.iter().all(|member| is_text(&member))),
        Kind::Dict(inner) if matches!(**inner, Kind::Str) => {
            value.cast_exact::<PyDict>().is_ok_and(|dict| {
                dict.iter()
                    .all(|(key, member)| is_name(&key) && is_text(&member))
            })
        }
        _ => false,
    }
}

#[inline]
pub(crate) fn is_text(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast_exact::<PyString>()
        .is_ok_and(|text| text.to_str().is_ok())
}

#[inline]
pub(crate) fn is_name(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast_exact::<PyString>()
        .is_ok_and(|text| text.to_str().is_ok_and(|name| !name.is_empty()))
}

/// A float well inside the range that `DynamoDB` stores: its text need not be produced to check it.
#[inline]
pub(crate) fn is_ordinary_float(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast_exact::<PyFloat>()
        .is_ok_and(|float| float.value() == 0.0 || (1e-100..1e100).contains(&float.value().abs()))
}

pub(crate) fn optional_problem(problem: Problem, inner: &Kind) -> Problem {
    let plain = format!("must be {}, not", wanted(inner));
    if problem.place.is_empty() && problem.what.starts_with(&plain) {
        return Problem {
            what: problem.what.replacen(
                &plain,
                &format!("must be {} or None, not", wanted(inner)),
                1,
            ),
            ..problem
        };
    }
    problem
}

#[inline]
pub(crate) fn admit_text<'py>(value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    text_of(value).map(|_| value.clone())
}

pub(crate) fn whole_float<'py>(value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    let float = value
        .py()
        .get_type::<PyFloat>()
        .call1((value,))
        .map_err(|error| python_error(value, &error))?;
    match float.eq(value) {
        Ok(true) => Ok(float),
        _ => Err(Problem::new("is an int that a float cannot hold exactly")),
    }
}

/// What can be assigned is what can be written: one set of rules.
pub(crate) fn admit_by_writing<'py>(
    kind: &Kind,
    value: &Bound<'py, PyAny>,
) -> Checked<Bound<'py, PyAny>> {
    static SCRATCH: Mutex<Option<Writer>> = Mutex::new(None);
    let taken = SCRATCH
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let mut scratch = taken.unwrap_or_else(|| Writer::with_capacity(1024));
    let written = match kind.present() {
        // An attribute with an empty set is stored as absent.
        Kind::Set(_) if is_empty_set(value) && value.is_instance_of::<PySet>() => Ok(()),
        Kind::FrozenSet(_) if is_empty_set(value) && value.is_instance_of::<PyFrozenSet>() => {
            Ok(())
        }
        present => write_value(&mut scratch, present, value, 0),
    };
    let large = scratch.len() > 1 << 20;
    scratch.truncate(0);
    if !large {
        *SCRATCH.lock().unwrap_or_else(PoisonError::into_inner) = Some(scratch);
    }
    written.map(|()| value.clone())
}
