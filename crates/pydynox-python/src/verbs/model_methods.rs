//! Model members without I/O, seen from Python: JSON text, `DynamoDB`'s own form, sizes, and pickling.

use pydynox_core::size::item_size;
use pydynox_core::wire::marks::unmarked;
use pydynox_core::wire::{Reader, Writer};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::answer::decoded::read_instance;
use crate::connection::connection::Connected;
use crate::exceptions::{internal, malformed, validation_error, validation_errors};
use crate::interpreter::ffi;
use crate::item::{applied, read, sealed, write};
use crate::model::entity;
use crate::model::instance::Instance;
use crate::model::item::Item;
use crate::model::schema::Schema;
use crate::model::snapshot::{Slot, Stored};
use crate::values::admit::admit;
use crate::values::decode::Decoder;
use crate::values::encode::write_attribute;
use crate::values::field::Default;
use crate::values::kind::Kind;
use crate::values::{decode_json, service_json};
use crate::write::size_check;
use pydynox_core::field_set::FieldSet;

/// The whole item as a dictionary in `DynamoDB`'s JSON.
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn to_item<'py>(instance: &Bound<'py, Instance>) -> PyResult<Bound<'py, PyAny>> {
    let item = Item::of(instance)?;
    let (py, model) = (item.py(), item.model());
    let json = plain_item(&item)?;
    if model.encrypts() {
        let message = format!(
            "{} has encrypted attributes, which only a write encrypts: save() it, or model_dump() what is not secret",
            model.name
        );
        return Err(validation_error(py, &message));
    }
    let read = || decode_json::json(py, &mut Reader::new(&json)?);
    read().map_err(|_| internal(py, "an item of pydynox that cannot be read"))
}

/// An instance from a dictionary in `DynamoDB`'s JSON, treated as stored.
#[pyfunction]
#[pyo3(signature = (schema, item, /))]
pub(crate) fn from_item<'py>(
    schema: &Bound<'py, Schema>,
    item: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, Instance>> {
    let item = given_item(schema, item)?;
    let schema = entity::reader_of(schema, &item)?;
    let remedy = |name: &str| format!("await client.model_from_item({name}, item)");
    sealed::refuse_sealed(&schema, &item, remedy)?;
    read_instance(schema.py(), &item, &schema)
}

/// An item given in `DynamoDB`'s own form, as JSON text.
pub(crate) fn given_item(
    schema: &Bound<'_, Schema>,
    item: &Bound<'_, PyDict>,
) -> PyResult<Vec<u8>> {
    let mut w = Writer::with_capacity(1024);
    service_json::write(&mut w, item.as_any(), 0)?;
    // Measured because that checks the form of every value; the size itself is not needed.
    if let Err(problem) = item_size(w.as_bytes()) {
        let name = &schema.get().name;
        return Err(validation_error(
            schema.py(),
            &format!(
                "{name}.model_from_item takes DynamoDB's JSON, such as {{\"name\": {{\"S\": \"Ada\"}}}}: {problem}"
            ),
        ));
    }
    Ok(w.into_bytes())
}

/// The item's size in bytes as stored: in total, and by attribute. `client` has the keyring for protected values.
#[pyfunction]
#[pyo3(signature = (instance, client, /))]
pub(crate) fn size<'py>(
    instance: &Bound<'py, Instance>,
    client: Option<&Bound<'py, Connected>>,
) -> PyResult<(usize, Bound<'py, PyDict>)> {
    let item = Item::of(instance)?;
    let py = item.py();
    let size = match client.and_then(|client| {
        let settings = &client.get().0.settings;
        Some((settings, item.model().protected_in(settings)?))
    }) {
        Some((settings, protected)) => {
            let mut w = Writer::with_capacity(1024);
            write::write(&mut w, &item)?;
            size_check::protected_size(py, settings, &protected, w.as_bytes())?
        }
        _ => item_size(&plain_item(&item)?).map_err(|error| malformed(py, &error))?,
    };
    let attributes = PyDict::new(py);
    for (name, bytes) in size.attributes {
        attributes.set_item(name, bytes)?;
    }
    Ok((size.total, attributes))
}

/// The whole item, with protected values as they are.
fn plain_item(item: &Item<'_, '_>) -> PyResult<Vec<u8>> {
    let mut w = Writer::with_capacity(1024);
    write::write(&mut w, item)?;
    Ok(match item.model().protected {
        None => w.into_bytes(),
        Some(_) => unmarked(w.as_bytes()),
    })
}

/// The pickled form of an instance.
type Pickled<'py> = (
    Bound<'py, PyDict>,
    Option<Vec<u8>>,
    Vec<String>,
    Vec<String>,
);

/// The parts of an instance: its values, the item read or written, the fields whose fate is unknown, and those never set.
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn pickled<'py>(instance: &Bound<'py, Instance>) -> PyResult<Pickled<'py>> {
    let item = Item::of(instance)?;
    let (py, schema) = (item.py(), item.model());
    let values = PyDict::new(py);
    for field in schema.fields() {
        values.set_item(&field.name, item.value(field)?)?;
    }
    let state = instance.borrow();
    let stored = state.stored.as_deref();
    let json = stored
        .map(|stored| stored_item(py, schema, stored))
        .transpose()?;
    // By name: the class that restores it may have other fields, or in another order.
    let unsettled = state.unsettled.iter();
    let unsettled = unsettled
        .map(|index| schema.field(*index).text.to_string())
        .collect();
    let unset = schema.fields().enumerate();
    let unset = unset
        .filter(|(index, _)| state.unset.contains(*index))
        .map(|(_, field)| field.text.to_string())
        .collect();
    Ok((values, json, unsettled, unset))
}

/// The item as read or written.
fn stored_item(py: Python<'_>, schema: &Schema, stored: &Stored) -> PyResult<Vec<u8>> {
    let mut w = Writer::with_capacity(stored.length);
    w.byte(b'{');
    let empty = w.len();
    let comma = |w: &mut Writer| {
        if w.len() > empty {
            w.byte(b',');
        }
    };
    for (field, slot) in schema.fields().zip(&*stored.slots) {
        match slot {
            Slot::Absent | Slot::FilledScalar(_) | Slot::FilledBytes(_) => {}
            Slot::Scalar(value) => {
                comma(&mut w);
                w.raw(&field.label);
                write_attribute(&mut w, field, value.bind(py), 0)
                    .map_err(|problem| field.refuse(py, &schema.name, &problem))?;
            }
            Slot::Bytes(range) | Slot::Raw(_, range) => {
                comma(&mut w);
                w.raw(&field.label);
                w.raw(stored.bytes(range));
            }
        }
    }
    let unknown = stored.bytes(&stored.unknown);
    if !unknown.is_empty() {
        comma(&mut w);
        w.raw(unknown);
    }
    w.byte(b'}');
    Ok(w.into_bytes())
}

/// An instance from what `pickled` gave. The class may have changed since: an attribute it no longer has stays in the item.
#[pyfunction]
#[pyo3(signature = (model, values, item, unsettled, unset, /))]
pub(crate) fn restored<'py>(
    model: &Bound<'py, PyType>,
    values: &Bound<'py, PyDict>,
    item: Option<&[u8]>,
    unsettled: Vec<String>,
    unset: Vec<String>,
) -> PyResult<Bound<'py, Instance>> {
    let py = model.py();
    let schema = model.getattr("_schema")?.cast_into::<Schema>()?;
    let instance = if let Some(item) = item {
        let mut r = Reader::new(item).map_err(|error| malformed(py, &error))?;
        read::read(&mut Decoder::new(py), &mut r, &schema)?
    } else {
        let instance = ffi::allocate(model)?.cast_into::<Instance>()?;
        instance.borrow_mut().schema = Some(schema.clone().unbind());
        fill_new(&instance, schema.get(), values)?;
        instance
    };
    // After the item: what differs from it is an unsaved change again.
    applied::keep_changed(&Item::of(&instance)?, values)?;
    let position = |name: String| schema.get().position(&name);
    let mut state = instance.borrow_mut();
    state.unsettled = unsettled.into_iter().filter_map(position).collect();
    state.unset = FieldSet::default();
    for index in unset.into_iter().filter_map(position) {
        state.unset.insert(index);
    }
    drop(state);
    Ok(instance)
}

/// Give a new instance defaults for the values that it lacks.
fn fill_new(
    instance: &Bound<'_, Instance>,
    schema: &Schema,
    values: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let py = instance.py();
    let mut problems = Vec::new();
    for field in schema.fields() {
        let name = field.name.bind(py);
        if values.contains(name)? {
            continue;
        }
        match &field.default {
            Default::Value(value) => ffi::set_attribute(instance, name, value.bind(py))?,
            Default::Factory(factory) => {
                ffi::set_attribute(instance, name, &factory.bind(py).call0()?)?;
            }
            Default::Required => {
                let message = format!(
                    "{}.{} is missing: the instance was pickled before the class had it",
                    schema.name, field.text
                );
                problems.push((field.text.to_string(), message));
            }
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(validation_errors(py, problems))
    }
}

/// Whether a value can be stored for an attribute of this kind.
#[pyfunction]
#[pyo3(signature = (kind, value, /))]
pub(crate) fn fits(kind: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(admit(&Kind::parse(kind)?, value).is_ok())
}
