//! What an update adds to its caller's actions: defaults of an item that it may create, and what templates build.

use pydynox_core::expression::action::{Outcome, Source, Term};
use pydynox_core::expression::actions::Actions;
use pydynox_core::expression::condition::Condition;
use pydynox_core::wire::{Reader, Writer};
use pydynox_core::write::conditions::{both, holds};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::exceptions::{internal, validation_error, validation_errors};
use crate::item::stored;
use crate::model::item::Item;
use crate::model::protection;
use crate::model::schema::Schema;
use crate::model::template::Template;
use crate::values::decode::Decoder;
use crate::values::encode::{is_absent, write_attribute};
use crate::values::field::{Field, Role};
use crate::values::plain::admitted;

/// Have an update that may create an item give every other attribute the value that a new instance would have. `named` are
/// the attributes that its key was built from.
pub(crate) fn fill_defaults<'py>(
    py: Python<'py>,
    schema: &Schema,
    key: &Bound<'py, PyTuple>,
    named: Option<&Bound<'py, PyDict>>,
    actions: &mut Actions,
) -> PyResult<()> {
    let mut missing = Vec::new();
    let mut values: Vec<Option<Bound<'_, PyAny>>> = vec![None; schema.len()];
    // Templates of other attributes, such as the keys of an index, may be built from the key of the item.
    for ((index, _), value) in schema.key_indexes().zip(key.iter()) {
        values[index] = Some(value);
    }
    for (index, field) in schema.fields().enumerate() {
        if field.role != Role::Attribute || field.is_managed() || field.template.is_some() {
            continue;
        }
        let name = &*field.attribute_name;
        if actions.touches(name) {
            // A REMOVE, or a change of a place inside it, gives a new item no value for the attribute.
            if field.is_required() && !actions.fills(name) {
                missing.push(field);
            }
            continue;
        }
        let given = match named {
            Some(named) => named.get_item(&field.public_name)?,
            None => None,
        };
        let value = match given {
            Some(given) => Some(given),
            None => field.initial(py)?,
        };
        let Some(value) = value else {
            missing.push(field);
            continue;
        };
        let value =
            admitted(field, &value).map_err(|problem| field.refuse(py, &schema.name, &problem))?;
        fill(actions, schema, field, &value)?;
        values[index] = Some(value);
    }
    if !missing.is_empty() {
        return Err(unfilled(py, schema, &missing));
    }
    fill_templates(py, schema, &values, actions)?;
    if let Some(own) = &schema.rules.entities.own {
        actions.fill(&schema.rules.entities.attribute, &own.json);
    }
    Ok(())
}

/// Give attributes that are built from others, such as the keys of an index, the text of a new item.
fn fill_templates(
    py: Python<'_>,
    schema: &Schema,
    values: &[Option<Bound<'_, PyAny>>],
    actions: &mut Actions,
) -> PyResult<()> {
    for template in &schema.templates {
        let field = schema.field(template.target);
        // Where an action sets a source, follow() has built the text already.
        if field.role != Role::Attribute || template.sources().any(|index| values[index].is_none())
        {
            continue;
        }
        let text = text_of(py, schema, template, |index| values[index].clone())?;
        if let Some(text) = text {
            fill(actions, schema, field, &text)?;
        }
    }
    Ok(())
}

fn fill(
    actions: &mut Actions,
    schema: &Schema,
    field: &Field,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if !is_absent(field, value) {
        actions.fill(&field.attribute_name, &encoded(schema, field, value)?);
    }
    Ok(())
}

fn encoded(schema: &Schema, field: &Field, value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut w = Writer::with_capacity(32);
    write_attribute(&mut w, field, value, 0)
        .map_err(|problem| field.refuse(value.py(), &schema.name, &problem))?;
    if field.protected.is_some() {
        protection::mark(&mut w, 0, field);
    }
    Ok(w.into_bytes())
}

fn unfilled(py: Python<'_>, schema: &Schema, missing: &[&Field]) -> PyErr {
    let problems = missing.iter().map(|field| {
        let (model, name) = (&schema.name, &field.text);
        let of_key = schema.templates.iter().any(|template| {
            schema.field(template.target).role != Role::Attribute
                && schema.position(name).is_some_and(|index| template.uses(index))
        });
        let message = if of_key {
            format!(
                "{model}.{name} is part of the key, and with upsert=True this update may create a new {model}: build the key from its attributes, as in {model}.key({name}=...)"
            )
        } else {
            format!(
                "{model}.{name} has no default, and with upsert=True this update may create a new {model}: add {model}.{name}.set(...)"
            )
        };
        (name.to_string(), message)
    });
    validation_errors(py, problems.collect())
}

fn text_of<'py>(
    py: Python<'py>,
    schema: &Schema,
    template: &Template,
    value: impl Fn(usize) -> Option<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let text = template.text(schema, |index| {
        Ok(value(index).unwrap_or_else(|| py.None().into_bound(py)))
    })?;
    match text {
        Ok(text) => Ok(text.map(|text| PyString::new(py, &text).into_any())),
        Err((index, problem)) => Err(schema.field(index).refuse(py, &schema.name, &problem)),
    }
}

/// That a template's other sources are stored as the instance knows them, where an update changes one: two updates of
/// two sources would otherwise leave a text that fits neither.
pub(crate) fn unmoved(
    item: &Item<'_, '_>,
    is_touched: impl Fn(usize) -> bool,
) -> PyResult<Option<Condition>> {
    let (py, schema) = (item.py(), item.model());
    let mut guard: Option<Condition> = None;
    let mut seen = Vec::new();
    for template in &schema.templates {
        if !template.sources().any(&is_touched) {
            continue;
        }
        for index in template.sources() {
            if is_touched(index) || seen.contains(&index) {
                continue;
            }
            seen.push(index);
            let field = schema.field(index);
            // DynamoDB never changes a key attribute of an item, so a key needs no guard.
            if field.role != Role::Attribute {
                continue;
            }
            let json = stored::stored_json(item, index)?;
            let one = holds(&field.attribute_name, json.as_deref());
            guard = both(guard, Some(one)).map_err(|error| internal(py, error.message()))?;
        }
    }
    Ok(guard)
}

/// Have an update also write what templates build from the attributes that it sets. `stored_value` gives what is stored,
/// where known.
pub(crate) fn follow<'py>(
    py: Python<'py>,
    schema: &Schema,
    actions: &mut Actions,
    stored_value: impl Fn(usize) -> PyResult<Option<Bound<'py, PyAny>>>,
) -> PyResult<()> {
    for template in &schema.templates {
        let is_touched = |index: usize| actions.touches(&schema.field(index).attribute_name);
        if !template.sources().any(is_touched) {
            continue;
        }
        let mut values: Vec<Option<Bound<'py, PyAny>>> = vec![None; schema.len()];
        let mut unknown = Vec::new();
        for index in template.sources() {
            let field = schema.field(index);
            values[index] = match actions.outcome(&field.attribute_name) {
                Outcome::Value(json) => Some(decoded(py, field, json)?),
                Outcome::Nothing => Some(py.None().into_bound(py)),
                Outcome::Untouched => stored_value(index)?,
                Outcome::Unknown => None,
            };
            if values[index].is_none() {
                unknown.push(&*field.text);
            }
        }
        let target = schema.field(template.target);
        if !unknown.is_empty() {
            return Err(validation_error(
                py,
                &format!(
                    "{model}.{} is built from {:?}, and this update changes part of it without knowing {}: set all of it with .set(value), or load the item and save it",
                    target.text,
                    template.describe(schema),
                    unknown.join(" and "),
                    model = schema.name,
                ),
            ));
        }
        match text_of(py, schema, template, |index| values[index].clone())? {
            Some(text) => {
                let json = encoded(schema, target, &text)?;
                actions.set_managed(
                    &target.attribute_name,
                    Term::Source(Source::Value(json.into())),
                );
            }
            None => actions.remove_managed(&target.attribute_name),
        }
    }
    Ok(())
}

fn decoded<'py>(py: Python<'py>, field: &Field, json: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let broken = || internal(py, "an action whose value cannot be read");
    let mut r = Reader::new(json).map_err(|_| broken())?;
    Decoder::new(py)
        .value(&mut r, &field.kind)
        .map_err(|_| broken())
}
