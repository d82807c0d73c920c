//! Names, statements and cursors as callers give them: a lone surrogate in one, which UTF-8 cannot store, is refused by saying where
//! it is.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::exceptions::{configuration_error, validation_error};

/// The text of a name, a statement or the like; `what` says what it is.
pub(crate) fn text<'a>(value: &'a Bound<'_, PyString>, what: &str) -> PyResult<&'a str> {
    value
        .to_str()
        .map_err(|_| validation_error(value.py(), &lone(value, what)))
}

/// The same where something is declared or set up.
pub(crate) fn declared<'a>(value: &'a Bound<'_, PyAny>, what: &str) -> PyResult<&'a str> {
    value
        .cast::<PyString>()?
        .to_str()
        .map_err(|_| configuration_error(value.py(), &lone(value, what)))
}

fn lone(value: &Bound<'_, PyAny>, what: &str) -> String {
    let value_repr = value
        .repr()
        .map(|value_repr| value_repr.to_string())
        .unwrap_or_default();
    format!("{what} {value_repr} contains a lone surrogate, which UTF-8 cannot store")
}

fn given<'a>(value: &'a Bound<'_, PyAny>, what: &str) -> PyResult<&'a str> {
    text(value.cast::<PyString>()?, what)
}

fn some<'a, 'py, T>(
    value: &'a Bound<'py, PyAny>,
    of: impl FnOnce(&'a Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<Option<T>> {
    if value.is_none() {
        Ok(None)
    } else {
        of(value).map(Some)
    }
}

pub(crate) fn table<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    given(value, "the table name")
}

pub(crate) fn index<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a str>> {
    some(value, |value| given(value, "the index name"))
}

pub(crate) fn operation<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    given(value, "the operation")
}

pub(crate) fn statement<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    given(value, "the statement")
}

pub(crate) fn token<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a str>> {
    some(value, one_token)
}

pub(crate) fn one_token<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    given(value, "the token")
}

pub(crate) fn cursor<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    given(value, "the cursor")
}

pub(crate) fn audience<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a str>> {
    some(value, |value| given(value, "audience="))
}

pub(crate) fn attribute_type<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    given(value, "the type")
}

pub(crate) fn attribute_name<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    declared(value, "the attribute name")
}

pub(crate) fn declared_table<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a str>> {
    some(value, |value| declared(value, "the table name"))
}

pub(crate) fn logical_table<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a str>> {
    some(value, |value| declared(value, "logical_table="))
}

pub(crate) fn entity<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a str>> {
    some(value, |value| declared(value, "entity="))
}

pub(crate) fn entity_attribute<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    declared(value, "entity_attribute=")
}

pub(crate) fn endpoint_url<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    declared(value, "endpoint_url=")
}

/// Refuses settings that hold such a text, in tuples too.
pub(crate) fn check_settings(settings: &Bound<'_, PyDict>) -> PyResult<()> {
    for (name, value) in settings.iter() {
        let name = name.to_string();
        let holds = |value: &Bound<'_, PyAny>| {
            value.cast::<PyString>().is_ok_and(|text| {
                // What the system names a file is not always UTF-8.
                let is_path = name == "ca_bundle" && text.extract::<PathBuf>().is_ok();
                text.to_str().is_err() && !is_path
            })
        };
        let parts = value.cast::<PyTuple>();
        if holds(&value) || parts.is_ok_and(|parts| parts.iter().any(|part| holds(&part))) {
            // Of credentials no part is shown.
            let message = format!("{name}= contains a lone surrogate, which UTF-8 cannot store");
            return Err(configuration_error(settings.py(), &message));
        }
    }
    Ok(())
}
