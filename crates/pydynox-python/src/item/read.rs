//! Item reading: an item as an instance, in one pass over its bytes.

use std::ops::Range;

use pydynox_core::wire::{Reader, Writer};
use pyo3::prelude::*;

use crate::exceptions::{malformed, misfit};
use crate::interpreter::ffi;
use crate::model::instance::Instance;
use crate::model::schema::Schema;
use crate::model::snapshot::{Slot, Stored};
use crate::values::decode::{Decoder, skipped};
use crate::values::encode::{is_absent, write_attribute};
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::missing::{self, NOT_STORED};
use crate::values::problem;
use crate::values::unreadable::{Read, Unreadable};
use pydynox_core::field_set::FieldSet;

/// One item map as an instance of its model, in one pass.
pub(crate) fn read<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    schema: &Bound<'py, Schema>,
) -> PyResult<Bound<'py, Instance>> {
    let instance = ffi::allocate(schema.get().model(schema.py()))?.cast_into::<Instance>()?;
    let (stored, unset) = read_into(decoder, r, schema, &instance)?;
    let mut state = instance.borrow_mut();
    state.schema = Some(schema.clone().unbind());
    state.unset = unset;
    state.stored = Some(Box::new(stored));
    drop(state);
    Ok(instance)
}

/// Read an item map into an instance's attributes; returns what was read, and the fields that the item lacks. The caller sets the
/// instance's state.
pub(crate) fn read_into<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    schema: &Bound<'py, Schema>,
    instance: &Bound<'py, Instance>,
) -> PyResult<(Stored, FieldSet)> {
    let py = schema.py();
    let schema = schema.get();
    let mut unset = FieldSet::default();
    let broken = |error| malformed(py, &error);
    let mut slots = Vec::with_capacity(schema.len());
    slots.resize_with(schema.len(), || Slot::Absent);
    // Collected in the decoder's buffer, so that each instance allocates its bytes only once.
    let mut raw = decoder.take_scratch();
    let mut unknown = Vec::new();
    let mut expected = 0;
    let begin = r.position();
    r.begin_object().map_err(broken)?;
    while let Some(key) = r.next_key().map_err(broken)? {
        let position = if key.is_plain() {
            schema.by_attribute(key.raw(), expected)
        } else {
            schema.by_attribute(&key.decode().map_err(broken)?, usize::MAX)
        };
        let Some(index) = position else {
            let value = skipped(r).map_err(broken)?;
            if !unknown.is_empty() {
                unknown.push(b',');
            }
            unknown.push(b'"');
            // Still escaped, since it is only ever written again.
            unknown.extend_from_slice(key.raw().as_bytes());
            unknown.extend_from_slice(b"\":");
            unknown.extend_from_slice(&r.slice(value.start)[..value.len()]);
            continue;
        };
        expected = index + 1;
        let field = schema.field(index);
        r.peek().map_err(broken)?;
        let start = r.position();
        let failed = |problem| raise(py, problem, schema, field);
        let value = if schema.strict_reads {
            decoder.value(r, &field.kind).map_err(failed)?
        } else if let Some(value) = lenient(decoder, r, &field.kind).map_err(failed)? {
            value
        } else {
            let bytes = &r.slice(start)[..r.position() - start];
            let value = plain_value(decoder, bytes).map_err(failed)?;
            ffi::set_attribute(instance, field.name.bind(py), &value)?;
            slots[index] = Slot::Raw(value.unbind(), append(&mut raw, bytes));
            continue;
        };
        ffi::set_attribute(instance, field.name.bind(py), &value)?;
        if let Some(forms) = &schema.stored_forms
            && forms.watches(index)
        {
            let json = &r.slice(start)[..r.position() - start];
            forms.check(py, &schema.name, (index, field), json)?;
        }
        slots[index] = if field.scalar {
            Slot::Scalar(value.unbind())
        } else {
            Slot::Bytes(append(&mut raw, &r.slice(start)[..r.position() - start]))
        };
    }
    for (index, slot) in slots.iter_mut().enumerate() {
        if matches!(slot, Slot::Absent) {
            *slot = fill(instance, schema, schema.field(index), &mut raw)?;
            unset.insert(index);
        }
    }
    if let Some(forms) = &schema.stored_forms {
        forms.check_built(py, schema, &schema.templates, |index| {
            ffi::get_attribute(instance, schema.field(index).name.bind(py))
        })?;
    }
    let unknown = append(&mut raw, &unknown);
    let stored = Stored {
        slots: slots.into(),
        raw: raw.as_slice().into(),
        unknown,
        length: r.position() - begin,
    };
    decoder.keep_scratch(raw);
    Ok((stored, unset))
}

/// A value as its kind, or None where it has another type; the reader moves past it.
#[cold]
fn lenient<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    kind: &Kind,
) -> Read<Option<Bound<'py, PyAny>>> {
    // Skipped first: a reader that failed inside a value could not continue after it.
    let range = skipped(r)?;
    let mut alone = Reader::new(&r.slice(range.start)[..range.len()])?;
    match decoder.value(&mut alone, kind) {
        Ok(value) => Ok(Some(value)),
        Err(Unreadable::Misfit { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// A stored value as its own type.
pub(crate) fn plain_value<'py>(
    decoder: &mut Decoder<'py>,
    bytes: &[u8],
) -> Read<Bound<'py, PyAny>> {
    decoder.value(&mut Reader::new(bytes)?, &Kind::Any)
}

pub(crate) fn raise(py: Python<'_>, problem: Unreadable, schema: &Schema, field: &Field) -> PyErr {
    match problem {
        Unreadable::Malformed(error) => malformed(py, &error),
        Unreadable::Python(error) => error,
        Unreadable::Misfit { .. } if field.is_encrypted() => {
            let wanted = problem::wanted(&field.kind);
            let what =
                format!("the stored value, which is encrypted and not shown here, is not {wanted}");
            misfit(py, &schema.name, &field.text, "", &what)
        }
        Unreadable::Misfit { place, what } => misfit(py, &schema.name, &field.text, &place, &what),
    }
}

pub(crate) fn append(raw: &mut Vec<u8>, bytes: &[u8]) -> Range<u32> {
    // It fits: an item has at most 400 KB, and its JSON a few times that.
    let start = raw.len() as u32;
    raw.extend_from_slice(bytes);
    start..raw.len() as u32
}

/// Set an attribute that the stored item does not have: to its default, an empty container, or None.
#[cold]
fn fill(
    instance: &Bound<'_, Instance>,
    schema: &Schema,
    field: &Field,
    raw: &mut Vec<u8>,
) -> PyResult<Slot> {
    let py = instance.py();
    let name = field.name.bind(py);
    let value = missing::missing(py, field)?.ok_or_else(|| absent(py, schema, field))?;
    ffi::set_attribute(instance, name, &value)?;
    if is_absent(field, &value) {
        return Ok(Slot::Absent);
    }
    if field.scalar {
        return Ok(Slot::FilledScalar(value.unbind()));
    }
    let mut w = Writer::with_capacity(16);
    write_attribute(&mut w, field, &value, 0)
        .map_err(|problem| field.refuse(py, &schema.name, &problem))?;
    Ok(Slot::FilledBytes(append(raw, w.as_bytes())))
}

pub(crate) fn absent(py: Python<'_>, schema: &Schema, field: &Field) -> PyErr {
    misfit(
        py,
        &schema.name,
        &field.text,
        "",
        missing::problem(field, NOT_STORED),
    )
}
