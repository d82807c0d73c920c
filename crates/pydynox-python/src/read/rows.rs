//! Rows: a stored item as a row of a query, which is an instance, its JSON, values at paths, or a key.

use bytes::Bytes;
use pydynox_core::start_key::{StartKey, key_in};
use pydynox_core::wire::{Reader, WireError, Writer};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::answer::failure::locate;
use crate::exceptions::{malformed, unusable, validation_error};
use crate::item::{json_row, read};
use crate::model::entity::{self, Owner};
use crate::model::key::key_values;
use crate::model::schema::Schema;
use crate::read::search::{Rows, Search};
use crate::values::decode::Decoder;
use crate::values::unreadable::unreadable;
use crate::values::{encode, service_json};

/// The key of a row, with the names that another row's key has, as JSON text.
pub(crate) fn key_like(
    py: Python<'_>,
    search: &Search,
    other: &[u8],
    item: &[u8],
) -> PyResult<Bytes> {
    let other = StartKey::parse(other).map_err(|error| malformed(py, &error))?;
    let names: Vec<&str> = other.names().collect();
    let key = key_in(item, &names).map_err(|error| malformed(py, &error))?;
    let key = key.ok_or_else(|| {
        let names = names.join("' and '");
        match (&search.schema, &search.rows) {
            (None, Rows::Places(..)) => validation_error(
                py,
                &format!("a page says where it begins by the key of its first row: add '{names}' to select()"),
            ),
            _ => keyless(py, &names),
        }
    })?;
    // In one order of names, whatever order the item has.
    let key = StartKey::parse(&key).map_err(|error| malformed(py, &error))?;
    Ok(key.to_json())
}

/// One item as a row.
pub(crate) fn row<'py>(
    decoder: &mut Decoder<'py>,
    search: &Search,
    bytes: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    let py = decoder.py();
    let broken = |error: WireError| malformed(py, &error);
    match (&search.rows, &search.schema) {
        (Rows::Items, Some(schema)) => {
            let schema = schema.bind(py);
            let mut reader = Reader::new(bytes).map_err(broken)?;
            match entity::owner(schema, &reader.clone())? {
                Owner::Own => Ok(read::read(decoder, &mut reader, schema)?.into_any()),
                Owner::Other(other) => Ok(read::read(decoder, &mut reader, &other)?.into_any()),
                Owner::Foreign => Err(entity::foreign(schema)),
            }
        }
        (Rows::Json(names), Some(schema)) => {
            let schema = schema.bind(py);
            let mut reader = Reader::new(bytes).map_err(broken)?;
            let mut w = Writer::with_capacity(bytes.len());
            let names = names.as_deref();
            match entity::owner(schema, &reader)? {
                Owner::Own => json_row::write(decoder, &mut w, &mut reader, schema.get(), names)?,
                Owner::Other(other) => {
                    json_row::write(decoder, &mut w, &mut reader, other.get(), names)?;
                }
                Owner::Foreign => return Err(entity::foreign(schema)),
            }
            Ok(PyBytes::new(py, w.as_bytes()).into_any())
        }
        (Rows::Items | Rows::Json(_) | Rows::Keys(_), None) => plain(decoder, bytes),
        (Rows::Places(paths, projection), _) => {
            let mut values = Vec::with_capacity(paths.len());
            for (position, path) in paths.iter().enumerate() {
                let path = path.get();
                let Some(place) = projection.find(bytes, position).map_err(broken)? else {
                    values.push(path.missing(py)?);
                    continue;
                };
                let mut reader = Reader::new(&bytes[place]).map_err(broken)?;
                let value = decoder.value(&mut reader, path.kind());
                let value = value.map_err(|problem| {
                    let error = unreadable(py, problem, &path.label());
                    path.tell_owner(py, error)
                });
                values.push(value?);
            }
            Ok(PyTuple::new(py, values)?.into_any())
        }
        (Rows::Keys(_), Some(schema)) => {
            let values = key_values(decoder, schema.get(), bytes, |name| keyless(py, name))?;
            Ok(values.into_any())
        }
    }
}

/// The values of an item's key, as its model has them. The item has plain values, or is in `DynamoDB`'s JSON.
#[pyfunction]
#[pyo3(signature = (schema, item, wire, /))]
pub(crate) fn key_of_item<'py>(
    schema: &Bound<'py, Schema>,
    item: &Bound<'py, PyDict>,
    wire: bool,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = schema.py();
    let mut w = Writer::with_capacity(512);
    if wire {
        service_json::write(&mut w, item.as_any(), 0)?;
    } else {
        encode::write_item(&mut w, item)
            .map_err(|problem| validation_error(py, &problem.describe("", "item")))?;
    }
    let model = schema.get();
    key_values(&mut Decoder::new(py), model, w.as_bytes(), |name| {
        let message = format!("{}: the item lacks its key attribute '{name}'", model.name);
        validation_error(py, &message)
    })
}

/// The error for a row without its key.
#[cold]
pub(crate) fn keyless(py: Python<'_>, names: &str) -> PyErr {
    unusable(py, &format!("a row lacks its key, '{names}'"))
}

pub(crate) fn plain<'py>(decoder: &mut Decoder<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let py = decoder.py();
    let mut reader = Reader::new(bytes).map_err(|error| malformed(py, &error))?;
    let item = decoder.item(&mut reader);
    Ok(item
        .map_err(|problem| unreadable(py, problem, "item"))?
        .into_any())
}

/// Adds to an error which row it is about.
#[cold]
pub(crate) fn describe(
    py: Python<'_>,
    error: &PyErr,
    search: &Search,
    bytes: &[u8],
) -> PyResult<()> {
    let mut decoder = Decoder::new(py);
    let raw = plain(&mut decoder, bytes)?;
    let value = error.value(py);
    value.setattr(intern!(py, "raw"), &raw)?;
    match &search.schema {
        Some(schema) => locate(py, error, schema.get(), bytes),
        None => Ok(()),
    }
}
