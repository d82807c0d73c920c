//! Items of several models in one table: the schema by which each is read.

use pydynox_core::expression::condition::Condition;
use pydynox_core::wire::Reader;
use pydynox_core::write::entity::Owner as Named;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::exceptions::{malformed, misfit, raise, validation_error};
use crate::interpreter::text;
use crate::model::schema::Schema;

/// Of which model an item is, in the eyes of one that reads it.
pub(crate) enum Owner<'py> {
    /// The reader's own.
    Own,
    /// A subclass of the reader.
    Other(Bound<'py, Schema>),
    /// One that the reader does not see.
    Foreign,
}

/// Of which model the item at a cursor is.
pub(crate) fn owner<'py>(schema: &Bound<'py, Schema>, item: &Reader<'_>) -> PyResult<Owner<'py>> {
    let py = schema.py();
    let model = schema.get();
    let subclasses = model.entities.bind(py);
    let owner = model
        .rules
        .entities
        .owner(item, || !subclasses.is_empty())
        .map_err(|error| malformed(py, &error))?;
    match owner {
        Named::Own => Ok(Owner::Own),
        Named::Foreign => Ok(Owner::Foreign),
        Named::Named(name) => named(schema, &name),
    }
}

/// The subclass whose items have this name.
fn named<'py>(schema: &Bound<'py, Schema>, name: &str) -> PyResult<Owner<'py>> {
    let py = schema.py();
    let model = schema.get();
    let name = PyString::new(py, name);
    if let Some(schema) = model.entities.bind(py).get_item(&name)?
        && let Ok(schema) = schema.cast_into::<Schema>()
    {
        return Ok(Owner::Other(schema));
    }
    // A class whose annotations named what was yet to come may be known by now.
    let schema = model
        .model(py)
        .call_method1(intern!(py, "_find_entity"), (&name,))?;
    if let Ok(schema) = schema.cast_into::<Schema>() {
        return Ok(Owner::Other(schema));
    }
    if !model.rules.entities.reads_all() {
        return Ok(Owner::Foreign);
    }
    Err(misfit(
        py,
        &model.name,
        &model.rules.entities.attribute,
        "",
        &format!(
            "the stored item is a {entity_repr}, and no subclass declares entity={entity_repr}",
            entity_repr = name.repr()?
        ),
    ))
}

/// The schema by which an item is read that somebody gave; refuses one that the model does not see.
pub(crate) fn reader_of<'py>(
    schema: &Bound<'py, Schema>,
    item: &[u8],
) -> PyResult<Bound<'py, Schema>> {
    let py = schema.py();
    let r = Reader::new(item).map_err(|error| malformed(py, &error))?;
    match owner(schema, &r)? {
        Owner::Own => Ok(schema.clone()),
        Owner::Other(schema) => Ok(schema),
        Owner::Foreign => {
            let model = schema.get();
            let entity_name = other_name(py, model, item)
                .map_or_else(|| "of none".to_owned(), |name| format!("of {name:?}"));
            let message = format!(
                "{name}.model_from_item takes items of the entity {own:?}, and this one is {entity_name}: pass it to the base class, which reads each item as its own class",
                name = model.name,
                own = model
                    .rules
                    .entities
                    .own
                    .as_ref()
                    .map_or("", |own| &own.name),
            );
            Err(validation_error(py, &message))
        }
    }
}

/// The entity of an item, where it is not the model's own or one of its subclasses.
pub(crate) fn other_name(py: Python<'_>, schema: &Schema, item: &[u8]) -> Option<String> {
    let subclasses = schema.entities.bind(py);
    let is_subclass = |name: &str| subclasses.contains(name).unwrap_or(false);
    schema.rules.entities.other_name(item, is_subclass)
}

/// That an item is one that this model reads: its own, or one of a subclass. None where it reads all there are.
pub(crate) fn readable(py: Python<'_>, schema: &Schema) -> PyResult<Option<Condition>> {
    let entities = &schema.rules.entities;
    if entities.reads_all() {
        return Ok(None);
    }
    let names = schema.entities.bind(py).keys();
    let names: Vec<String> = names
        .iter()
        .map(|name| text::declared(&name, "entity=").map(ToOwned::to_owned))
        .collect::<PyResult<_>>()?;
    let names = names.iter().map(String::as_str);
    let condition = entities.readable(names);
    condition.map_err(|error| raise(py, &error))
}

/// The error of a row that is no item of the model that reads it.
pub(crate) fn foreign(schema: &Bound<'_, Schema>) -> PyErr {
    let model = schema.get();
    misfit(
        schema.py(),
        &model.name,
        &model.rules.entities.attribute,
        "",
        "the stored item belongs to another entity",
    )
}
