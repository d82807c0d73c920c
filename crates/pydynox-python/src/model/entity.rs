//! Items of several models in one table: which one an item is of.

use std::borrow::Cow;

use pydynox_core::expression::condition::{Comparator, Condition, Operand};
use pydynox_core::expression::path::Path;
use pydynox_core::retry::proof::Proof;
use pydynox_core::wire::{Reader, WireError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::exceptions::{malformed, misfit, raise, validation_error};
use crate::interpreter::text;
use crate::model::entity_name::json;
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
    let others = model.entities.bind(py);
    if model.entity.is_none() && others.is_empty() {
        return Ok(Owner::Own);
    }
    let name =
        name_of(item.clone(), &model.entity_attribute).map_err(|error| malformed(py, &error))?;
    if let Some(own) = &model.entity
        && name.as_deref() == Some(&*own.name)
    {
        return Ok(Owner::Own);
    }
    let Some(name) = name else {
        // An item without an entity is of a model without one.
        return Ok(if model.entity.is_none() && !model.only_entities {
            Owner::Own
        } else {
            Owner::Foreign
        });
    };
    let name = PyString::new(py, &name);
    if let Some(found) = others.get_item(&name)?
        && let Ok(found) = found.cast_into::<Schema>()
    {
        return Ok(Owner::Other(found));
    }
    // A class whose annotations named what was yet to come may be known by now.
    let found = model
        .model(py)
        .call_method1(intern!(py, "_find_entity"), (&name,))?;
    if let Ok(found) = found.cast_into::<Schema>() {
        return Ok(Owner::Other(found));
    }
    if model.entity.is_some() || model.only_entities {
        return Ok(Owner::Foreign);
    }
    Err(misfit(
        py,
        &model.name,
        &model.entity_attribute,
        "",
        &format!(
            "the stored item is a {shown}, and no subclass says entity={shown}",
            shown = name.repr()?
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
            let found = other_name(py, model, item)
                .map_or_else(|| "of none".to_owned(), |name| format!("of {name:?}"));
            let message = format!(
                "{name}.model_from_item takes items of the entity {own:?}, and this one is {found}: give it to the base class, which reads each item as its own",
                name = model.name,
                own = model.entity.as_ref().map_or("", |own| &own.name),
            );
            Err(validation_error(py, &message))
        }
    }
}

/// The entity of an item, where it is not the model's own or one of its subclasses.
pub(crate) fn other_name(py: Python<'_>, schema: &Schema, item: &[u8]) -> Option<String> {
    schema.entity.as_ref()?;
    let name = name_of(Reader::new(item).ok()?, &schema.entity_attribute).ok()??;
    let is_own = schema.entity.as_ref().is_some_and(|own| *own.name == *name);
    let is_subclass = schema.entities.bind(py).contains(&*name);
    (!is_own && !is_subclass.unwrap_or(false)).then(|| name.into_owned())
}

/// The text of an attribute of an item, if it is one.
fn name_of<'a>(mut r: Reader<'a>, attribute: &str) -> Result<Option<Cow<'a, str>>, WireError> {
    r.begin_object()?;
    while let Some(key) = r.next_key()? {
        if !key.equals(attribute) {
            r.skip()?;
            continue;
        }
        r.begin_object()?;
        let Some(tag) = r.next_key()? else {
            return Ok(None);
        };
        if !tag.equals("S") {
            return Ok(None);
        }
        return Ok(Some(r.string()?.decode()?));
    }
    Ok(None)
}

/// That a stored item is of this model; None for a model that shares its table with none.
pub(crate) fn condition(schema: &Schema) -> Option<Condition> {
    let entity = schema.entity.as_ref()?;
    Some(Condition::compare(
        Comparator::Equal,
        Operand::Path(Path::new(&schema.entity_attribute)),
        Operand::Value(entity.json.clone()),
    ))
}

/// How many names a condition compares with at most.
const MAX_NAMES: usize = 100;

/// That an item is one that this model reads: its own, or one of a subclass. None where it reads all there are.
pub(crate) fn readable(py: Python<'_>, schema: &Schema) -> PyResult<Option<Condition>> {
    if schema.entity.is_none() && !schema.only_entities {
        return Ok(None);
    }
    let mut names: Vec<Operand> = schema
        .entity
        .iter()
        .map(|entity| Operand::Value(entity.json.clone()))
        .collect();
    for name in schema.entities.bind(py).keys() {
        names.push(Operand::Value(json(text::declared(&name, "entity=")?)));
    }
    let path = Operand::Path(Path::new(&schema.entity_attribute));
    match (names.pop(), names.is_empty()) {
        (None, _) => Ok(None),
        (Some(one), true) => Ok(Some(Condition::compare(Comparator::Equal, path, one))),
        // Whoever has more kinds of items tells them apart when they are read.
        (Some(_), false) if names.len() >= MAX_NAMES => Ok(None),
        (Some(last), false) => {
            names.push(last);
            Condition::is_in(path, names)
                .map(Some)
                .map_err(|error| raise(py, &error))
        }
    }
}

/// The error of a row that is no item of the model that reads it.
pub(crate) fn foreign(schema: &Bound<'_, Schema>) -> PyErr {
    let model = schema.get();
    misfit(
        schema.py(),
        &model.name,
        &model.entity_attribute,
        "",
        "the stored item is of another entity",
    )
}

/// That there is no item, or one of this model.
pub(crate) fn absent_or_own(py: Python<'_>, schema: &Schema) -> PyResult<Option<Condition>> {
    let Some(own) = condition(schema) else {
        return Ok(None);
    };
    let absent = Condition::not_exists(Path::new(&schema.partition_key().attribute_name));
    absent.or(&own).map(Some).map_err(|error| raise(py, &error))
}

/// What tells an item of another model from one whose condition is false.
pub(crate) fn proof(schema: &Schema) -> Option<Box<Proof>> {
    let entity = schema.entity.as_ref()?;
    Some(Box::new(Proof {
        entity: Some((schema.entity_attribute.clone(), entity.json.clone())),
        ..Proof::default()
    }))
}
