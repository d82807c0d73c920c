//! The key of an item: given by a caller, written into a body, read from an item.

use pydynox_core::batch::KeyNames;
use pydynox_core::wire::{Reader, WireError, Writer};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::exceptions::malformed;
use crate::model::schema::Schema;
use crate::values::decode::Decoder;
use crate::values::encode;
use crate::values::unreadable::unreadable;

/// The address of an item: its schema, the values of its key, and what templates made the key of.
pub(crate) type Key<'py> = (
    Bound<'py, Schema>,
    Bound<'py, PyTuple>,
    Option<Bound<'py, PyDict>>,
);

pub(crate) fn key_names(table: String, schema: &Schema) -> KeyNames {
    KeyNames {
        table: table.into(),
        names: schema.key_names.clone(),
    }
}

/// Write a key of checked values, partition key first.
pub(crate) fn write_key(w: &mut Writer, schema: &Schema, key: &Bound<'_, PyTuple>) -> PyResult<()> {
    w.byte(b'{');
    for (position, (field, value)) in schema.key_fields().zip(key.iter()).enumerate() {
        if position > 0 {
            w.byte(b',');
        }
        w.raw(&field.label);
        encode::write_value(w, &field.kind, &value, 0)
            .map_err(|problem| field.refuse(key.py(), &schema.name, &problem))?;
    }
    w.byte(b'}');
    Ok(())
}

/// The values of the key of an item.
pub(crate) fn key_values<'py>(
    decoder: &mut Decoder<'py>,
    schema: &Schema,
    bytes: &[u8],
    keyless: impl Fn(&str) -> PyErr,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = decoder.py();
    let broken = |error: WireError| malformed(py, &error);
    let mut values = Vec::with_capacity(2);
    for field in schema.key_fields() {
        let Some(place) = member(bytes, &field.attribute_name).map_err(broken)? else {
            return Err(keyless(&field.attribute_name));
        };
        if let Some(forms) = &schema.stored_forms
            && let Some(index) = schema.position(&field.text)
            && forms.watches(index)
        {
            forms.check(py, &schema.name, (index, field), &bytes[place.clone()])?;
        }
        let mut reader = Reader::new(&bytes[place]).map_err(broken)?;
        let value = decoder.value(&mut reader, &field.kind);
        let label = || format!("{}.{}", schema.name, field.text);
        values.push(value.map_err(|problem| unreadable(py, problem, &label()))?);
    }
    PyTuple::new(py, values)
}

pub(crate) fn member(item: &[u8], name: &str) -> Result<Option<std::ops::Range<usize>>, WireError> {
    let mut reader = Reader::new(item)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        let place = crate::values::decode::skipped(&mut reader)?;
        if key.equals(name) {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// A table whose keys are known by name.
pub(crate) fn named(table: String, keys: Vec<String>) -> KeyNames {
    KeyNames {
        table: table.into(),
        names: keys.into_iter().map(Into::into).collect(),
    }
}
