//! Item writing: an instance as an item, written into a body.

use std::cell::Cell;

use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::item::changes::is_raw;
use crate::item::managed::Managed;
use crate::item::read::append;
use crate::item::rules::broken_rules;
use crate::model::item::Item;
use crate::model::problems::{Problems, refuse};
use crate::model::protection;
use crate::model::snapshot::{Slot, Stored};
use crate::values::encode::{self, is_absent, write_attribute};
use crate::values::field::Role;
use crate::values::kind::Kind;

thread_local! {
    /// Where bytes are collected, so that each instance allocates its own only once.
    static RAW: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Write the whole item, `{"name":{"S":"x"},...}`, including attributes that the model does not declare; returns the item as it
/// will be stored.
pub(crate) fn write(w: &mut Writer, item: &Item<'_, '_>) -> PyResult<Stored> {
    write_unless(w, item, &Managed::default(), Vec::new())
}

/// The same with what the write adds, unless a rule is broken.
pub(crate) fn write_checked(
    w: &mut Writer,
    item: &Item<'_, '_>,
    managed: &Managed<'_>,
) -> PyResult<Stored> {
    write_unless(w, item, managed, broken_rules(item, |_| true)?)
}

fn write_unless(
    w: &mut Writer,
    item: &Item<'_, '_>,
    managed: &Managed<'_>,
    mut problems: Problems,
) -> PyResult<Stored> {
    let py = item.py();
    let schema = item.model();
    let state = item.instance.borrow();
    let before = state.stored.as_deref();
    let mut slots = Vec::with_capacity(schema.len());
    let mut raw = RAW.take();
    raw.clear();
    w.byte(b'{');
    let empty = w.len();
    for (index, field) in schema.fields().enumerate() {
        let value = match managed.value(index) {
            Some(value) => value.clone(),
            None => item.value(field)?,
        };
        if is_absent(field, &value) {
            slots.push(Slot::Absent);
            continue;
        }
        let start = w.len();
        if start > empty {
            w.byte(b',');
        }
        w.raw(&field.label);
        let at = w.len();
        let old = before.map(|before| (before, &before.slots[index]));
        let raw_value = old.is_some_and(|(_, slot)| is_raw(field, slot, &value));
        let written = match old {
            Some(_) if raw_value => encode::write_value(w, &Kind::Any, &value, 0),
            // The stored form of a key is the item's address, whichever program wrote it.
            Some((before, Slot::Bytes(range))) if field.role != Role::Attribute => {
                w.raw(before.bytes(range));
                Ok(())
            }
            _ => write_attribute(w, field, &value, 0),
        };
        if let Err(problem) = written.and_then(|()| schema.fits_index(index, &w.as_bytes()[at..])) {
            problems.push((
                field.text.to_string(),
                field.describe(&schema.name, &problem),
            ));
            w.truncate(start);
            continue;
        }
        if let Some(filled) =
            before.and_then(|before| still_filled(before, index, &value, &w.as_bytes()[at..]))
        {
            let slot = match filled {
                Slot::FilledBytes(_) => Slot::FilledBytes(append(&mut raw, &w.as_bytes()[at..])),
                other => other.clone_ref(py),
            };
            slots.push(slot);
            w.truncate(start);
            continue;
        }
        let bytes = &w.as_bytes()[at..];
        slots.push(if raw_value {
            Slot::Raw(value.unbind(), append(&mut raw, bytes))
        } else if field.scalar {
            Slot::Scalar(value.unbind())
        } else {
            Slot::Bytes(append(&mut raw, bytes))
        });
        if field.protected.is_some() {
            protection::mark(w, at, field);
        }
    }
    refuse(py, schema, problems)?;
    let unknown = before.map_or(&[][..], |before| before.bytes(&before.unknown));
    if !unknown.is_empty() {
        if w.len() > empty {
            w.byte(b',');
        }
        w.raw(unknown);
    }
    w.byte(b'}');
    let unknown = append(&mut raw, unknown);
    let stored = Stored {
        slots: slots.into(),
        raw: raw.as_slice().into(),
        unknown,
        length: w.len() - empty,
    };
    if raw.capacity() <= 1 << 16 {
        RAW.set(raw);
    }
    Ok(stored)
}

/// The slot of a value that a default filled in and that has not been changed since.
fn still_filled<'a>(
    before: &'a Stored,
    index: usize,
    value: &Bound<'_, PyAny>,
    written: &[u8],
) -> Option<&'a Slot> {
    let slot = &before.slots[index];
    match slot {
        Slot::FilledScalar(filled) if filled.is(value) => Some(slot),
        Slot::FilledBytes(range) if before.bytes(range) == written => Some(slot),
        _ => None,
    }
}

/// Write the key of an instance, `{"user_id":{"S":"u1"}}`.
pub(crate) fn write_key(w: &mut Writer, item: &Item<'_, '_>) -> PyResult<()> {
    let py = item.py();
    let schema = item.model();
    let state = item.instance.borrow();
    let stored = state.stored.as_deref();
    w.byte(b'{');
    for (position, (index, field)) in schema.key_indexes().enumerate() {
        if position > 0 {
            w.byte(b',');
        }
        w.raw(&field.label);
        if let Some(stored) = stored
            && let Slot::Bytes(range) | Slot::Raw(_, range) = &stored.slots[index]
        {
            w.raw(stored.bytes(range));
            continue;
        }
        let value = item.value(field)?;
        encode::write_value(w, &field.kind, &value, 0)
            .map_err(|problem| field.refuse(py, &schema.name, &problem))?;
    }
    w.byte(b'}');
    Ok(())
}

/// The key of an instance, as the Key object that `Model.key` makes.
pub(crate) fn key_of<'py>(item: &Item<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
    let py = item.py();
    let fields = item.model().key_fields();
    let values = fields.map(|field| item.value(field));
    let values = values.collect::<PyResult<Vec<_>>>()?;
    item.model()
        .model(py)
        .call_method1("key", PyTuple::new(py, values)?)
}
