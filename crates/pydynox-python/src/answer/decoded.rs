//! Decoded answers: their items as instances, each of its own model, or as plain values.

use std::ops::Range;

use pydynox_core::call::Answer;
use pydynox_core::operation::get_item;
use pydynox_core::unique;
use pydynox_core::wire::Reader;
use pyo3::prelude::*;

use crate::exceptions::{malformed, unusable};
use crate::item::{managed, read};
use crate::model::entity::{self, Owner};
use crate::model::instance::{Instance, unsettle};
use crate::model::schema::Schema;
use crate::values::decode::Decoder;
use crate::values::decode_json;
use crate::values::unreadable::unreadable;

pub(crate) fn item_of(py: Python<'_>, body: &[u8]) -> PyResult<Option<Range<usize>>> {
    get_item::item(body).map_err(|error| malformed(py, &error))
}

pub(crate) fn missing_member(py: Python<'_>, name: &str) -> PyErr {
    unusable(py, &format!("it has no {name}"))
}

pub(crate) fn plain_item<'py>(py: Python<'py>, item: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let read = || Decoder::new(py).item(&mut Reader::new(item)?);
    Ok(read()
        .map_err(|problem| unreadable(py, problem, "item"))?
        .into_any())
}

pub(crate) fn read_instance<'py>(
    py: Python<'py>,
    body: &[u8],
    schema: &Bound<'py, Schema>,
) -> PyResult<Bound<'py, Instance>> {
    let mut r = Reader::new(body).map_err(|error| malformed(py, &error))?;
    read::read(&mut Decoder::new(py), &mut r, schema)
}

/// An item as an instance of its own class; None if the reader's model does not see it: an item of another entity, or an expired
/// one.
pub(crate) fn read_owned<'py>(
    py: Python<'py>,
    item: &[u8],
    schema: &Bound<'py, Schema>,
) -> PyResult<Option<Bound<'py, Instance>>> {
    let mut r = Reader::new(item).map_err(|error| malformed(py, &error))?;
    read_owned_by(&mut Decoder::new(py), &mut r, schema)
}

/// The same for one item of several: the one at the cursor, which then moves past it.
pub(crate) fn read_owned_by<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    schema: &Bound<'py, Schema>,
) -> PyResult<Option<Bound<'py, Instance>>> {
    let py = decoder.py();
    let broken = |error| malformed(py, &error);
    let model = schema.get();
    // An index on the keys of the table contains guard items too.
    let is_guard =
        !model.unique.is_empty() && unique::is_guard(r.clone(), &model.item).map_err(broken)?;
    let owner = if is_guard {
        Owner::Foreign
    } else {
        entity::owner(schema, &r.clone())?
    };
    let other;
    let owner = match owner {
        Owner::Own => schema,
        Owner::Other(schema) => {
            other = schema;
            &other
        }
        Owner::Foreign => {
            r.pass().map_err(broken)?;
            return Ok(None);
        }
    };
    let instance = read::read(decoder, r, owner)?;
    let is_over = owner.get().rules.hides_expired && managed::is_expired(&instance)?;
    Ok((!is_over).then_some(instance))
}

/// An item as an instance of its own class, or of the reader's.
pub(crate) fn read_any<'py>(
    py: Python<'py>,
    item: &[u8],
    schema: &Bound<'py, Schema>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut r = Reader::new(item).map_err(|error| malformed(py, &error))?;
    let mut decoder = Decoder::new(py);
    let instance = match entity::owner(schema, &r)? {
        Owner::Other(schema) => read::read(&mut decoder, &mut r, &schema)?,
        // The caller has changed or deleted this item by its key, so it is theirs to see.
        Owner::Own | Owner::Foreign => read::read(&mut decoder, &mut r, schema)?,
    };
    Ok(instance.into_any())
}

/// The item of an answer as an instance of its model; None if it has no item of this model.
pub(crate) fn own_item<'py>(
    py: Python<'py>,
    answer: &Answer,
    item: Option<Range<usize>>,
    schema: &Bound<'py, Schema>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(range) = item else {
        return Ok(py.None().into_bound(py));
    };
    let Some(instance) = read_owned(py, &answer.body[range], schema)? else {
        return Ok(py.None().into_bound(py));
    };
    unsettle(&instance, &answer.migrated, 0)?;
    Ok(instance.into_any())
}

/// The service's JSON as plain values.
pub(crate) fn wire<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let read = || {
        let mut reader = Reader::new(body)?;
        let value = decode_json::json(py, &mut reader)?;
        reader.end()?;
        Ok(value)
    };
    read().map_err(|problem| unreadable(py, problem, "item"))
}

/// From now on, an instance counts as read, like `fresh`.
pub(crate) fn settle(instance: &Bound<'_, Instance>, fresh: &Bound<'_, Instance>) {
    let (stored, unset) = {
        let mut read = fresh.borrow_mut();
        (read.stored.take(), std::mem::take(&mut read.unset))
    };
    let mut state = instance.borrow_mut();
    state.unset = unset;
    let before = std::mem::replace(&mut state.stored, stored);
    state.unsettled = Box::default();
    drop(state);
    drop(before);
}
