//! What is stored of an instance's attributes, as it was read or written last.

use pydynox_core::wire::{Reader, Writer};
use pyo3::prelude::*;
use pyo3::types::{PyFrozenSet, PySet};

use crate::item::read::{plain_value, raise};
use crate::model::item::Item;
use crate::model::schema::Schema;
use crate::model::snapshot::{Slot, Stored};
use crate::values::decode::Decoder;
use crate::values::encode::write_attribute;
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::unreadable::Read;

/// What an attribute was before it was changed; None where there was nothing.
pub(crate) fn old_value<'py>(
    py: Python<'py>,
    schema: &Schema,
    field: &Field,
    stored: &Stored,
    slot: &Slot,
) -> PyResult<Bound<'py, PyAny>> {
    match slot {
        // DynamoDB stores no empty set, so a missing one was an empty one.
        Slot::Absent if matches!(field.kind, Kind::Set(_)) => Ok(PySet::empty(py)?.into_any()),
        Slot::Absent if matches!(field.kind, Kind::FrozenSet(_)) => {
            Ok(PyFrozenSet::empty(py)?.into_any())
        }
        Slot::Absent => Ok(py.None().into_bound(py)),
        Slot::Scalar(value) | Slot::FilledScalar(value) => Ok(value.bind(py).clone()),
        Slot::Raw(_, range) => plain_value(&mut Decoder::new(py), stored.bytes(range))
            .map_err(|problem| raise(py, problem, schema, field)),
        Slot::Bytes(range) | Slot::FilledBytes(range) => {
            let read = || -> Read<Bound<'py, PyAny>> {
                Decoder::new(py).value(&mut Reader::new(stored.bytes(range))?, &field.kind)
            };
            read().map_err(|problem| raise(py, problem, schema, field))
        }
    }
}

/// What is stored of an attribute; None where nothing was read or written.
pub(crate) fn stored_value<'py>(
    item: &Item<'_, 'py>,
    index: usize,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = item.py();
    let schema = item.model();
    let state = item.instance.borrow();
    state
        .stored
        .as_deref()
        .map(|stored| {
            old_value(
                py,
                schema,
                schema.field(index),
                stored,
                &stored.slots[index],
            )
        })
        .transpose()
}

/// The stored form of an attribute; None where the item has no such attribute.
pub(crate) fn stored_json(item: &Item<'_, '_>, index: usize) -> PyResult<Option<Vec<u8>>> {
    let py = item.py();
    let field = item.model().field(index);
    let state = item.instance.borrow();
    let Some(stored) = state.stored.as_deref() else {
        return Ok(None);
    };
    match &stored.slots[index] {
        Slot::Absent | Slot::FilledScalar(_) | Slot::FilledBytes(_) => Ok(None),
        Slot::Bytes(range) | Slot::Raw(_, range) => Ok(Some(stored.bytes(range).to_vec())),
        Slot::Scalar(value) => {
            let mut w = Writer::with_capacity(32);
            write_attribute(&mut w, field, value.bind(py), 0)
                .map_err(|problem| field.refuse(py, &item.model().name, &problem))?;
            Ok(Some(w.into_bytes()))
        }
    }
}
