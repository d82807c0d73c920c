//! Entities: items of several models in one table, and the schema that reads each of them.

use pydynox_core::expression::condition::Condition;
use pydynox_core::expression::path::Path as Place;
use pydynox_core::wire::Reader;
use pydynox_core::write::entity::Owner as Named;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::exceptions::{malformed, misfit, raise, validation_error};
use crate::interpreter::text;
use crate::model::schema::Schema;

/// The model that an item belongs to, seen from the model that reads it.
pub(crate) enum Owner<'py> {
    /// The reader's own.
    Own,
    /// A subclass of the reader.
    Other(Bound<'py, Schema>),
    /// A model that the reader does not see.
    Foreign,
}

/// The model that the item at a cursor belongs to.
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
    if let Some(schema) = subclass(schema, &name)? {
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

/// The schema of the subclass whose items have this name, for decoding them and for opening their protected values.
pub(crate) fn subclass<'py>(
    schema: &Bound<'py, Schema>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, Schema>>> {
    let py = schema.py();
    let model = schema.get();
    if let Some(schema) = model.entities.bind(py).get_item(name)?
        && let Ok(schema) = schema.cast_into::<Schema>()
    {
        return Ok(Some(schema));
    }
    // Annotations may have named a class that was defined later; resolve it now.
    let schema = model
        .model(py)
        .call_method1(intern!(py, "_find_entity"), (name,))?;
    Ok(schema.cast_into::<Schema>().ok())
}

/// The schema that reads an item passed by a caller; refuses one that the model does not see.
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

/// The entity of an item, if it is neither the model's own nor a subclass's.
pub(crate) fn other_name(py: Python<'_>, schema: &Schema, item: &[u8]) -> Option<String> {
    let subclasses = schema.entities.bind(py);
    let is_subclass = |name: &str| subclasses.contains(name).unwrap_or(false);
    schema.rules.entities.other_name(item, is_subclass)
}

/// The subclasses that are entities of their own.
fn subclasses<'py>(schema: &Bound<'py, Schema>) -> PyResult<Vec<Bound<'py, Schema>>> {
    let names = schema.get().entities.bind(schema.py()).keys();
    let mut subclasses = Vec::with_capacity(names.len());
    for name in names {
        if let Owner::Other(subclass) = named(schema, &name.extract::<String>()?)? {
            subclasses.push(subclass);
        }
    }
    Ok(subclasses)
}

/// Leave out the expired items of subclasses that hide them; the reader's own expired items are not among these.
pub(crate) fn subclasses_unless_expired(schema: &Bound<'_, Schema>) -> PyResult<Vec<Condition>> {
    let mut conditions = Vec::new();
    for subclass in subclasses(schema)? {
        let condition = subclass.get().rules.unless_expired();
        conditions.extend(condition.map_err(|error| raise(schema.py(), &error))?);
    }
    Ok(conditions)
}

/// The attributes that decide whether the model sees an item: its own, and those of subclasses that hide their expired items.
pub(crate) fn attributes_of_exists(schema: &Bound<'_, Schema>) -> PyResult<Vec<Place>> {
    let subclasses = subclasses(schema)?;
    let rules = &schema.get().rules;
    let own = rules.attributes_of_exists(!subclasses.is_empty());
    let hiding = subclasses
        .iter()
        .filter_map(|one| one.get().rules.hides_by());
    let mut names: Vec<&str> = Vec::new();
    for name in own.chain(hiding) {
        // DynamoDB refuses a projection that names an attribute twice.
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names.into_iter().map(Place::new).collect())
}

/// Limits items to those that this model reads: its own, and those of subclasses. None where it reads all of them.
pub(crate) fn readable(py: Python<'_>, schema: &Schema) -> PyResult<Option<Condition>> {
    let entities = &schema.rules.entities;
    if entities.reads_all() {
        return Ok(None);
    }
    // Listed for each read, because subclasses may have been defined since the last one.
    let names = schema.entities.bind(py).keys();
    let names: Vec<String> = names
        .iter()
        .map(|name| text::declared(&name, "entity=").map(ToOwned::to_owned))
        .collect::<PyResult<_>>()?;
    let names = names.iter().map(String::as_str);
    let condition = entities.readable(names);
    condition.map_err(|error| raise(py, &error))
}

/// The error for a row that does not belong to the model that reads it.
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
